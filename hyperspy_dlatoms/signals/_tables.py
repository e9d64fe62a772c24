# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms as tables."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.analysis._time import is_time
from hyperspy_dlatoms.signals import _columns, _export
from hyperspy_dlatoms.signals._docstrings import filled

if TYPE_CHECKING:
    import os

    import pandas as pd
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions

# Columns that `to_dataframe` derives from others: navigation, and positions once more. Their names
# do not contain their units.
_DERIVED = ("frame", "y", "x", "y_sigma", "x_sigma")
_SAME_TIME = 1e-3  # Of a frame, by which a frame's time may deviate from a uniform axis.
_NAMELESS = "Unnamed: "  # Begins the name that pandas gives an unnamed column: a written index.
# Frames of a table without atoms; more are a sign of a column that does not count frames.
_MOST_FRAMES = 10_000_000


@filled
def to_dataframe(
    self: AtomPositions, signal: Signal2D | None = None, *, units: str | None = None
) -> pd.DataFrame:
    """Return a table with a row for each atom.

    Parameters
    ----------
    {IMAGES}
    {UNITS}

    Returns
    -------
    pandas.DataFrame
        With ``units="nm"``: ``frame``, the number of the frame in the searched images, even for a
        part picked with ``inav`` (with several navigation axes ``index_0``, ... in the order of the
        array); the value along each navigation axis with a name or a unit of time, for instance
        ``time_s``, or ``x_0_nm`` for one named like another column; ``y_nm``, ``x_nm``,
        ``y_sigma_nm``, ``x_sigma_nm``; then the columns that are not lengths, `species` by name.

        By default the columns of earlier releases come first: ``index_0``, ...; the value along
        each navigation axis with a name, without the unit; `y_px` and `x_px`; `y` and `x` in the
        units of the image's axes, which ``attrs["units"]`` names; and `y_sigma` and `x_sigma` in
        px. `y`, `x`, `y_sigma`, `x_sigma` and values without their unit are deprecated.

        ``attrs["first_pixel"]`` says where the first pixel lies along y and x, in px from the
        origin of the axes; ``attrs["directions"]`` is -1 for an axis that runs backwards.

    Raises
    ------
    {RAISES_PLACE}

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> atoms.to_dataframe(units="nm")
       y_nm  x_nm  probability
    0   0.2   0.1          0.9
    >>> atoms.to_dataframe()
       y_px  x_px    y    x  probability  y_nm  x_nm
    0  10.0   5.0  2.0  1.0          0.9   0.2   0.1
    """
    unit = _columns.checked_unit(units)
    return _export.table(*self._on(signal)._for_tables(), unit)


@filled
def to_csv(
    self: AtomPositions,
    path: str | os.PathLike[str],
    signal: Signal2D | None = None,
    *,
    units: str | None = None,
) -> None:
    """Write the table of :meth:`to_dataframe` to a file.

    Lazy atoms are found and written a few frames at a time, so memory does not grow with their
    number.

    Parameters
    ----------
    {PATH}
    {IMAGES}
    {UNITS}

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> import tempfile
    >>> from pathlib import Path
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     atoms.to_csv(f"{directory}/atoms.csv", units="nm")
    ...     print(Path(directory, "atoms.csv").read_text().strip())
    y_nm,x_nm,probability
    0.2,0.1,0.9
    """
    unit = _columns.checked_unit(units)
    atoms, first = self._on(signal), 0
    calibration, navigation = atoms._calibration, atoms._navigation
    of_atoms = {*_columns.IN_UNITS, *calibration.columns}
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        for frames in _export.slabs(atoms.data):
            some = navigation.part(slice(first, first + len(frames)))
            part = _export.table(frames, calibration, some, unit)
            for name in part.columns.difference(of_atoms):
                if part[name].dtype.kind == "f":
                    # All digits but those of rounding: a time may count from long ago.
                    part[name] = part[name].map("{:.15g}".format)
            part.to_csv(file, index=False, header=first == 0, float_format="%.8g")
            first += len(frames)


