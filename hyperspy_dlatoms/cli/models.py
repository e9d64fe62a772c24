# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms models``."""

import argparse

HELP = "list networks and ensembles"
EXAMPLES = """
dlatoms models
dlatoms models graphene  # what it was trained on, and how well it does
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="details of one")
    parser.add_argument("--offline", action="store_true", help="never use the network")


def run(options: argparse.Namespace) -> None:
    """Print a table of the models, or the details of one, its scores explained."""
    from hyperspy_dlatoms import registry

    if options.name is None:
        print(registry.list("model", "ensemble", offline=options.offline))
        print("\nMore about one of them: dlatoms models NAME")
    else:
        print(registry.info(options.name, offline=options.offline))
