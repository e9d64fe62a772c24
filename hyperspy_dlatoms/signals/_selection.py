# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms chosen by their columns, by place, or by the lattice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from hyperspy.signals import BaseSignal, LazySignal

from hyperspy_dlatoms._warnings import DLAtomsWarning, warn
from hyperspy_dlatoms.analysis.quality import flags
from hyperspy_dlatoms.signals._mapping import map_frames

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions
    from hyperspy_dlatoms.signals._export import Calibration

_Rule = Callable[[np.ndarray], np.ndarray]
# For the texts in `selections`: by a region, a coordinate or, as the last condition, a mask.
_BY_PLACE = re.compile(r"\b(roi|y|x)=|\bmask$")


def select(
    self: AtomPositions,
    *,
    threshold: float | None = None,
    roi: Any = None,
    mask: np.ndarray | BaseSignal | None = None,
    on_lattice: bool | None = None,
    invert: bool = False,
    **columns: Any,
) -> AtomPositions:
    """Return the atoms that meet all conditions.

    Parameters
    ----------
    threshold : float, optional
        The minimum probability, as if the images had been searched with this threshold, see Notes.
    roi : hyperspy.api.roi or sequence of these, optional
        A region of interest in the units of the image's axes, or several for atoms in any of them:
        `RectangularROI`, `CircleROI` (also rings) and `PolygonROI`.
    mask : numpy.ndarray or Signal2D, optional
        True at the pixels whose atoms are kept, of shape (H, W), or for each image of the same
        navigation shape.
    on_lattice : bool, optional
        Whether an atom continues the lattice of its neighbours, see :meth:`quality`; nothing is
        selected in frames without a lattice.
    invert : bool, default False
        Whether to return the other atoms instead.
    **columns
        Conditions on columns by name: a number, or the name of a species, to equal; a pair
        ``(low, high)``, inclusive, either of which may be None; a list of values; or a function
        that takes the column of a frame, shape (n,), and returns a mask.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        A new signal, lazy if this one is. ``metadata.VectorMetadata.selections`` lists the
        conditions.

    Raises
    ------
    ValueError
        If there is no such column, the mask has another shape, or the threshold cannot be applied
        afterwards, see Notes.
    TypeError
        For regions and conditions of other kinds.

    See Also
    --------
    ivec : The same by index, as with pyxem's vectors.

    Notes
    -----
    A threshold given to the search keeps every atom that reaches it. Applied afterwards to the
    atoms of a single network, it gives the same atoms as long as none that it would keep were left
    out before: it must not be below the threshold of the search or, for the thresholds of a model
    card, the upper one (``anchor``), below which isolated atoms were left out. Two candidates
    closer than the minimum distance of the network could make a difference, if the one with the
    lower probability was kept because it lies nearer to a pixel of the network; on the example
    images this does not happen. In an ensemble a threshold decides which members contribute to the
    position of an atom, so a new search is needed; ``probability=(0.9, None)`` is a plain cut.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> sites = np.array([[2, 2, 0.9, 0.1, 0.1, 0], [4, 2, 0.6, 0.1, 0.1, 1.0]])
    >>> atoms = AtomPositions.from_frames(sites, sampling=1, species=["Mo", "S"])
    >>> len(atoms.select(probability=(0.8, None)).data[0])
    1
    >>> atoms.select(species="S").data[0][:, 0]
    array([4.])
    """
    calibration = self._calibration
    rules: list[_Rule] = []
    said: list[str] = []
    if threshold is not None:
        lowest = _checked_threshold(threshold, self._calibrated())
        at = calibration.at("probability")
        # The search compares probabilities in single precision, as networks return them.
        rules.append(lambda frame: frame[:, at].astype(np.float32) >= np.float32(lowest))
        said.append(f"threshold={lowest:g}")
    for name, condition in columns.items():
        rules.append(_of_column(calibration, name, condition))
        said.append(f"{name}={_written(condition)}")
    if roi is not None:
        regions = list(roi) if isinstance(roi, list | tuple) else [roi]
        rules.append(in_regions(regions, calibration))
        said += [f"roi={region}" for region in regions]
    if on_lattice is not None:
        wanted = bool(on_lattice)

        def as_wanted(frame: np.ndarray) -> np.ndarray:
            found = flags(calibration.in_angstrom(frame), calibration.window)
            return found.lattice & (found.on_lattice == wanted)

        rules.append(as_wanted)
        said.append(f"on_lattice={wanted}")
    masks: list[Any] = []
    if mask is not None:
        masks.append(_checked_mask(mask, self.data.shape, calibration))
        said.append("mask")
    if not said:
        raise ValueError("There is no condition: expected a column, threshold, roi, mask, ...")

    def kept(frame: np.ndarray, *pixels: np.ndarray) -> np.ndarray:
        met = [rule(frame) for rule in rules] + [_at_pixels(frame, one) for one in pixels]
        return frame[np.all(met, axis=0) != invert]

    if masks and masks[0].ndim == 2:
        rules.append(partial(_at_pixels, pixels=masks.pop()))
    picked = self._like(map_frames(kept, self.data, *masks))
    before = self.metadata.get_item("VectorMetadata.selections", [])
    vectors = picked.metadata.VectorMetadata
    vectors.selections = [*before, f"{'not ' * invert}{', '.join(said)}"]
    if threshold is not None and not invert:
        # As a search with this threshold would record.
        vectors.threshold = lowest
        if vectors.has_item("anchor"):
            del vectors.anchor
    return picked