def from_dataframe(
    cls: type[AtomPositions],
    table: pd.DataFrame,
    *,
    sampling: float,
    species: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
    n_frames: int | None = None,
) -> AtomPositions:
    """Make a signal of positions from a table, for instance from another program.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each atom. Required are ``y_px`` and ``x_px``, from the centre of the first pixel
        of the image, or both in another unit, ``y_nm``, ``y_pm`` or ``y_angstrom``, from the origin
        of its axes: the centre of the first pixel, unless the ``attrs`` of :meth:`to_dataframe` say
        otherwise. ``y_sigma_px`` and ``x_sigma_px``, in any of these units, ``probability`` and
        ``species``, by name or index, are optional. A column ``frame`` of whole numbers makes it a
        movie, and ``time_s`` gives the time of its frames; so does a column between ``frame`` and
        the positions that has one value per frame and rises or falls with it, as in tables of
        :meth:`to_dataframe`. Other numeric columns keep their names; unnamed ones, such as an index
        written by pandas, are dropped. Tables of :meth:`to_dataframe` come back as they were. A
        .csv file has no ``attrs``: for cropped images, write it with ``y_px`` and ``x_px``, as
        :meth:`to_csv` does by default or with ``units="px"``.
    sampling : float
        Å/px.
    species : sequence of str, optional
        The names of the classes in order; by default those in the table, sorted.
    image_shape : tuple of int, optional
        Height and width of the images in px, required by methods that need their area.
    n_frames : int, optional
        The number of frames, counted from 0 and including empty ones at the end; by default the
        frames run from the first to the last with an atom.

    Returns
    -------
    AtomPositions
        With one navigation axis if there is a column ``frame``, else none. Rows are sorted by y
        and x.

    Raises
    ------
    ValueError
        If no positions have their unit in the name, a position is not finite, a column is not
        numeric, the frame numbers make no sense, or the table has several navigation axes.

    See Also
    --------
    from_array, from_frames : The same from arrays.

    Examples
    --------
    >>> import pandas as pd
    >>> from hyperspy_dlatoms import AtomPositions
    >>> table = pd.DataFrame({"frame": [0, 0, 2], "y_px": [4.0, 2.0, 3.0], "x_px": [1.0, 5.0, 6.0]})
    >>> atoms = AtomPositions.from_dataframe(table, sampling=0.2)
    >>> [len(frame) for frame in atoms.data]
    [2, 0, 1]
    >>> atoms.data[0]
    array([[2., 5.],
           [4., 1.]])
    """
    scale = _checked_sampling(sampling)
    if "frame" not in table and "index_1" in table:
        raise ValueError(
            "The table has several navigation axes, index_0, index_1 and so on: expected one, "
            "frame. Take one movie, for example table[table.index_0 == 0].rename(columns="
            "{'index_1': 'frame'}), or keep the atoms themselves, atoms.save('atoms.hspy')."
        )
    if "frame" not in table and "index_0" in table:
        # From an earlier release.
        table = table.rename(columns={"index_0": "frame"})
    lengths = _columns.length_columns(map(str, table.columns))
    directions = np.asarray(table.attrs.get("directions", [1.0, 1.0]), float)
    first_pixel = np.asarray(table.attrs.get("first_pixel", [0.0, 0.0]), float)
    if not {"y", "x"} <= set(lengths):
        raise ValueError(
            f"The table has the columns {', '.join(map(str, table.columns))}: expected y_px and "
            "x_px (or y_nm and x_nm, and so on), with the unit in the name. Rename them, for "
            "example table.rename(columns={'y': 'y_px', 'x': 'x_px'})."
        )
    if ("y_sigma" in lengths) != ("x_sigma" in lengths):
        raise ValueError("The table has a sigma along only one of y and x: expected both or none.")
    columns: dict[str, np.ndarray] = {}
    for name in ("y", "x", "probability", "y_sigma", "x_sigma"):
        if name in lengths:
            column, unit = lengths[name]
            size = _columns.pixel_size(unit, np.full(2, scale))[0]
            numbers = _numbers(table, column) / size
            if name in ("y", "x") and unit != "px":
                along = int(name == "x")
                numbers = directions[along] * numbers - first_pixel[along]
            columns[name] = numbers
        elif name in table:
            # Tables of to_dataframe from earlier releases have sigmas in px.
            if name != "probability" and not {"y_px", "y"} <= set(table.columns):
                raise ValueError(
                    f"The column {name} has no unit in its name: call it {name}_px, {name}_nm, ..."
                )
            columns[name] = _numbers(table, name)
    if not (np.isfinite(columns["y"]) & np.isfinite(columns["x"])).all():
        raise ValueError("Some positions are not finite: drop these rows, table.dropna().")
    classes = list(species or [])
    if "species" in table:
        columns["species"], classes = _classes(table["species"], classes)
    axis, of_axes = _axis_of_movie(table)
    skipped = {*columns, *of_axes, *_DERIVED, *_columns.IN_UNITS}
    for column in map(str, table.columns):
        if column not in skipped and not column.startswith(("index_", _NAMELESS)):
            columns[column] = _numbers(table, column)
    rows = np.column_stack(list(columns.values()))
    first, frames = 0, [rows]
    if "frame" in table:
        first, frames = _frames(rows, _numbers(table, "frame"), n_frames)
    elif n_frames is not None:
        raise ValueError("n_frames is given, but the table has no column frame.")
    frames = [frame[np.lexsort((frame[:, 1], frame[:, 0]))] for frame in frames]
    more: dict[str, Any] = {
        "scales": (scale * directions).tolist(),
        "offsets": (scale * directions * first_pixel).tolist(),
    }
    if image_shape is not None:
        more["image_shape"] = [int(size) for size in image_shape]
    if first:
        more |= {"first_frames": [first], "frame_steps": [1]}
    axes = [_axis_from(axis, first, len(frames))] if "frame" in table else []
    return signal_of(cls, frames, list(columns), scale, classes, axes, **more)


