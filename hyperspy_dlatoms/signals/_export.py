# SPDX-License-Identifier: GPL-3.0-or-later
"""The calibration of positions, their frames one after another, and the table of them.

`frames` are object arrays of (n, k) arrays, whose shape is the navigation shape, (1,) for one
frame.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from hyperspy_dlatoms.analysis._time import is_time
from hyperspy_dlatoms.signals._columns import (
    DEFAULT,
    IN_UNITS,
    LENGTHS,
    pixel_size,
    with_unit,
)
from hyperspy_dlatoms.signals._unreadable import naming_unreadable

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("y", "x", "probability", "y_sigma", "x_sigma")  # The columns that every network gives.
_BLOCKS = 8  # Blocks of lazy atoms that are computed at once.


class Calibration(NamedTuple):
    """The columns of a frame, and the calibration of its pixels."""

    columns: list[str]
    offsets: np.ndarray  # Of the image's axes y and x, in `units`, shape (2,).
    scales: np.ndarray
    units: list[str]  # Empty where the axes have none.
    sampling: np.ndarray  # Å/px along y and x, shape (2,).
    image_shape: tuple[int, int] | None  # Height and width in px, where known.
    species: list[str]

    @classmethod
    def of(cls, vectors: Mapping[str, Any]) -> Calibration:
        """Read the calibration from ``metadata.VectorMetadata`` as a dictionary."""
        required = ("column_names", "offsets", "scales", "units", "sampling")
        missing = [name for name in required if name not in vectors]
        if missing:
            raise ValueError(
                f"metadata.VectorMetadata lacks {', '.join(missing)}: expected positions from "
                "find_atoms_nn or AtomPositions.from_frames."
            )
        shape = vectors.get("image_shape")
        return cls(
            list(vectors["column_names"]),
            np.asarray(vectors["offsets"], dtype=float),
            np.asarray(vectors["scales"], dtype=float),
            list(vectors["units"]),
            np.asarray(vectors["sampling"], dtype=float),
            None if shape is None else (int(shape[0]), int(shape[1])),
            list(vectors.get("species", [])),
        )

    def at(self, name: str) -> int:
        """Return the index of a column named by the user."""
        if name not in self.columns:
            expected = ", ".join(self.columns)
            raise ValueError(f"There is no column {name!r}: expected one of {expected}.")
        return self.columns.index(name)

    def values(self, frame: np.ndarray, name: str) -> np.ndarray | None:
        """Return a column of a frame, None if there is none."""
        return frame[:, self.columns.index(name)] if name in self.columns else None

    @property
    def known_shape(self) -> np.ndarray:
        """Height and width of the image in px; a ValueError if they are not known."""
        if self.image_shape is None:
            raise ValueError(
                "metadata.VectorMetadata lacks image_shape, the height and width of the image in "
                "pixels: set it."
            )
        return np.array(self.image_shape)

    @property
    def window(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The first and last y, x of the image in Å; None if its size is not known."""
        if self.image_shape is None:
            return None
        low = -0.5 * self.sampling
        return low, low + self.known_shape * self.sampling

    def in_axis_units(self, frame: np.ndarray) -> np.ndarray:
        """Return y and x of a frame in the units of the axes, shape (n, 2)."""
        return self.offsets + self.scales * frame[:, :2]

    def in_angstrom(self, frame: np.ndarray) -> np.ndarray:
        """Return y and x of a frame in Å from the centre of the first pixel, shape (n, 2)."""
        return self.sampling * frame[:, :2]

    def lengths(self, frame: np.ndarray, unit: str) -> dict[str, np.ndarray]:
        """Return the lengths of a frame in a unit, by column: y and x from the axes' origin."""
        # In px they are from the centre of the first pixel. The sampling is used, which a user may
        # have given in place of the scale of the axes.
        size = pixel_size(unit, self.sampling)
        if unit == "px":
            places = frame[:, :2]
        else:
            places = np.sign(self.scales) * size * (frame[:, :2] + self.offsets / self.scales)
        there = {name: self.columns.index(name) for name in LENGTHS[2:] if name in self.columns}
        sigmas = {name: frame[:, at] * size[int(name == "x_sigma")] for name, at in there.items()}
        return {"y": places[:, 0], "x": places[:, 1], **sigmas}


