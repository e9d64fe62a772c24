# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions of atoms as tables, markers and ASE structures."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dask
import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.signals._picture import colours_of_fractions, colours_of_species

if TYPE_CHECKING:
    import ase
    import pandas as pd

    from hyperspy_dlatoms.signals.atom_positions import AtomPositions

#: The columns that every network gives.
COLUMNS = ("y", "x", "probability", "y_sigma", "x_sigma")
#: The columns that can colour atoms.
COLOURING = ("probability", "agreement", "species")


class Calibration(NamedTuple):
    """What the columns of a frame are and where its pixels lie.

    Attributes
    ----------
    columns : list of str
        The names of the columns of a frame.
    offsets, scales : numpy.ndarray
        Of the image's axes y and x, shape (2,), in `units`.
    units : list of str
        The units of the axes y and x, empty where they have none.
    sampling : numpy.ndarray
        Å/px along y and x, shape (2,).
    image_shape : tuple of int or None
        The image's height and width in pixels, where known.
    species : list of str
        The names of the classes.
    """

    columns: list[str]
    offsets: np.ndarray
    scales: np.ndarray
    units: list[str]
    sampling: np.ndarray
    image_shape: tuple[int, int] | None
    species: list[str]

    @classmethod
    def of(cls, atoms: AtomPositions) -> Calibration:
        """Read the calibration of a signal from its metadata.

        Parameters
        ----------
        atoms : AtomPositions
            A signal with ``metadata.VectorMetadata``.

        Returns
        -------
        Calibration
            What its metadata say.

        Raises
        ------
        ValueError
            If the metadata lack what is needed.
        """
        vectors = atoms.metadata.get_item("VectorMetadata")
        stored = {} if vectors is None else vectors.as_dictionary()
        required = ("column_names", "offsets", "scales", "units", "sampling")
        missing = [name for name in required if name not in stored]
        if missing:
            raise ValueError(
                f"metadata.VectorMetadata lacks {', '.join(missing)}: expected positions from "
                "find_atoms_nn or AtomPositions.from_frames."
            )
        shape = stored.get("image_shape")
        return cls(
            list(stored["column_names"]),
            np.asarray(stored["offsets"], dtype=float),
            np.asarray(stored["scales"], dtype=float),
            list(stored["units"]),
            np.asarray(stored["sampling"], dtype=float),
            None if shape is None else (int(shape[0]), int(shape[1])),
            list(stored.get("species", [])),
        )

    def in_axis_units(self, frame: np.ndarray) -> np.ndarray:
        """Return the positions of a frame in the units of the axes.

        Parameters
        ----------
        frame : numpy.ndarray
            Atoms, shape (n, k), with y and x in px first.

        Returns
        -------
        numpy.ndarray
            y and x, float, shape (n, 2).
        """
        return self.offsets + self.scales * frame[:, :2]


def navigation_names(atoms: AtomPositions) -> list:
    """Give the names of the navigation axes in the order of the array, empty for one frame."""
    return [axis.name for axis in reversed(atoms.axes_manager.navigation_axes)]


def table(
    frames: np.ndarray, calibration: Calibration, names: list, first: int = 0
) -> pd.DataFrame:
    """Return a table with a row an atom.

    Parameters
    ----------
    frames : numpy.ndarray
        Object array of (n, k) arrays; its shape is the navigation shape (one frame: (1,)).
    calibration : Calibration
        What the columns are.
    names : list
        The names of the navigation axes in the order of the array; empty for one frame.
    first : int
        Index of the first frame along the first axis.

    Returns
    -------
    pandas.DataFrame
        As described in :meth:`AtomPositions.to_dataframe`.
    """
    import pandas as pd

    flat = list(frames.ravel())
    counts = [len(frame) for frame in flat]
    atoms = np.concatenate(flat) if flat else np.empty((0, len(calibration.columns)))
    columns = {"y_px": atoms[:, 0], "x_px": atoms[:, 1]}
    columns["y"], columns["x"] = calibration.in_axis_units(atoms).T
    columns |= {name: atoms[:, i] for i, name in enumerate(calibration.columns) if i > 1}
    if "species" in columns:
        columns["species"] = _species_names(columns["species"], calibration.species)
    indices = navigation_columns(frames.shape, names, columns, first)
    indices = {label: np.repeat(index, counts) for label, index in indices.items()}
    result = pd.DataFrame(indices | columns)
    result.attrs["units"] = dict(zip(("y", "x"), calibration.units, strict=True))
    return result


