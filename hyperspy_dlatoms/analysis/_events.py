# SPDX-License-Identifier: GPL-3.0-or-later
"""Events in the tracks of atoms: residence times and jumps."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis._time import is_time
from hyperspy_dlatoms.analysis.matching import most_pairs

_NEEDED = ("frame", "track", "y_steady", "x_steady")


def residence(tracks: pd.DataFrame) -> pd.DataFrame:
    """Return the residence time of each atom.

    Parameters
    ----------
    tracks : pandas.DataFrame
        From :meth:`hyperspy_dlatoms.AtomPositions.tracks`.

    Returns
    -------
    pandas.DataFrame
        A row for each ``track``, which is its index: ``first`` and ``last`` frame; ``frames``, the
        number of frames with the atom; ``duration``, from the first frame to the last, in frames,
        and for a movie with a time axis ``duration_s``, in its unit; ``y`` and ``x``, its mean
        position without the drift, in the unit of the tracks, and for tracks with positions in nm
        ``y_nm`` and ``x_nm``; ``complete``, whether it appeared and vanished during the movie: for
        the others the duration is a lower bound. If the table was read from a file, the movie
        begins and ends with its first and last atom, since ``attrs["empty_frames"]`` is lost.

    Raises
    ------
    ValueError
        If the table lacks a column, or has a track twice in a frame, as tables of several movies.

    Examples
    --------
    >>> tracks = pd.DataFrame(
    ...     {"frame": [0, 1, 1, 2, 3], "track": [0, 0, 1, 1, 0], "y_steady": 0.0, "x_steady": 1.0}
    ... )
    >>> residence(tracks)[["first", "last", "frames", "duration", "complete"]]
           first  last  frames  duration  complete
    track
    0          0     3       3         4     False
    1          1     2       2         2      True
    """
    _check(tracks)
    groups = tracks.groupby("track")
    table = groups.agg(
        first=("frame", "min"),
        last=("frame", "max"),
        frames=("frame", "size"),
        y=("y_steady", "mean"),
        x=("x_steady", "mean"),
    )
    table.insert(3, "duration", table["last"] - table["first"] + 1)
    if time := _time_column(tracks):
        unit = time.rpartition("_")[2]
        interval = _interval(tracks, time)
        times = groups[time].agg(["min", "max"])
        table.insert(4, f"duration_{unit}", times["max"] - times["min"] + interval)
    for name in ("y", "x"):
        if (steady := f"{name}_steady_nm") in tracks:
            table[f"{name}_nm"] = groups[steady].mean()
    begin, end = tracks.frame.min(), tracks.frame.max()
    # Frames of the movie without any atom, at its beginning and end.
    empty = set(tracks.attrs.get("empty_frames", ()))
    begin = begin - 1 if begin - 1 in empty else begin
    end = end + 1 if end + 1 in empty else end
    return table.assign(complete=(table["first"] > begin) & (table["last"] < end))


def jumps(
    tracks: pd.DataFrame, max_distance: float, *, max_gap: int = 1, min_frames: int = 3
) -> pd.DataFrame:
    """Find atoms that vanish in one place and appear in another.

    The end of a track and the beginning of another one, soon after and nearby, are taken for a
    jump, one to one: the pairing with the most pairs, among those the one with the earliest ends,
    and among those the one with the smallest sum of distances. Unrelated atoms that vanish and
    appear near each other at the same time are also taken for a jump.

    Parameters
    ----------
    tracks : pandas.DataFrame
        From :meth:`hyperspy_dlatoms.AtomPositions.tracks`.
    max_distance : float
        The longest jump, in the unit of the tracks. No jump is shorter than the search range of the
        tracks, within which an atom is linked to itself.
    max_gap : int, optional
        Frames from the end of a track to the beginning of the other, 1 for the next frame.
    min_frames : int, optional
        Tracks with fewer frames are left out, since they may be noise.

    Returns
    -------
    pandas.DataFrame
        A row for each jump: ``frame``, the first one at the new site; ``track`` and ``to_track``;
        ``y``, ``x`` and ``to_y``, ``to_x``, where the tracks end and begin, without the drift; and
        the ``distance``; for tracks with positions in nm also ``distance_nm``, and for a movie with
        a time axis ``time_s``, the time of the frame, in its unit.

    Raises
    ------
    ValueError
        As for :func:`residence`, and if an argument is out of range.

    Examples
    --------
    >>> frames, places = np.arange(6), [0.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    >>> tracks = pd.DataFrame(
    ...     {"frame": frames, "track": frames // 3, "y_steady": places, "x_steady": 0.0}
    ... )
    >>> jumps(tracks, max_distance=3.0)[["frame", "track", "to_track", "distance"]]
       frame  track  to_track  distance
    0      3      0         1       2.0
    """
    _check(tracks)
    if not (np.isfinite(max_distance) and max_distance > 0):
        raise ValueError(f"max_distance is {max_distance}: expected a positive distance.")
    for name, value in (("max_gap", max_gap), ("min_frames", min_frames)):
        if value < 1:
            raise ValueError(f"{name} is {value}: expected 1 or more.")
    ordered = tracks.sort_values("frame", kind="stable")
    ordered = ordered[ordered.groupby("track").frame.transform("size") >= min_frames]
    ends, starts = ordered.groupby("track").tail(1), ordered.groupby("track").head(1)
    pairs = _pairs(ends, starts, max_distance, max_gap)
    before, after = ends.iloc[pairs[:, 0]], starts.iloc[pairs[:, 1]]
    table = pd.DataFrame(
        {
            "frame": after.frame.to_numpy(),
            "track": before.track.to_numpy(),
            "to_track": after.track.to_numpy(),
            "y": before.y_steady.to_numpy(),
            "x": before.x_steady.to_numpy(),
            "to_y": after.y_steady.to_numpy(),
            "to_x": after.x_steady.to_numpy(),
        }
    )
    table["distance"] = np.hypot(table.to_y - table.y, table.to_x - table.x)
    steady = ["y_steady_nm", "x_steady_nm"]
    if all(name in before for name in steady):
        steps = after[steady].to_numpy() - before[steady].to_numpy()
        table["distance_nm"] = np.hypot(*steps.T)
    if time := _time_column(tracks):
        table[time] = after[time].to_numpy()
    return table.sort_values(["frame", "track"], ignore_index=True)


def _pairs(
    ends: pd.DataFrame, starts: pd.DataFrame, max_distance: float, max_gap: int
) -> np.ndarray:
    """Return which ends of tracks jump to which starts, as row numbers (k, 2)."""
    if ends.empty:
        return np.empty((0, 2), int)
    # With the time (frames) as a third axis, on which gaps of 1 to max_gap are within max_distance.
    late = (1 + max_gap) / 2
    points = [
        np.column_stack(
            [one.y_steady, one.x_steady, (one.frame - shift) * 2 * max_distance / max_gap]
        )
        for one, shift in ((ends, 0), (starts, late))
    ]
    near = cKDTree(points[0]).sparse_distance_matrix(
        cKDTree(points[1]), max_distance, p=np.inf, output_type="ndarray"
    )
    rows, columns = near["i"], near["j"]
    distances = np.hypot(*(points[0][rows] - points[1][columns])[:, :2].T)
    near = distances <= max_distance
    # If ends compete for a start, the first one gets it.
    ranks = ends.frame.rank(method="dense", ascending=False).to_numpy()
    return most_pairs(rows[near], columns[near], distances[near] / max_distance, ranks)


def _time_column(tracks: pd.DataFrame) -> str | None:
    """Return the column with the time of each row, named after its unit; None if there is none."""
    named = tracks.attrs.get("time")
    if named in tracks:
        return named
    # A table that was written and read again: as ``time_s``, or ``t_s`` beside ``t``.
    parts = {str(column): str(column).rpartition("_") for column in tracks}
    there = [
        column
        for column, (name, _, unit) in parts.items()
        if column.startswith("time_") or (name in parts and is_time(unit))
    ]
    return there[0] if len(there) == 1 else None


def _interval(tracks: pd.DataFrame, time: str) -> float:
    """Return the median time between frames, whichever way it runs; NaN for a single frame."""
    of_frame = tracks.groupby("frame")[time].first()
    steps = np.diff(of_frame.to_numpy()) / np.diff(of_frame.index.to_numpy())
    return abs(float(np.median(steps))) if len(steps) else np.nan


def _check(tracks: pd.DataFrame) -> None:
    missing = [name for name in _NEEDED if name not in tracks]
    if missing:
        raise ValueError(
            f"The table lacks {', '.join(missing)}: expected the table that AtomPositions.tracks() "
            "returns."
        )
    if tracks.duplicated(["frame", "track"]).any():
        raise ValueError(
            "Some tracks have several atoms in one frame, as in joined tables of several movies: "
            "expected the table of one movie. Take one after another, for example with groupby."
        )
