# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the models of the package, by their cards, so that they are those of today.

``shipped-models``: what each is for. ``shipped-scores``: F1 and error by dose, on held-out waves.
``shipped-evaluation MODEL``: the main figures of `dlatoms evaluate` by dose. ``shipped-precision``:
what half precision costs.
"""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks._precision import F1, HALF, SHIFT, keeps_accuracy
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import read_model

DOSES = ("100", "316", "1000", "3162", "10000", "100000")
"""Of the table of scores, e/Å²."""

FIGURES = {
    "precision": ("precision", 1, 3),
    "recall": ("recall", 1, 3),
    "rms": ("rms error along an axis (pm)", 1, 1),
    "times_bound": ("error over the Cramér-Rao bound", 1, 2),
    "recall_single": ("recall of single atoms", 1, 2),
    "filled": ("vacancies filled (%)", 100, 0),
    "height_error": ("mean error of the height (atoms)", 1, 1),
    "heights_right": ("heights right (%)", 100, 0),
}
"""Figures of the evaluation: their names, factors and digits."""


class _Table(Directive):
    def run(self) -> list[nodes.Node]:
        lines = StringList(table(self.rows(), self.title()), source="model cards")
        node = nodes.container()
        self.state.nested_parse(lines, self.content_offset, node)
        return node.children

    def rows(self) -> list[list[str]]:
        raise NotImplementedError

    def title(self) -> str:
        return ""


class ShippedModels(_Table):
    """What each model is for."""

    def rows(self) -> list[list[str]]:
        rows = [["name", "version", "finds", "Å/px", "e/Å² from", "keV", "MB"]]
        for name, card in cards().items():
            size = registry.info(name).entry.size
            finds = ", ".join(card.classes) if card.kind == "sites" else "exit wave"
            sampling, dose = (interval(card.domain.get(key)) for key in ("sampling", "dose"))
            energy = interval(card.domain.get("energy"), 1e-3)
            dose = dose.removesuffix(" and more")
            megabytes = f"{size / 1e6:.1f}"
            rows.append([f"``{name}``", card.version, finds, sampling, dose, energy, megabytes])
        return rows


class ShippedScores(_Table):
    """F1 and the rms error in pm by dose, of all models that find sites."""

    def rows(self) -> list[list[str]]:
        rows = [["name", *(f"{grouped(dose)} e/Å²" for dose in DOSES)]]
        for name, card in cards().items():
            scores = card.scores
            if "F1 at 1000 e/Å²" in scores:
                rows.append([f"``{name}``", *(self.cell(scores, dose) for dose in DOSES)])
        return rows

    @staticmethod
    def cell(scores: dict[str, Any], dose: str) -> str:
        f1 = scores.get(f"F1 at {dose} e/Å²")
        rms = scores.get(f"rms error at {dose} e/Å² (pm)")
        return "" if f1 is None else f"{f1:.2f} ({rms:.0f} pm)" if f1 else "0"


class ShippedPrecision(_Table):
    """F1 and the rms error in both precisions, of the models in which they were measured."""

    def title(self) -> str:
        return "``tools/half_precision.py``, 56 images each: float32, then bfloat16"

    def rows(self) -> list[list[str]]:
        rows = [["network", "true sites", "F1", "rms error (pm)", "shift (pm)", "runs in"]]
        for name, card in cards().items():
            if (scores := card.scores.get(HALF)) is not None:
                f1, rms = (
                    ", ".join(f"{one:.{digits}f}" for one in scores[key])
                    for key, digits in (
                        (F1, 4),
                        ("rms error in float32 and bfloat16 (pm)", 2),
                    )
                )
                shift = f"{scores[SHIFT]:.2f}"
                runs = HALF if keeps_accuracy(card) else "float32"
                rows.append([f"``{name}``", grouped(scores["true sites"]), f1, rms, shift, runs])
        return rows


class ShippedEvaluation(_Table):
    """The figures of an evaluation that the card has, by dose."""

    required_arguments: ClassVar[int] = 1

    def title(self) -> str:
        name = self.arguments[0]
        return f"``{name}`` {cards()[name].version}: ``dlatoms evaluate {name}``"

    def rows(self) -> list[list[str]]:
        points = cards()[self.arguments[0]].scores["evaluation"]["dose"]
        used = {
            key: figure
            for key, figure in FIGURES.items()
            if any(point.get(key) is not None for point in points.values())
        }
        rows = [["e/Å²", *(title for title, _, _ in used.values())]]
        for dose, point in points.items():
            cells = []
            for key, (_, factor, digits) in used.items():
                value = point.get(key)
                cells.append("" if value is None else f"{factor * value:.{digits}f}")
            rows.append([grouped(dose), *cells])
        return rows


def cards() -> dict[str, ModelCard]:
    return {name: read_model(registry.path(name))[0] for name in registry.names()}


def interval(values: list[float | None] | None, factor: float = 1.0) -> str:
    if not values:
        return ""
    low, high = ("" if value is None else f"{value * factor:g}" for value in values)
    return f"{low} to {high}" if high else f"{low} and more"


def grouped(number: str) -> str:
    """Return a whole number with its thousands apart, on one line."""
    return f"{int(number):,}".replace(",", "\u202f")


def table(rows: list[list[str]], title: str = "") -> list[str]:
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if not n else '  -'} {cell}" for n, cell in enumerate(row)]
    return lines


def setup(app) -> dict[str, bool]:
    app.add_directive("shipped-models", ShippedModels)
    app.add_directive("shipped-scores", ShippedScores)
    app.add_directive("shipped-precision", ShippedPrecision)
    app.add_directive("shipped-evaluation", ShippedEvaluation)
    return {"parallel_read_safe": True}
