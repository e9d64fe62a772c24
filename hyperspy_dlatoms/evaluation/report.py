# SPDX-License-Identifier: GPL-3.0-or-later
"""An evaluation as a self-contained HTML page, as JSON, and as a summary."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hyperspy_dlatoms.evaluation import _plots
from hyperspy_dlatoms.evaluation.evaluate import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OF_HEIGHTS = {
    "height_error": "mean error of heights (atoms)",
    "scaled_height_error": "… with one factor per frame",
    "heights_right": "heights right",
    "heights_within_1": "heights within one sigma",
    "heights_within_2": "two",
}

CURVE_COLUMNS = {
    "value": "",
    "frames": "frames",
    "sites": "sites",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "rms_y": "rms y (pm)",
    "rms_x": "rms x (pm)",
    "bound": "bound (pm)",
    "times_bound": "times the bound",
    "times_joint_bound": "… neighbours unknown",
    "recall_single": "recall, single atoms",
    "recall_edge": "recall, edges",
    "filled": "filled vacancies",
} | _OF_HEIGHTS

HEIGHT_COLUMNS = {
    "lowest": "atoms from",
    "highest": "to",
    "sites": "columns",
    "recall": "recall",
    "rms": "rms (pm)",
} | _OF_HEIGHTS

CALIBRATION_COLUMNS = {
    "height": "atoms",
    "columns": "columns",
    "found": "mean found",
    "spread": "spread",
    "sigma": "mean stated sigma",
    "error": "mean error of heights (atoms)",
}

FILM_COLUMNS = {
    "thickness": "carbon (Å)",
    "dose": _plots.LABELS["dose"],
    "area": "area (nm²)",
    "false": "false atoms",
    "density": "per nm²",
}

_DIGITS = {"rms_y": 1, "rms_x": 1, "rms": 1, "bound": 2, "times_bound": 2, "times_joint_bound": 2}

# The scores on a card at each dose.
_CARD = (
    *("sites", "precision", "recall", "f1", "rms", "times_bound", "recall_single", "filled"),
    *("height_error", "heights_right"),
)


def write_report(evaluation: Evaluation, directory: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``scores.json``.

    Parameters
    ----------
    evaluation : Evaluation
        What to write.
    directory : pathlib.Path
        Where to write it; created if missing.

    Returns
    -------
    tuple of pathlib.Path
        The two files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    report, scores = directory / "report.html", directory / "scores.json"
    report.write_text(to_html(evaluation), encoding="utf-8")
    text = json.dumps(evaluation.numbers, indent=1, allow_nan=False, ensure_ascii=False)
    scores.write_text(text + "\n", encoding="utf-8")
    return report, scores


def summary(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return a summary of `Evaluation.numbers` for a model card."""
    # Holds some `scores` at each dose (``rms`` in pm), the most false atoms per nm² on any film,
    # calibration error and coverage.
    calibration = numbers["calibration"]
    return {
        "material": numbers["material"],
        "frames": numbers["frames"],
        "seed": numbers["seed"],
        "dose": {
            f"{row['value']:g}": {name: _rounded(row[name]) for name in _CARD}
            for row in numbers["curves"]["dose"]
        },
        "false atoms per nm²": _rounded(max(row["density"] for row in numbers["films"])),
        "expected calibration error": _rounded(calibration["reported"]["error"]),
        "within one sigma": _rounded(calibration["coverage"]["within_1"]),
    }


def to_html(evaluation: Evaluation) -> str:
    """Return an evaluation as an HTML page with embedded pictures."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hyperspy_dlatoms.evaluation", "."), autoescape=True
    )
    environment.filters |= {"number": _shown, "png": _png}
    numbers = evaluation.numbers
    about = numbers.get("model", {"name": "finder"})
    sections = []
    for name, rows in numbers["curves"].items():
        label = _plots.LABELS.get(name, name)
        table = _table(rows, CURVE_COLUMNS | {"value": label})
        sections.append(
            _section(f"Against {label.split(' (')[0]}", _plots.curve_figure(name, rows), table)
        )
    if numbers["heights"]:
        table = _table(numbers["heights"], HEIGHT_COLUMNS)
        figure = _plots.height_figure(numbers["heights"])
        sections.append(_section("Against the height of the column", figure, table))
    if numbers["height_calibration"]:
        table = _table(numbers["height_calibration"], CALIBRATION_COLUMNS)
        figure = _plots.height_calibration_figure(
            numbers["height_calibration"], numbers["curves"]["dose"]
        )
        sections.append(_section("Calibration of the heights", figure, table))
    table = _table(numbers["films"], FILM_COLUMNS)
    figure = _plots.film_figure(numbers["films"])
    sections.append(_section("False atoms where there are none", figure, table))
    return environment.get_template("report.html").render(
        title=f"Evaluation of {about['name']}",
        about={**about, "tested on": numbers["material"], "seed": numbers["seed"]},
        imaging=numbers["imaging"],
        examples=_plots.example_figure(evaluation.examples) if evaluation.examples else None,
        sections=sections,
        reliability=_plots.reliability_figure(numbers["calibration"]),
        calibration=_calibration(numbers["calibration"]),
    )


def _section(title: str, figure: Figure, table: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "figure": figure, "table": table}


def _table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> dict[str, Any]:
    """Return the names and formatted values of the columns that are not empty."""
    table = pd.DataFrame(rows)[list(columns)].dropna(axis="columns", how="all")
    shown = [[_shown(value, _DIGITS.get(name, 3)) for value in table[name]] for name in table]
    return {"names": [columns[name] for name in table], "rows": list(zip(*shown, strict=True))}


def _calibration(numbers: dict[str, Any]) -> dict[str, Any]:
    found = numbers["coverage"]
    return {
        "expected calibration error of the reported atoms": numbers["reported"]["error"],
        f"… with the threshold at {numbers['lowest']:g}": numbers["lowered"]["error"],
        "errors within one sigma (0.683 if right)": found["within_1"],
        "errors within two sigmas (0.954)": found["within_2"],
        "errors of heights within one sigma": numbers["height_coverage"]["within_1"],
        "rms error / rms sigma (1)": found["rms_ratio"],
        "doses from (e/Å²)": numbers["doses_from"],
    }


def _shown(value: Any, digits: int) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else f"{value:.{digits}f}"
    if isinstance(value, (list, tuple)):
        return " to ".join(_shown(one, digits) for one in value)
    return str(value)


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
