# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of ``dlatoms find`` and ``dlatoms classify``."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperspy_dlatoms.cli import _backend
from hyperspy_dlatoms.cli._printing import print_rows
from hyperspy_dlatoms.cli._writing import check_writable

if TYPE_CHECKING:
    import numpy as np
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions


def add_arguments(
    parser: argparse.ArgumentParser,
    *,
    model: str,
    sampling: Callable[[str], float | str] = float,
    sampling_help: str = "Å/px, where the file does not say",
) -> None:
    """Declare the arguments; `model` is the default, `sampling` parses one (Å/px)."""
    parser.add_argument("file", metavar="FILE", type=Path, help="anything that RosettaSciIO reads")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=_atoms_file,
        required=True,
        help="a table (.csv), a HyperSpy signal (.hspy) or structures (extended .xyz)",
    )
    parser.add_argument("--model", default=model, help="a name or a file (%(default)s)")
    parser.add_argument("--sampling", type=sampling, help=sampling_help)
    parser.add_argument("--threshold", type=float, help="lowest probability (the model's)")
    parser.add_argument(
        "--minimum-agreement",
        metavar="SHARE",
        type=float,
        help="lowest fraction of an ensemble that found an atom",
    )
    parser.add_argument(
        "--symmetrise",
        action="store_true",
        help="average over rotations and reflections (8 times the cost)",
    )
    parser.add_argument(
        "--on-extrapolation",
        choices=("warn", "raise", "ignore"),
        default="warn",
        help="what to do about images unlike the training images (%(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted search from its checkpoint, OUT.parts",
    )
    parser.add_argument("--png", metavar="FILE", type=Path, help="a picture of the first image")


def search(
    options: argparse.Namespace,
    method: Callable[..., AtomPositions],
    **more: Any,
) -> None:
    """Find atoms by a `method` of ``Signal2D``, write them, and print how many there are."""
    import hyperspy.api as hs

    from hyperspy_dlatoms.signals._loading import load_images

    check_writable(options.output, *([options.png] if options.png else []))
    hs.set_log_level("CRITICAL")
    images, remark = load_images(options.file)
    if remark:
        print(remark)
    parts = options.output.with_name(f"{options.output.name}.parts")
    if parts.exists() and not options.resume:
        raise FileExistsError(
            f"{str(parts)!r} holds the results of an interrupted search: give --resume to "
            "continue it, or delete the folder."
        )
    _backend.import_tensorflow()
    atoms = method(
        images,
        options.model,
        sampling=options.sampling,
        threshold=options.threshold,
        minimum_agreement=options.minimum_agreement,
        symmetrise=options.symmetrise,
        on_extrapolation=options.on_extrapolation,
        show_progressbar=sys.stderr.isatty(),
        store=parts,
        **more,
    )
    if options.output.suffix == ".hspy" and atoms._lazy:
        # A file of HyperSpy takes all atoms at once.
        atoms.compute(show_progressbar=False)
    if atoms._lazy:
        atoms.record_quality()
    _write_atoms(atoms, options.output)
    y, x = atoms.metadata.VectorMetadata.sampling
    rows = [
        ("images", f"{images.data[..., 0, 0].size} of {_size(images)} px"),
        ("sampling", f"{(y * x) ** 0.5:.4g} Å/px"),
        *_counts(atoms),
        ("wrote", f"{options.output}"),
    ]
    if options.png:
        _draw(options.png, atoms, _first_image(images, atoms))
        rows.append(("picture", f"{options.png}" + " (the first image)" * (atoms.data.size > 1)))
    shutil.rmtree(parts)
    print_rows(*rows)


def _size(images: Signal2D) -> str:
    return " x ".join(map(str, images.data.shape[-2:]))


def _counts(atoms: AtomPositions) -> list[tuple[str, str]]:
    """Return the number of atoms, or of each species where there are several."""
    import numpy as np

    from hyperspy_dlatoms.signals._export import slabs

    vectors = atoms.metadata.VectorMetadata
    with_species = "species" in vectors.column_names
    names = vectors.species if with_species else ["atoms"]
    column = vectors.column_names.index("species") if with_species else 0
    counts = np.zeros(len(names), int)
    for frames in slabs(atoms.data):
        for frame in frames.ravel():
            kinds = frame[:, column] if with_species else np.zeros(len(frame))
            counts += np.bincount(kinds.astype(int), minlength=len(names))
    return [(name, f"{count}") for name, count in zip(names, counts, strict=True)]


def _first_image(images: Signal2D, atoms: AtomPositions) -> np.ndarray:
    """Return the image of the first frame, of a focal series the middle one."""
    first = [0] * (images.data.ndim - 2)
    focal = atoms.metadata.get_item("VectorMetadata.focal_axis")
    if focal is not None:
        axis = images.axes_manager[focal]
        first[axis.index_in_array] = axis.size // 2
    return images.data[tuple(first)]


def _draw(path: Path, atoms: AtomPositions, image: np.ndarray) -> None:
    import numpy as np

    from hyperspy_dlatoms.signals._picture import save_picture

    vectors = atoms.metadata.VectorMetadata
    first = atoms.data[(0,) * atoms.data.ndim]
    sites = first.compute() if atoms._lazy else first
    y, x = vectors.sampling
    by_species = {}
    if "species" in vectors.column_names:
        column = vectors.column_names.index("species")
        by_species = {"species": sites[:, column], "names": vectors.species}
    title = f"{len(sites)} {'sites' if by_species else 'atoms'}"
    save_picture(path, np.asarray(image), sites, (y * x) ** 0.5, title, **by_species)


def _write_atoms(atoms: AtomPositions, path: Path) -> None:
    if path.suffix == ".csv":
        atoms.to_csv(path)
    elif path.suffix == ".xyz":
        atoms.to_xyz(path)
    else:
        atoms.save(path, overwrite=True)


def _atoms_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".csv", ".hspy", ".xyz"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .csv, .hspy or .xyz")
    return path