class Navigation(NamedTuple):
    """The navigation axes in the order of the array; none for one frame."""

    names: list[str]  # Empty of an axis without a name.
    units: list[str]
    numbers: list[range]  # Of the frames along each axis, in the images that were searched.
    values: list[np.ndarray]  # Of the frames along each axis, in its unit.

    def part(self, frames: slice) -> Navigation:
        """Return the part for some frames along the first axis."""
        if not self.names:
            return self
        (first, *numbers), (start, *values) = self.numbers, self.values
        return self._replace(numbers=[first[frames], *numbers], values=[start[frames], *values])

    def indices(self) -> dict[str, np.ndarray]:
        """Return the number of each frame along each axis."""
        grids = np.meshgrid(*self.numbers, indexing="ij")
        return {f"index_{axis}": grid.ravel() for axis, grid in enumerate(grids)}

    def titles(self) -> list[str]:
        """Return what figures call the axes, also those without a name."""
        both = zip(self.names, self.units, strict=True)
        return [name or ("time" if is_time(unit) else "frame") for name, unit in both]

    def labels(self, taken: Container[str]) -> list[str]:
        """Return names for the axes that are not taken; empty for those without a name."""
        labels: list[str] = []
        indices = {f"index_{axis}" for axis in range(len(self.names))}
        for axis, name in enumerate(self.names):
            clash = name in taken or name in labels or name in indices
            labels.append(f"{name}_{axis}" if name and clash else name)
        return labels

    def columns(self, taken: Container[str]) -> dict[str, np.ndarray]:
        """Return the number of each frame, and its value along the axes with a name."""
        grids = np.meshgrid(*self.values, indexing="ij")
        values = zip(self.labels(taken), grids, strict=True)
        return self.indices() | {label: grid.ravel() for label, grid in values if label}

    def named(self, taken: Container[str] = ()) -> dict[str, np.ndarray]:
        """Return ``frame``, or the index along each of several axes, and values with their unit."""
        # An axis of time without a name is called ``time``.
        one = len(self.names) == 1
        columns = {"frame": np.asarray(self.numbers[0])} if one else self.indices()
        grids = np.meshgrid(*self.values, indexing="ij")
        for axis, (name, unit, grid) in enumerate(zip(self.names, self.units, grids, strict=True)):
            name = name or "time" * is_time(unit)
            label = with_unit(name, unit)
            if label in taken or label in columns:
                label = with_unit(f"{name}_{axis}", unit)
            if name:
                columns[label] = grid.ravel()
        return columns

    def table_index(self, taken: Container[str]) -> pd.Index | None:
        """Return an index, a row per frame, by value, or by number along axes without a name."""
        import pandas as pd

        columns = self.columns(taken)
        labels = [label or f"index_{axis}" for axis, label in enumerate(self.labels(taken))]
        if len(labels) < 2:
            return pd.Index(columns[labels[0]], name=labels[0]) if labels else None
        return pd.MultiIndex.from_arrays([columns[label] for label in labels], names=labels)


def table(
    frames: np.ndarray, calibration: Calibration, navigation: Navigation, unit: str | None = None
) -> pd.DataFrame:
    """Return the table of `AtomPositions.to_dataframe`."""
    import pandas as pd

    flat = list(frames.flat)
    counts = [len(frame) for frame in flat]
    atoms = np.concatenate(flat) if flat else np.empty((0, len(calibration.columns)))
    own = unit or DEFAULT
    lengths = {f"{name}_{own}": one for name, one in calibration.lengths(atoms, own).items()}
    taken = {"frame", *IN_UNITS, *calibration.columns}
    named = {name: np.repeat(one, counts) for name, one in navigation.named(taken).items()}
    # Where y and x begin (px) and which way they run, which the columns do not say.
    origin = {
        "first_pixel": (calibration.offsets / calibration.scales).tolist(),
        "directions": np.sign(calibration.scales).tolist(),
    }
    if unit is not None:
        result = pd.DataFrame(named | lengths | _others(atoms, calibration, but=LENGTHS))
        result.attrs |= origin
        return result
    columns: dict[str, Any] = {"y_px": atoms[:, 0], "x_px": atoms[:, 1]}
    columns["y"], columns["x"] = calibration.in_axis_units(atoms).T
    columns |= _others(atoms, calibration)
    taken = {"frame", *columns}
    frame = {label: np.repeat(one, counts) for label, one in navigation.columns(taken).items()}
    beside = {name: values for name, values in (named | lengths).items() if name not in frame}
    result = pd.DataFrame(frame | columns | beside)
    units = dict(zip(navigation.labels(taken), navigation.units, strict=True))
    units = {label: unit for label, unit in units.items() if label and unit}
    result.attrs |= origin
    result.attrs["units"] = dict(zip(("y", "x"), calibration.units, strict=True)) | units
    times = [unit for unit in navigation.units if is_time(unit)]
    if len(times) == 1:
        # The unit of durations.
        result.attrs["time"] = list(named)[1 if len(navigation.names) == 1 else -1]
    return result


def _others(
    atoms: np.ndarray, calibration: Calibration, but: Container[str] = ()
) -> dict[str, Any]:
    """Return the columns besides the positions, species by name, leaving out some."""
    columns: dict[str, Any] = {
        name: atoms[:, at]
        for at, name in enumerate(calibration.columns)
        if at > 1 and name not in but
    }
    if "species" in columns:
        columns["species"] = [calibration.species[int(one)] for one in columns["species"]]
    return columns


def with_navigation(result: pd.DataFrame, navigation: Navigation) -> pd.DataFrame:
    """Replace the running column `frame` of a table by the numbers and values of the axes."""
    frame = result.pop("frame").to_numpy(int)
    for place, (label, one) in enumerate(navigation.columns(result).items()):
        result.insert(place, label, one[frame])
    return result


def slabs(data: np.ndarray | da.Array) -> Iterator[np.ndarray]:
    """Yield the frames in their order, those of a dask array a few blocks at a time."""
    return (frames for (frames,) in slabs_together(data))


def each_frame(data: np.ndarray | da.Array) -> Iterator[np.ndarray]:
    """Yield one frame after another in their order, those of a dask array block by block."""
    return (frame for frames in slabs(data) for frame in frames.flat)


def slabs_together(*arrays: np.ndarray | da.Array) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield parts of arrays, all or none of dask, that come from one pass of the network."""
    lazy = [array for array in arrays if isinstance(array, da.Array)]
    if not lazy:
        yield tuple(np.asarray(array) for array in arrays)
        return
    number, *others = lazy[0].numblocks
    step = max(_BLOCKS // int(np.prod(others)), 1)
    for start in range(0, number, step):
        with naming_unreadable(lazy[0]):
            # With the present scheduler, whichever that is.
            parts = dask.compute(*(array.blocks[start : start + step] for array in lazy))
        yield parts