def warn_of_region(selections: Iterable[str], what: str) -> None:
    """Warn that a result relates the atoms of a region to the area of the whole image."""
    if any(_BY_PLACE.search(one) for one in selections):
        warn(
            f"The atoms were selected by place, but {what} refers to the area of the whole "
            "image: for a part of it, search cropped images.",
            DLAtomsWarning,
        )


class Slicer:
    """Slicing of the columns and rows of `AtomPositions`: ``atoms.ivec[columns, rows]``."""

    def __init__(self, atoms: AtomPositions):
        self._atoms = atoms

    def __getitem__(self, item: Any) -> AtomPositions | Column:
        which, rows = item if isinstance(item, tuple) else (item, slice(None))
        atoms = self._atoms
        names = atoms._calibration.columns
        columns = _columns(which, atoms._calibration)
        if isinstance(rows, BaseSignal):
            masks = rows.data
            if masks.dtype != object or masks.shape != atoms.data.shape:
                raise ValueError(
                    f"The rows have the shape {masks.shape}: expected a mask for each atom, such "
                    "as atoms.ivec['probability'] > 0.9."
                )
            data = map_frames(lambda frame, mask: frame[mask][:, columns], atoms.data, masks)
        elif isinstance(rows, slice):
            data = map_frames(lambda frame: frame[rows][:, columns], atoms.data)
        else:
            raise TypeError(
                f"The rows are {rows!r}: expected a slice, or a mask for each atom such as "
                "atoms.ivec['probability'] > 0.9."
            )
        if isinstance(columns, int):
            kind = LazyColumn if isinstance(data, da.Array) else Column
            made = kind(data, axes=atoms.axes_manager._get_navigation_axes_dicts())
            made.ragged = True
            made.metadata.General.title = names[columns]
            return made
        if columns[:2] != [0, 1]:
            raise ValueError(
                f"The columns are {', '.join(names[at] for at in columns)}: expected y and x first,"
                " or one column by its name."
            )
        made = atoms._like(data, [names[at] for at in columns])
        if columns != list(range(len(names))) or rows != slice(None):
            which = "mask" if isinstance(rows, BaseSignal) else rows
            before = atoms.metadata.get_item("VectorMetadata.selections", [])
            made.metadata.VectorMetadata.selections = [*before, f"ivec[{columns}, {which}]"]
        return made


def _compared(compare: np.ufunc) -> Callable[[Any, Any], Any]:
    """Return a method that compares each atom's number in a column with another, or a number."""

    def method(self: Column, other: Any) -> Column:
        if isinstance(other, Column):
            compared = map_frames(compare, self.data, other.data)
        else:
            compared = map_frames(lambda column: compare(column, other), self.data)
        return self._deepcopy_with_new_data(compared)

    return method


class Column(BaseSignal):
    """One column of `AtomPositions`, an array of shape (n,) for each frame, to compare with."""

    _signal_dimension = 0
    __lt__, __le__ = _compared(np.less), _compared(np.less_equal)
    __gt__, __ge__ = _compared(np.greater), _compared(np.greater_equal)
    __eq__, __ne__ = _compared(np.equal), _compared(np.not_equal)
    __hash__ = None  # type: ignore[assignment]


class LazyColumn(Column, LazySignal):
    """One column of `LazyAtomPositions`."""


def _columns(which: Any, calibration: Calibration) -> int | list[int]:
    """Return the index of a column, or those of several."""
    if isinstance(which, str):
        return calibration.at(which)
    places = range(len(calibration.columns))
    if isinstance(which, slice):
        return list(places)[which]
    if isinstance(which, list | tuple | np.ndarray):
        several = (_columns(name, calibration) for name in which)
        return [one for one in several if isinstance(one, int)]
    return places[int(which)]


