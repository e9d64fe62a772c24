# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms classify``."""

import argparse

from hyperspy_dlatoms.cli import _searching

HELP = "find atoms, vacancies and their species in focal series"
EXAMPLES = """
dlatoms classify series.emd --defoci -40 0 40 -o sites.csv --plot sites.png
dlatoms classify under.tif focus.tif over.tif --defoci 40 0 -40 -o sites.csv
dlatoms classify "ws2/*.emd" --material WS2 --model mx2-focal-series -o sites
    # one table per file, in the directory sites
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    _searching.add_arguments(parser, model="mos2-focal-series")
    parser.add_argument(
        "--material",
        metavar="MX2",
        help="formula of the layer, such as WS2, for networks that take its elements as an input",
    )
    parser.add_argument(
        "--focal-axis",
        metavar="AXIS",
        type=_axis,
        help="name or index of the focal axis of a series (default: the axis called defocus)",
    )
    parser.add_argument(
        "--defoci",
        metavar="Å",
        type=float,
        nargs="+",
        help="defocus of each image, positive for underfocus (default: from the axis, or unknown)",
    )
    parser.add_argument(
        "--align", action="store_true", help="align the images of a series to the middle one first"
    )


def run(options: argparse.Namespace) -> int:
    """Find the sites, write them, and print how many there are of each species."""
    from hyperspy_dlatoms.signals.methods import classify_species

    return _searching.search(
        options,
        classify_species,
        joins=True,
        material=options.material,
        focal_axis=options.focal_axis,
        defoci=options.defoci,
        align=options.align,
    )


def _axis(text: str) -> str | int:
    return int(text) if text.lstrip("-").isdecimal() else text