def from_array(
    cls: type[AtomPositions],
    array: np.ndarray | Sequence[np.ndarray],
    *,
    sampling: float,
    columns: Sequence[str] = ("y_px", "x_px"),
    species: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
) -> AtomPositions:
    """Make a signal of positions from arrays, for instance from another program.

    Parameters
    ----------
    array : numpy.ndarray or sequence of numpy.ndarray
        Of shape (n, k), a row for each atom; a sequence of such arrays, one for each frame, is a
        movie.
    sampling : float
        Å/px.
    columns : sequence of str, default ("y_px", "x_px")
        The names of the k columns in order, as in :meth:`from_dataframe`; Atomap and Matplotlib use
        ``("x_px", "y_px")``.
    species, image_shape
        As in :meth:`from_dataframe`.

    Returns
    -------
    AtomPositions
        With one navigation axis for a sequence, none for a single array.

    Raises
    ------
    ValueError
        If an array does not have a column for each name, and as for :meth:`from_dataframe`.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_array(np.ones((4, 2)), columns=("x_px", "y_px"), sampling=0.1)
    >>> atoms.data[0].shape
    (4, 2)
    """
    import pandas as pd

    single = isinstance(array, np.ndarray) and array.dtype != object
    arrays = [np.asarray(one, float) for one in ([array] if single else array)]
    for one in arrays:
        if one.ndim != 2 or one.shape[1] != len(columns):
            raise ValueError(
                f"An array has the shape {one.shape}: expected (n, {len(columns)}), a column for "
                f"each of {', '.join(columns)}."
            )
    if not arrays:
        raise ValueError("There are no arrays: expected one or more.")
    table = pd.DataFrame(np.concatenate(arrays), columns=list(columns))
    options: dict[str, Any] = {"sampling": sampling, "species": species, "image_shape": image_shape}
    if single:
        return from_dataframe(cls, table, **options)
    table["frame"] = np.repeat(np.arange(len(arrays)), [len(one) for one in arrays])
    return from_dataframe(cls, table, n_frames=len(arrays), **options)


def signal_of(
    cls: type[AtomPositions],
    frames: list[np.ndarray],
    names: Sequence[str],
    sampling: float,
    species: Sequence[str],
    axes: list[dict[str, Any]],
    **more: Any,
) -> AtomPositions:
    """Return the signal of frames (n, k) in px, with the names of their columns; Å/px."""
    pixel = _checked_sampling(sampling)
    data = np.empty(len(frames), object)
    data[:] = frames
    scales = {"offsets": [0.0, 0.0], "scales": [pixel] * 2, "units": ["Å", "Å"]}
    vectors = {"column_names": list(names), **scales, "sampling": [pixel] * 2}
    vectors |= {"species": list(species)} | more
    return cls(data, axes=axes, metadata={"VectorMetadata": vectors}, ragged=True)


def _checked_sampling(sampling: object) -> float:
    if isinstance(sampling, bool) or not isinstance(sampling, Real):
        raise TypeError(f"sampling is {sampling!r}: expected a number in Å/px.")
    value = float(sampling)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"sampling is {value}: expected a positive number in Å/px.")
    return value


