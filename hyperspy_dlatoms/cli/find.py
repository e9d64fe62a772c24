# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms find``."""

from __future__ import annotations

import argparse

from hyperspy_dlatoms.cli import searching

HELP = "find the atoms of the images in a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    searching.add_arguments(parser, model="metal-nanoparticle")


def run(options: argparse.Namespace) -> None:
    """Find the atoms, write them, and print how many there are."""
    from hyperspy_dlatoms.signals.methods import find_atoms_nn

    searching.search(options, find_atoms_nn)