def _at_pixels(frame: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return which atoms of a frame lie on pixels that are True."""
    y, x = np.rint(frame[:, :2]).astype(np.intp).T
    inside = (y >= 0) & (x >= 0) & (y < pixels.shape[0]) & (x < pixels.shape[1])
    return inside & np.asarray(pixels, bool)[np.where(inside, y, 0), np.where(inside, x, 0)]


def _checked_threshold(threshold: float, vectors: Mapping[str, Any]) -> float:
    """Return a threshold that selects what a new search with it would find."""
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise TypeError(f"threshold is {threshold!r}: expected a number from 0 to 1.")
    value = float(threshold)
    if not 0 < value < 1:
        raise ValueError(f"threshold is {value}: expected a number between 0 and 1.")
    plain = f"probability=({value:g}, None) is a plain cut."
    if vectors.get("members"):
        raise ValueError(
            "In an ensemble the threshold decides which networks contribute to an atom: search "
            f"again with threshold={value:g}; {plain}"
        )
    if any("probability" in one or one.startswith("not ") for one in vectors.get("selections", [])):
        raise ValueError(
            "The atoms were selected by probability or inverted before: apply the threshold first; "
            + plain
        )
    searched = vectors.get("threshold")
    if searched is None:
        raise ValueError(f"The threshold of the search is not known: {plain}")
    lowest = float(vectors.get("anchor", searched))
    if value < lowest:
        alone = " that are isolated" if "anchor" in vectors else ""
        raise ValueError(
            f"threshold is {value:g}, but the search left out atoms with a probability below "
            f"{lowest:g}{alone}: expected {lowest:g} or more, or search again with "
            f"threshold={value:g}; {plain}"
        )
    return value


def _of_column(calibration: Calibration, name: str, condition: Any) -> _Rule:
    at = calibration.at(name)
    if callable(condition):
        return partial(_by_function, at=at, name=name, function=condition)
    if isinstance(condition, tuple):
        if len(condition) != 2 or any(isinstance(one, str) for one in condition):
            raise ValueError(
                f"{name} is {condition!r}: expected a pair (low, high) of numbers, or a list of "
                "values."
            )
        low, high = (
            bound if one is None else float(one)
            for one, bound in zip(condition, (-np.inf, np.inf), strict=True)
        )
        return lambda frame: (frame[:, at] >= low) & (frame[:, at] <= high)
    values = list(condition) if isinstance(condition, list | np.ndarray | set) else [condition]
    numbers = [_value(name, one, calibration) for one in values]
    return lambda frame: np.isin(frame[:, at], numbers)


def _value(name: str, value: Any, calibration: Calibration) -> float:
    if isinstance(value, str):
        if name != "species" or value not in calibration.species:
            known = ", ".join(calibration.species) or "numbers"
            raise ValueError(f"{name} is {value!r}: expected one of {known}.")
        return float(calibration.species.index(value))
    if not isinstance(value, Real | np.number):
        raise TypeError(
            f"{name} is {value!r}: expected a number, a pair (low, high), a list, or a function."
        )
    return float(value)


def _by_function(frame: np.ndarray, at: int, name: str, function: Callable) -> np.ndarray:
    found = np.asarray(function(frame[:, at]))
    if found.shape != (len(frame),) or found.dtype != bool:
        raise ValueError(
            f"The condition on {name} returns {found.dtype} of shape {found.shape}: expected bool "
            f"of shape ({len(frame)},)."
        )
    return found


def _checked_mask(
    mask: np.ndarray | BaseSignal, shape: tuple[int, ...], calibration: Calibration
) -> np.ndarray | da.Array:
    """Return a mask of shape (H, W), or (*navigation, H, W)."""
    pixels = mask.data if isinstance(mask, BaseSignal) else mask
    pixels = pixels if isinstance(pixels, da.Array) else np.asarray(pixels)
    size = calibration.image_shape or pixels.shape[-2:]
    if pixels.shape not in (tuple(size), (*shape, *size)):
        raise ValueError(
            f"The mask has the shape {pixels.shape}: expected {tuple(size)}, that of an image, or "
            f"{(*shape, *size)}, that of all."
        )
    if pixels.ndim == 2 and isinstance(pixels, da.Array):
        pixels = pixels.compute()
    return pixels


def in_regions(regions: Sequence[Any], calibration: Calibration) -> _Rule:
    """Return the rule that selects the atoms of a frame in any of several regions of interest."""
    insides = [_region(one) for one in regions]

    def in_any(frame: np.ndarray) -> np.ndarray:
        y, x = calibration.in_axis_units(frame).T
        found = np.zeros(len(frame), bool)
        for inside in insides:
            found |= inside(y, x)
        return found

    return in_any


def _region(roi: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return which y and x, in the units of the axes, are in a region at its current place."""
    kind = type(roi).__name__
    if kind == "RectangularROI":
        left, top, right, bottom = roi.left, roi.top, roi.right, roi.bottom
        return lambda y, x: (x >= left) & (x < right) & (y >= top) & (y < bottom)
    if kind == "CircleROI":
        cy, cx, outer = roi.cy, roi.cx, roi.r
        inner = roi.r_inner if isinstance(roi.r_inner, Real) else 0.0

        def in_ring(y: np.ndarray, x: np.ndarray) -> np.ndarray:
            distance = np.hypot(x - cx, y - cy)
            return (distance <= outer) & (distance >= inner)

        return in_ring
    if kind == "PolygonROI":
        from matplotlib.path import Path

        corners = np.array(roi.vertices, float).reshape(-1, 2)
        closed = Path(np.concatenate([corners, corners[:1]]))
        return lambda y, x: closed.contains_points(np.column_stack([x, y]))
    raise TypeError(
        f"roi is {roi!r}: expected a RectangularROI, CircleROI or PolygonROI of hyperspy.api.roi, "
        "or a list of these."
    )


def _written(condition: Any) -> str:
    name = getattr(condition, "__name__", None)
    return name if callable(condition) and name else repr(condition)
