# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms models``."""

from __future__ import annotations

import argparse

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
            *((name, _short(value)) for name, value in card.scores.items()),
        )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
