# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms find``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hyperspy_dlatoms.cli import backend
from hyperspy_dlatoms.cli.printing import print_rows
from hyperspy_dlatoms.cli.writing import check_writable, write_table

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions

HELP = "find the atoms of the images in a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="anything that RosettaSciIO reads")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=_atoms_file,
        required=True,
        help="a table (.csv), a HyperSpy signal (.hspy) or structures (extended .xyz)",
    )
    parser.add_argument(
        "--model", default="metal-nanoparticle", help="a name or a file (%(default)s)"
    )
    parser.add_argument(
        "--sampling",
        type=_sampling,
        help="Å/px, where the file does not say, or 'estimate' to find it in the images",
    )
    parser.add_argument(
        "--material",
        metavar="NAME",
        help="what is in the images, such as Pt or graphene, to estimate the sampling from",
    )
    parser.add_argument("--threshold", type=float, help="least probability (the model's)")
    parser.add_argument(
        "--minimum-agreement",
        metavar="SHARE",
        type=float,
        help="least share of an ensemble that found an atom",
    )
    parser.add_argument(
        "--symmetrise",
        action="store_true",
        help="mean over the turns and flips (8 times the cost)",
    )
    parser.add_argument(
        "--on-extrapolation",
        choices=("warn", "raise", "ignore"),
        default="warn",
        help="what to do about images unlike the training images (%(default)s)",
    )
    parser.add_argument("--png", metavar="FILE", type=Path, help="a picture of the first image")


def run(options: argparse.Namespace) -> None:
    """Find the atoms, write them, and print how many there are."""
    import hyperspy.api as hs
    import numpy as np

    from hyperspy_dlatoms.signals.loading import load_images
    from hyperspy_dlatoms.signals.picture import save_picture

    check_writable(options.output, *([options.png] if options.png else []))
    hs.set_log_level("CRITICAL")
    images, remark = load_images(options.file)
    if remark:
        print(remark)
    backend.import_tensorflow()
    sampling = options.sampling
    if options.material and sampling != "estimate":
        raise ValueError("--material is for --sampling estimate, which was not given.")
    if sampling == "estimate":
        sampling = images.estimate_sampling(options.model, material=options.material)
    atoms = images.find_atoms_nn(
        options.model,
        sampling=sampling,
        threshold=options.threshold,
        minimum_agreement=options.minimum_agreement,
        symmetrise=options.symmetrise,
        on_extrapolation=options.on_extrapolation,
        lazy_output=False,
        show_progressbar=sys.stderr.isatty(),
    )
    _write_atoms(atoms, options.output)
    count = sum(len(frame) for frame in atoms.data.ravel())
    y, x = atoms.metadata.VectorMetadata.sampling
    rows = [
        ("images", f"{atoms.data.size} of {' x '.join(map(str, images.data.shape[-2:]))} px"),
        ("sampling", f"{(y * x) ** 0.5:.4g} Å/px"),
        ("atoms", f"{count}"),
        ("wrote", f"{options.output}"),
    ]
    if options.png:
        first = images.data[(0,) * (images.data.ndim - 2)]
        sites = atoms.data.ravel()[0]
        save_picture(options.png, np.asarray(first), sites, (y * x) ** 0.5, f"{len(sites)} atoms")
        rows.append(("picture", f"{options.png}" + " (the first image)" * (atoms.data.size > 1)))
    print_rows(*rows)


def _write_atoms(atoms: AtomPositions, path: Path) -> None:
    if path.suffix == ".csv":
        write_table(atoms, path)
    elif path.suffix == ".xyz":
        import ase.io

        ase.io.write(path, atoms.to_ase(), format="extxyz")
    else:
        atoms.save(path, overwrite=True)


def _sampling(text: str) -> float | str:
    return text if text == "estimate" else float(text)


def _atoms_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".csv", ".hspy", ".xyz"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .csv, .hspy or .xyz")
    return path
