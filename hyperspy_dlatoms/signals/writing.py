# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms on their way to a file, a few frames at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.signals import export

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals.atom_positions import AtomPositions

_BLOCKS = 8
"""Of lazy atoms that are computed at once."""


def slabs(atoms: AtomPositions) -> Iterator[np.ndarray]:
    """Give the frames in their order, those of lazy atoms a few blocks at a time.

    Parameters
    ----------
    atoms : AtomPositions
        Atoms.

    Yields
    ------
    numpy.ndarray
        Object array of some frames, cut along the first axis of the data.
    """
    if not atoms._lazy:
        yield atoms.data
        return
    blocks = atoms.data.blocks
    number, *others = atoms.data.numblocks
    together = max(_BLOCKS // int(np.prod(others)), 1)
    for start in range(0, number, together):
        # With the present scheduler, whichever that is.
        (frames,) = dask.compute(blocks[start : start + together])
        yield frames


def write_csv(atoms: AtomPositions, path: str | os.PathLike[str]) -> None:
    """Write atoms as a table; see :meth:`AtomPositions.to_csv`.

    Parameters
    ----------
    atoms : AtomPositions
        Atoms.
    path : str or os.PathLike
        The file.
    """
    calibration, names = export.Calibration.of(atoms), export.navigation_names(atoms)
    first = 0
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        for frames in slabs(atoms):
            table = export.table(frames, calibration, names, first)
            table.to_csv(file, index=False, header=first == 0, float_format="%.8g")
            first += len(frames)


def write_xyz(
    atoms: AtomPositions, path: str | os.PathLike[str], element: str | None = None
) -> None:
    """Write atoms as structures; see :meth:`AtomPositions.to_xyz`.

    Parameters
    ----------
    atoms : AtomPositions
        Atoms.
    path : str or os.PathLike
        The file.
    element : str, optional
        Chemical symbol of all the atoms; from the species where not given.
    """
    import ase.io

    calibration = export.Calibration.of(atoms)
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8") as file:
        for frames in slabs(atoms):
            structures = [export.ase_atoms(one, calibration, element) for one in frames.ravel()]
            ase.io.write(file, structures, format="extxyz")
