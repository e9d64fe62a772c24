# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms data``."""

import argparse

from hyperspy_dlatoms.cli.models import add_arguments as add_arguments
from hyperspy_dlatoms.cli.models import show

HELP = "list data sets and example images"
EXAMPLES = """
dlatoms data
dlatoms data movie
    # then hyperspy_dlatoms.registry.load_dataset("movie")
"""


def run(options: argparse.Namespace) -> None:
    """Print a table of the data sets, or the details of one."""
    show(options, "dataset", "example")
