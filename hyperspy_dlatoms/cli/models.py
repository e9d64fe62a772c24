# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms models``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from hyperspy_dlatoms.cli._printing import print_rows, print_table

HELP = "list networks and ensembles"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="details of one")
    parser.add_argument("--offline", action="store_true", help="never use the network")


def run(options: argparse.Namespace) -> None:
    """Print a table of the models, or the details of one, its card included."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.networks.model_file import read_model

    if options.name is None:
        print_table(registry.list("model", "ensemble", offline=options.offline))
        return
    item = registry.info(options.name, offline=options.offline)
    print_table(item)
    if item.path and item.entry.kind == "model":
        card, _ = read_model(item.path)
        print_rows(
            ("working sampling", f"{card.sampling:g} Å/px"),
            ("threshold", f"{card.threshold:g}"),
            ("hysteresis", f"{card.anchor or card.threshold:g}"),
            *_rows(card.scores),
        )


def _rows(scores: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row for each score; those of a group, as of an evaluation at a dose, share one."""
    for name, value in scores.items():
        if not isinstance(value, Mapping):
            yield before + name, _short(value)
            continue
        known = {n: one for n, one in value.items() if one is not None}
        groups = {n: one for n, one in known.items() if isinstance(one, Mapping)}
        if len(groups) < len(known):
            alone = [f"{n} {_short(one)}" for n, one in known.items() if n not in groups]
            yield before + name, ", ".join(alone)
        yield from _rows(groups, f"{before}{name}, ")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
