# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms export``."""

import argparse
from pathlib import Path

from hyperspy_dlatoms.cli._output import check_writable, print_rows

HELP = "write a network as ONNX, for other programs"
EXAMPLES = """
dlatoms export metal-nanoparticle metal-nanoparticle.onnx
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("model", metavar="MODEL", help="a name or a file")
    parser.add_argument("output", metavar="OUT", type=Path, help="file to write (.onnx)")


def run(options: argparse.Namespace) -> None:
    """Write the file, and print how to use it."""
    from hyperspy_dlatoms.networks._onnx import export_onnx
    from hyperspy_dlatoms.networks.architecture import grid_multiple
    from hyperspy_dlatoms.networks.model_file import open_model
    from hyperspy_dlatoms.registry import catalogue

    check_writable(options.output)
    path = catalogue.file_of(options.model)
    card = open_model(path).card
    export_onnx(path, options.output)
    print_rows(
        ("network", f"{card.name} {card.version}"),
        ("input", f"normalised images at {card.sampling:g} Å/px"),
        ("sides", f"multiples of {grid_multiple(card.arguments)} px"),
        ("wrote", f"{options.output}"),
    )
