# SPDX-License-Identifier: GPL-3.0-or-later
"""The directive ``shipped-models``: the models of the package, by their cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import read_model

CURVE = {"f1": "F1", "rms": "rms error (pm)", "times_bound": "error over the bound"}


class ShippedModels(Directive):
    """Two tables: what each model is for, and the scores on its card."""

    def run(self) -> list[nodes.Node]:
        models = {name: read_model(registry.path(name))[0] for name in registry.names()}
        lines = StringList([*about(models), "", *scores(models)], source="model cards")
        node = nodes.container()
        self.state.nested_parse(lines, self.content_offset, node)
        return node.children


def about(models: dict[str, ModelCard]) -> list[str]:
    rows = [["name", "version", "finds", "Å/px", "e/Å²", "keV", "size (MB)", "licence"]]
    for name, card in models.items():
        size = registry.info(name).entry.size
        rows.append(
            [
                f"``{name}``",
                card.version,
                ", ".join(card.classes),
                interval(card.domain.get("sampling")),
                interval(card.domain.get("dose")),
                interval(card.domain.get("energy"), 1e-3),
                f"{size / 1e6:.1f}",
                card.licence,
            ]
        )
    return table("Models that come with the package, and the images that they are for", rows)


def scores(models: dict[str, ModelCard]) -> list[str]:
    columns = {name: dict(numbers(card.scores)) for name, card in models.items()}
    rows = [["score", *(f"``{name}``" for name in models)]]
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        values = (column.get(name) for column in columns.values())
        rows.append([name, *("" if value is None else f"{value:.3g}" for value in values)])
    return table("Scores on their cards", rows)


def numbers(scores: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the scores of a card by name; those of `dlatoms evaluate` and of benchmarks by dose."""
    for name, value in scores.items():
        if isinstance(value, int | float):
            yield name, value
    evaluation = scores.get("evaluation", {})
    for dose, point in evaluation.get("dose", {}).items():
        for short, full in CURVE.items():
            if point.get(short) is not None:
                yield f"evaluation: {full} at {dose} e/Å²", point[short]
    for name, value in evaluation.items():
        if isinstance(value, float):
            yield f"evaluation: {name}", value
    for kind, points in scores.get("species", {}).items():
        for dose, point in points.items():
            yield f"F1 of {kind} at {dose} e/Å²", point["f1"]
    for known, points in scores.get("relative error", {}).items():
        for dose, error in points.items():
            yield f"relative error of the wave at {dose} e/Å², {known}", error


def interval(values: list[float | None] | None, factor: float = 1.0) -> str:
    if not values:
        return ""
    low, high = ("" if value is None else f"{value * factor:g}" for value in values)
    return f"{low} to {high}" if high else f"{low} and more"


def table(title: str, rows: list[list[str]]) -> list[str]:
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if not n else '  -'} {cell}" for n, cell in enumerate(row)]
    return lines


def setup(app) -> dict[str, bool]:
    app.add_directive("shipped-models", ShippedModels)
    return {"parallel_read_safe": True}
