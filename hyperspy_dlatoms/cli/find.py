# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms find``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hyperspy_dlatoms.cli import _searching

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions

HELP = "find the atoms in images"
EXAMPLES = """
dlatoms find image.dm4 -o atoms.csv --plot atoms.png
    # with the network that reads the image best; a table and a picture
dlatoms find sheet.npy --sampling 0.109 --model graphene -o atoms.xyz
dlatoms find particle.tif --sampling estimate --material Pt -o atoms.csv
    # an image without a scale
dlatoms find "day1/*.dm4" -o atoms.csv --quality
    # many files, one table, and which of them to check
dlatoms find movie.emd --strain --material Au -o atoms.hspy
"""

_ESTIMATE = "estimate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    _searching.add_arguments(
        parser,
        model="auto",
        sampling=_sampling,
        sampling_help=f"Å/px (default: that of the file); {_ESTIMATE!r} measures it in the images",
    )
    parser.add_argument(
        "--material",
        metavar="NAME",
        help="the specimen, such as Pt or graphene, whose lattice --sampling estimate and --strain "
        "assume",
    )


def run(options: argparse.Namespace) -> int:
    """Find the atoms, write them, and print how many there are."""
    from hyperspy_dlatoms.signals import _choice
    from hyperspy_dlatoms.signals.methods import find_atoms_nn

    if options.material and options.sampling != _ESTIMATE and not options.strain:
        raise ValueError(
            "--material is for --sampling estimate and --strain: give one of them too, or leave it "
            "out."
        )

    def find(images: Signal2D, model: str, *, sampling: Any, **more: Any) -> AtomPositions:
        if options.material and model == _choice.AUTO:
            model = _choice.knowing(options.material, images)
        if sampling == _ESTIMATE and model != _choice.AUTO:
            sampling = images.estimate_sampling(model, material=options.material)
        return find_atoms_nn(images, model, sampling=sampling, **more)

    return _searching.search(options, find)


def _sampling(text: str) -> float | str:
    try:
        return text if text == _ESTIMATE else float(text)
    except ValueError:
        expected = f"expected a number in Å/px, or {_ESTIMATE!r}"
        raise argparse.ArgumentTypeError(f"{text!r}: {expected}") from None
