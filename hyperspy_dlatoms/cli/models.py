# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms models``."""

import argparse

HELP = "list networks and ensembles"
EXAMPLES = """
dlatoms models
dlatoms models graphene
    # what it was trained on, and how well it does
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="show the details of one")
    parser.add_argument("--offline", action="store_true", help="never use the internet")


def run(options: argparse.Namespace) -> None:
    """Print a table of the models, or the details of one, its scores explained."""
    show(options, "model", "ensemble")
    if options.name is None:
        print("\nFor details of one: dlatoms models NAME")


def show(options: argparse.Namespace, *kinds: str) -> None:
    """Print a table of entries of some kinds, or the details of one."""
    from hyperspy_dlatoms import registry

    offline, name = options.offline, options.name
    print(registry.info(name, offline=offline) if name else registry.list(*kinds, offline=offline))
