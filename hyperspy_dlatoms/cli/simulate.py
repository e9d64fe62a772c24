# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms simulate``."""

import argparse
import sys
from pathlib import Path

from hyperspy_dlatoms.cli._output import print_rows

HELP = "simulate a data set of images"
EXAMPLES = """
dlatoms simulate recipes/graphene.yaml -o data/graphene --workers 4
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe (YAML)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="directory of the data set"
    )
    parser.add_argument(
        "--workers", metavar="N", type=int, help="number of processes (default: one per core)"
    )


def run(options: argparse.Namespace) -> None:
    """Write the data set, or complete it."""
    from hyperspy_dlatoms.simulation import dataset

    dataset.simulate(
        options.recipe,
        options.output,
        num_workers=options.workers,
        show_progressbar=sys.stderr.isatty(),
    )
    print_rows(("wrote", f"{options.output}"))
