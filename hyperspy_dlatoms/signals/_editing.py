# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms added, removed and moved by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions


def add_atoms(
    self: AtomPositions,
    positions: Sequence,
    *,
    frame: int | tuple[int, ...] | None = None,
    species: str | None = None,
) -> None:
    """Add atoms by hand, in place.

    Their probability, standard deviations and other columns are NaN: no network found them.

    Parameters
    ----------
    positions : array_like
        y and x in px, the centre of the first pixel at 0, of shape (n, 2), or (2,) for one atom.
    frame : int or tuple of int, optional
        Which frame, by its index in ``data``; not needed for a single image.
    species : str, optional
        Needed if there is a column of species.

    Raises
    ------
    ValueError
        If a position is not finite or outside the image, or there is no such frame or species; and
        for lazy atoms: compute them first.

    See Also
    --------
    remove_atoms, move_atoms : Each change is listed in ``metadata.VectorMetadata.edits``.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[1.0, 2.0, 0.9]]), sampling=0.2)
    >>> atoms.add_atoms([3.0, 4.0])
    >>> atoms.data[0]
    array([[1. , 2. , 0.9],
           [3. , 4. , nan]])
    >>> atoms.metadata.VectorMetadata.edits
    ['{"edit": "add", "frame": [], "to": [[3.0, 4.0]]}']
    """
    index = _index(self, frame)
    places = _places(self, positions)
    calibration = self._calibration
    rows = np.full((len(places), len(calibration.columns)), np.nan)
    rows[:, :2] = places
    if "species" in calibration.columns:
        if species not in calibration.species:
            raise ValueError(
                f"species is {species!r}: expected one of {', '.join(calibration.species)}."
            )
        rows[:, calibration.columns.index("species")] = calibration.species.index(species)
    elif species is not None:
        raise ValueError(f"species is {species!r}, but there is no column of species.")
    _set(self, index, np.concatenate([self.data[index], rows]))
    said = {} if species is None else {"species": species}
    _record(self, index, edit="add", to=places, **said)


def remove_atoms(
    self: AtomPositions, rows: int | Sequence[int], *, frame: int | tuple[int, ...] | None = None
) -> None:
    """Remove atoms by hand, in place.

    Parameters
    ----------
    rows : int or sequence of int
        Their rows in the frame.
    frame : int or tuple of int, optional
        As for :meth:`add_atoms`.

    Raises
    ------
    ValueError
        If there is no such row or frame; and for lazy atoms: compute them first.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[1.0, 2.0, 0.9]]), sampling=0.2)
    >>> atoms.remove_atoms(0)
    >>> len(atoms.data[0])
    0
    """
    index = _index(self, frame)
    which = _rows(self.data[index], rows)
    removed = self.data[index][which, :2]
    _set(self, index, np.delete(self.data[index], which, axis=0))
    _record(self, index, edit="remove", **{"from": removed})


def move_atoms(
    self: AtomPositions,
    rows: int | Sequence[int],
    positions: Sequence,
    *,
    frame: int | tuple[int, ...] | None = None,
) -> None:
    """Move atoms by hand, in place.

    Their standard deviations become NaN; other columns are kept. Rows stay sorted by y and x, so
    the row numbers of moved atoms may change.

    Parameters
    ----------
    rows : int or sequence of int
        Their rows in the frame.
    positions : array_like
        Their new positions, as for :meth:`add_atoms`.
    frame : int or tuple of int, optional
        As for :meth:`add_atoms`.

    Raises
    ------
    ValueError
        If there is no such row or frame, or a position is not finite or outside the image; and for
        lazy atoms: compute them first.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[1.0, 2.0, 0.9]]), sampling=0.2)
    >>> atoms.move_atoms(0, [1.5, 2.5])
    >>> atoms.data[0]
    array([[1.5, 2.5, 0.9]])
    """
    index = _index(self, frame)
    which, places = _rows(self.data[index], rows), _places(self, positions)
    if len(which) != len(places):
        raise ValueError(
            f"There are {len(which)} rows and {len(places)} positions: expected one for each."
        )
    moved = self.data[index].copy()
    before = moved[which, :2]
    moved[which, :2] = places
    columns = self._calibration.columns
    for name in ("y_sigma", "x_sigma"):
        if name in columns:
            moved[which, columns.index(name)] = np.nan
    _set(self, index, moved)
    _record(self, index, edit="move", **{"from": before}, to=places)


def _index(atoms: AtomPositions, frame: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the index of a frame in the data."""
    if atoms._lazy:
        raise ValueError("The atoms are lazy: compute() them before changing any by hand.")
    shape = atoms.data.shape
    if atoms.axes_manager.navigation_dimension == 0:
        if frame not in (None, 0, ()):
            raise ValueError(f"frame is {frame!r}, but there is one image: leave frame out.")
        return (0,)
    index = frame if isinstance(frame, tuple) else (frame,)
    whole = len(index) == len(shape) and all(isinstance(at, Integral) for at in index)
    if not whole or not all(-n <= int(at or 0) < n for at, n in zip(index, shape, strict=True)):
        raise ValueError(f"frame is {frame!r}: expected an index of a frame, of {shape} frames.")
    return tuple(int(at or 0) % n for at, n in zip(index, shape, strict=True))


def _places(atoms: AtomPositions, positions: Sequence) -> np.ndarray:
    """Return checked positions, of shape (n, 2)."""
    places = np.asarray(positions, float)
    places = np.atleast_2d(places) if places.size else places.reshape(0, 2)
    if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
        raise ValueError(
            f"positions has the shape {np.shape(positions)}: expected finite y and x in px, of "
            "shape (n, 2)."
        )
    size = atoms._calibration.image_shape
    if size is not None and not ((places >= -0.5) & (places <= np.array(size) - 0.5)).all():
        raise ValueError(f"Some positions are outside the image of {size[0]} by {size[1]} px.")
    return places


def _rows(frame: np.ndarray, rows: int | Sequence[int]) -> np.ndarray:
    which = np.atleast_1d(np.asarray(rows, None if np.size(rows) else int))
    if which.dtype.kind not in "iu" or which.ndim != 1 or len(np.unique(which)) != len(which):
        raise ValueError(f"rows is {rows!r}: expected whole numbers, each once.")
    if len(which) and not (which.min() >= 0 and which.max() < len(frame)):
        raise ValueError(f"rows is {rows!r}: expected 0 to {len(frame) - 1}.")
    return which


def _set(atoms: AtomPositions, index: tuple[int, ...], frame: np.ndarray) -> None:
    # What inav picked shares the frames of the whole, whose record would not list the change.
    atoms.data = atoms.data.copy()
    atoms.data[index] = frame[np.lexsort((frame[:, 1], frame[:, 0]))]
    atoms.events.data_changed.trigger(obj=atoms)


def _record(atoms: AtomPositions, index: tuple[int, ...], **edit: Any) -> None:
    """List a change in the metadata, as JSON: a list of text survives any file format."""
    if not all(len(one) for one in edit.values()):
        return
    numbers = atoms._navigation.numbers
    frame = [one[at] for one, at in zip(numbers, index, strict=False)]
    said = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in edit.items()
    }
    text = json.dumps({"edit": said.pop("edit"), "frame": frame} | said)
    edits = list(atoms.metadata.get_item("VectorMetadata.edits", []))
    atoms.metadata.VectorMetadata.edits = [*edits, text]
