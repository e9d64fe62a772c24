# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms data``."""

import argparse

HELP = "list data sets and example images"
EXAMPLES = """
dlatoms data
dlatoms data movie  # then hyperspy_dlatoms.registry.load_dataset("movie")
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="details of one")
    parser.add_argument("--offline", action="store_true", help="never use the network")


def run(options: argparse.Namespace) -> None:
    """Print a table of the data sets, or the details of one."""
    from hyperspy_dlatoms import registry

    if options.name is None:
        print(registry.list("dataset", "example", offline=options.offline))
    else:
        print(registry.info(options.name, offline=options.offline))
