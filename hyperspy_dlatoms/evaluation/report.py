# SPDX-License-Identifier: GPL-3.0-or-later
"""An evaluation as one page of HTML that needs nothing else, as JSON, and as a few numbers."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hyperspy_dlatoms.evaluation.evaluate import Evaluation
from hyperspy_dlatoms.evaluation.plots import (
    LABELS,
    curve_figure,
    example_figure,
    film_figure,
    height_figure,
    reliability_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    "height_error": "mean error of heights (atoms)",
    "heights_right": "heights right",
}

HEIGHT_COLUMNS = {
    "lowest": "atoms from",
    "highest": "to",
    "sites": "columns",
    "recall": "recall",
    "rms": "rms (pm)",
    "height_error": "mean error of heights (atoms)",
    "heights_right": "heights right",
}

_DIGITS = {"rms_y": 1, "rms_x": 1, "rms": 1, "bound": 2, "times_bound": 2, "times_joint_bound": 2}


def write_report(evaluation: Evaluation, directory: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``scores.json``.

    Parameters
    ----------
    evaluation : Evaluation
        What to write.
    directory : pathlib.Path
        Where; made if it is not there.

    Returns
    -------
    report, scores : pathlib.Path
        The files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    report, scores = directory / "report.html", directory / "scores.json"
    report.write_text(to_html(evaluation), encoding="utf-8")
    text = json.dumps(evaluation.numbers, indent=1, allow_nan=False, ensure_ascii=False)
    scores.write_text(text + "\n", encoding="utf-8")
    return report, scores


def summary(numbers: dict[str, Any]) -> dict[str, Any]:
    """Give the few numbers of an evaluation that a model card keeps.

    Parameters
    ----------
    numbers : dict
        Of an `Evaluation`.

    Returns
    -------
    dict
        At each dose ``precision``, ``recall``, ``f1``, ``rms`` (pm) and ``times_bound``; the most
        ``false atoms per nm²`` on any film; calibration and coverage.
    """
    calibration = numbers["calibration"]
    kept = ("sites", "precision", "recall", "f1", "rms", "times_bound", "recall_single", "filled")
    kept += ("height_error", "heights_right")
    return {
        "material": numbers["material"],
        "frames": numbers["frames"],
        "seed": numbers["seed"],
        "dose": {
            f"{row['value']:g}": {name: _rounded(row[name]) for name in kept}
            for row in numbers["curves"]["dose"]
        },
        "false atoms per nm²": _rounded(max(row["density"] for row in numbers["films"])),
        "expected calibration error": _rounded(calibration["reported"]["error"]),
        "within one sigma": _rounded(calibration["coverage"]["within_1"]),
    }


def to_html(evaluation: Evaluation) -> str:
    """Turn an evaluation into a page.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.

    Returns
    -------
    str
        HTML with its pictures inside.
    """
    numbers = evaluation.numbers
    about = numbers.get("model", {"name": "finder"})
    title = f"Evaluation of {about['name']}"
    facts = {**about, "tested on": numbers["material"], "seed": numbers["seed"]}
    parts = [f"<h1>{html.escape(title)}</h1>", _facts(facts), "<h2>Reference conditions</h2>"]
    parts.append(_facts(numbers["imaging"]))
    if evaluation.examples:
        parts.append("<h2>Examples</h2>")
        parts.append("<p>Rings: right; crosses: false; dots: not found.</p>")
        parts.append(_picture(example_figure(evaluation.examples)))
    for name, rows in numbers["curves"].items():
        parts.append(f"<h2>Against {html.escape(LABELS.get(name, name).split(' (')[0])}</h2>")
        parts.append(_picture(curve_figure(name, rows)))
        parts.append(_table(rows, CURVE_COLUMNS | {"value": LABELS.get(name, name)}))
    if numbers["heights"]:
        parts.append("<h2>Against the height of the column</h2>")
        parts.append(_picture(height_figure(numbers["heights"])))
        parts.append(_table(numbers["heights"], HEIGHT_COLUMNS))
    parts.append("<h2>False atoms where there are none</h2>")
    parts.append(_picture(film_figure(numbers["films"])))
    columns = {"thickness": "carbon (Å)", "dose": LABELS["dose"], "area": "area (nm²)"}
    columns |= {"false": "false atoms", "density": "per nm²"}
    parts.append(_table(numbers["films"], columns))
    parts.append("<h2>Calibration</h2>")
    parts.append(_picture(reliability_figure(numbers["calibration"])))
    parts.append(_facts(_calibration(numbers["calibration"])))
    parts.append(_notes())
    page = files("hyperspy_dlatoms.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return page.replace("{title}", html.escape(title)).replace("{body}", "\n".join(parts))


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


def _notes() -> str:
    return (
        "<p>Sites are matched one to one within 0.5 Å; those within 3 Å of the edge of the frame "
        "are left out. Shades are Wilson intervals of 95 %. The bound is that of Cramér and Rao "
        "for positions, with lens and heights known, over the sites for which it was computed: a "
        "method that draws on what crystals look like can be below it, and one that does not know "
        "the aberrations stays above it at high dose.</p>"
    )


def _table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    table = pd.DataFrame(rows)[list(columns)].dropna(axis="columns", how="all")
    for name in table.columns:
        table[name] = [_shown(value, _DIGITS.get(name, 3)) for value in table[name]]
    return table.rename(columns=columns).to_html(index=False, border=0, na_rep="")


def _facts(facts: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(_shown(value, 4))}</td></tr>"
        for name, value in facts.items()
    )
    return f'<table class="facts">{rows}</table>'


def _shown(value: Any, digits: int) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else f"{value:.{digits}f}"
    if isinstance(value, (list, tuple)):
        return " to ".join(_shown(one, digits) for one in value)
    return str(value)


def _picture(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="" src="data:image/png;base64,{code}">'


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