def navigation_columns(
    shape: tuple[int, ...], names: list, taken: Container[str], first: int = 0
) -> dict[str, np.ndarray]:
    """Return the navigation indices of frames as columns of a table.

    Parameters
    ----------
    shape : tuple of int
        Navigation shape.
    names : list
        The names of the navigation axes in that order; empty for one frame.
    taken : container of str
        Names that other columns have.
    first : int
        Index of the first frame along the first axis.

    Returns
    -------
    dict of str to numpy.ndarray
        For each axis the index of each frame, int.
    """
    indices: dict[str, np.ndarray] = {}
    for axis, name in enumerate(names):
        label = name if isinstance(name, str) and name else f"index_{axis}"
        if label in taken or label in indices:
            label = f"{label}_index_{axis}"
        indices[label] = np.indices(shape)[axis].ravel() + first * (axis == 0)
    return indices


def marker_offsets(frames: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return the positions of each frame as Matplotlib wants them.

    Parameters
    ----------
    frames : numpy.ndarray
        Object array of (n, k) arrays.
    calibration : Calibration
        What the columns are.

    Returns
    -------
    numpy.ndarray
        Object array of the same shape, of (n, 2) arrays with x and y in the units of the axes.
    """
    offsets = np.empty(frames.shape, dtype=object)
    for index in np.ndindex(frames.shape):
        offsets[index] = calibration.in_axis_units(frames[index])[:, ::-1]
    return offsets


def column_of_colours(calibration: Calibration, name: str) -> int:
    """Return the number of a column that can colour atoms.

    Parameters
    ----------
    calibration : Calibration
        What the columns are.
    name : str
        Name of the column.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such column, or it is neither the species nor runs from 0 to 1.
    """
    there = [column for column in COLOURING if column in calibration.columns]
    if name not in there:
        raise ValueError(f"by is {name!r}: expected {' or '.join(map(repr, there))}, or None.")
    return calibration.columns.index(name)


def marker_colours(frames: np.ndarray, column: int, by: str) -> np.ndarray:
    """Return a colour for each atom.

    Parameters
    ----------
    frames : numpy.ndarray
        Object array of (n, k) arrays.
    column : int
        Number of the column that says it.
    by : str
        Name of that column.

    Returns
    -------
    numpy.ndarray
        Object array of the same shape, of (n, 4) arrays of red, green, blue and opacity.
    """
    colours_of = colours_of_species if by == "species" else colours_of_fractions
    colours = np.empty(frames.shape, dtype=object)
    for index in np.ndindex(frames.shape):
        colours[index] = colours_of(frames[index][:, column])
    return colours


def ase_atoms(frame: np.ndarray, calibration: Calibration, element: str | None) -> ase.Atoms:
    """Return the atoms of a frame for ASE.

    Parameters
    ----------
    frame : numpy.ndarray
        Atoms, shape (n, k).
    calibration : Calibration
        What the columns are.
    element : str or None
        Chemical symbol of all the atoms; from the species where None.

    Returns
    -------
    ase.Atoms
        As described in :meth:`AtomPositions.to_ase`.

    Raises
    ------
    ValueError
        If `element` is not a chemical symbol.
    """
    import ase
    from ase.data import atomic_numbers

    if element is not None and element not in atomic_numbers:
        raise ValueError(f"element is {element!r}: expected a chemical symbol such as 'Au'.")
    columns = {name: frame[:, i] for i, name in enumerate(calibration.columns)}
    if element is not None:
        symbols = [element] * len(frame)
    else:
        classes = columns.get("species", np.zeros(len(frame)))
        names = _species_names(classes, calibration.species or ["X"])
        symbols = [name if name in atomic_numbers else "X" for name in names]
    y, x = (calibration.sampling * frame[:, :2]).T
    atoms = ase.Atoms(symbols, positions=np.column_stack([x, y, np.zeros(len(frame))]))
    if calibration.image_shape is not None:
        height, width = np.asarray(calibration.image_shape) * calibration.sampling
        atoms.cell = [width, height, 0]
    in_angstrom = {"y_sigma": calibration.sampling[0], "x_sigma": calibration.sampling[1]}
    for name, values in columns.items():
        if name not in ("y", "x", "species"):
            atoms.set_array(name, values * in_angstrom.get(name, 1.0))
    return atoms


def _species_names(indices: np.ndarray, species: list[str]) -> list[str]:
    return [species[int(index)] for index in indices]


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
    calibration, names = Calibration.of(atoms), navigation_names(atoms)
    first = 0
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        for frames in slabs(atoms):
            part = table(frames, calibration, names, first)
            part.to_csv(file, index=False, header=first == 0, float_format="%.8g")
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

    calibration = Calibration.of(atoms)
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8") as file:
        for frames in slabs(atoms):
            structures = [ase_atoms(one, calibration, element) for one in frames.ravel()]
            ase.io.write(file, structures, format="extxyz")