def _axis_of_movie(table: pd.DataFrame) -> tuple[dict[str, Any], set[str]]:
    """Return the axis of a movie by the values of its frames, and the columns that hold them."""
    if "frame" not in table:
        return {}, set()
    beside = _between_frame_and_positions(table)
    # In tables that `to_dataframe` did not write, a value for each atom may stand there.
    own = "index_0" in table or "first_pixel" in table.attrs
    if not own and not 1 < table["frame"].nunique() < len(table):
        beside = []
    times = [column for column in map(str, table.columns) if column.startswith("time_")]
    if len(times) != 1 or not is_time(times[0].removeprefix("time_")):
        times = []
    columns = set(beside) if own else set()
    for column in (*times, *reversed(beside)):
        axis = _axis(_numbers(table, "frame"), _numbers(table, column))
        if axis is not None:
            name, unit = column, ""
            if column in times:
                name, unit = "time", column.removeprefix("time_")
                columns |= {"time"} & set(table.columns)
            elif column.startswith(f"{beside[0]}_"):
                name, unit = beside[0], column.removeprefix(f"{beside[0]}_")
            return axis | {"name": name} | ({"units": unit} if unit else {}), {column, *columns}
    return {}, columns


def _between_frame_and_positions(table: pd.DataFrame) -> list[str]:
    """Return the columns where `to_dataframe` puts the values of navigation axes."""
    found: list[str] = []
    waiting: list[str] | None = None
    for column in map(str, table.columns):
        if column == "frame" or column.startswith("index_"):
            waiting = []
        elif column in _columns.IN_UNITS:
            found += waiting or []
            waiting = None
        elif waiting is not None and column not in ("probability", "species", *_DERIVED):
            waiting.append(column)
    return found


def _axis(numbers: np.ndarray, values: np.ndarray) -> dict[str, Any] | None:
    """Return the axis that gives each atom's frame its value; None if there can be none."""
    if not (len(values) and np.isfinite(numbers).all() and np.isfinite(values).all()):
        return None
    frames, at = np.unique(numbers, return_index=True)
    steps = np.diff(values[at])
    if not ((steps > 0).all() or (steps < 0).all()):
        return None
    scale = steps.sum() / np.ptp(frames) if len(frames) > 1 else 1.0
    offset = values[at[0]] - scale * frames[0]
    if np.abs(offset + scale * numbers - values).max() <= _SAME_TIME * abs(scale):
        return {"scale": float(scale), "offset": float(offset)}
    if len(np.unique(np.column_stack([numbers, values]), axis=0)) > len(frames):
        return None
    return {"axis": values[at]}


def _axis_from(axis: dict[str, Any], first: int, size: int) -> dict[str, Any]:
    """Return the axis of `size` frames from number `first` on."""
    if "axis" not in axis:
        start = axis.get("offset", 0.0) + first * axis.get("scale", 0.0)
        return axis | {"navigate": True, "size": size, "offset": start}
    if len(axis["axis"]) != size:
        raise ValueError(
            f"The values of {axis['name']} are not evenly spaced, and those of frames without "
            "atoms are not known: leave out the columns of that name, table.drop(columns=...)."
        )
    return axis | {"navigate": True}


def _numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    try:
        return table[column].to_numpy(float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The column {column} is not numeric: leave it out, table.drop(columns="
            f"{column!r}), or convert it to numbers."
        ) from error


def _classes(column: pd.Series, species: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return the index of the species of each atom, and their names."""
    if np.issubdtype(getattr(column.dtype, "type", object), np.number):
        indices = column.to_numpy(float)
        check_classes(indices, species)
        return indices, species
    written = [str(name) for name in column]
    names = species or sorted(set(written))
    if unknown := sorted(set(written) - set(names)):
        raise ValueError(
            f"The table has the species {', '.join(unknown)}: expected {', '.join(names)}."
        )
    return np.array([names.index(name) for name in written], float), names


def check_classes(indices: np.ndarray, species: Sequence[str]) -> None:
    """Raise a ValueError unless each index has the name of a species."""
    if len(indices) and not np.isin(indices, np.arange(len(species))).all():
        raise ValueError(
            f"species are numbers from {indices.min():g} to {indices.max():g}, but there are "
            f"{len(species)} names: give species, the names of the classes in order."
        )


def _frames(
    rows: np.ndarray, numbers: np.ndarray, n_frames: int | None
) -> tuple[int, list[np.ndarray]]:
    """Return the number of the first frame, and the rows of each frame from there on."""
    if not (np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all()):
        raise ValueError("frame has numbers that are not whole: expected 0, 1, 2, ...")
    numbers = numbers.astype(np.int64)
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, -1)
    if low < 0 or high - low > _MOST_FRAMES:
        raise ValueError(f"frame goes from {low} to {high}: expected 0, 1, 2, ...")
    if n_frames is not None:
        if high >= n_frames:
            raise ValueError(f"n_frames is {n_frames}, but frame goes to {high}.")
        low, high = 0, n_frames - 1
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(low, high + 1) + 1)
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    parts = [rows[order[start:end]] for start, end in zip(starts, ends, strict=True)]
    return low, parts
