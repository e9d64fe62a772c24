# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks of atoms through the frames of a movie, by trackpy."""

import itertools
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.analysis._grains import nearest_distance

# Of the distance of neighbours, how far an atom is searched for if no range is given: below half of
# it the nearest atom is the same one.
_SHARE = 0.4
# Of the atoms of a frame, the share that is too small to predict the drift to the next one: where
# nothing but a few false atoms were found, about half of them are linked by chance.
_FEW = 0.25
_POSITION = ["y", "x"]


def link(frames: Iterable[np.ndarray], search_range: float | None, memory: int) -> pd.DataFrame:
    """Link the atoms of frames (n, 2; y, x in Å) to tracks, and measure their drift."""
    # Of all ways to continue tracks within the range (Å, by default `usual_range`), the one with
    # the smallest sum of squared distances; an atom may be missing from `memory` frames in a row.
    # The table has a row per atom: ``frame``, ``track``, and ``y_drift``, ``x_drift`` since the
    # first frame (Å). J. C. Crocker and D. G. Grier, J. Colloid Interface Sci. 179, 298 (1996), as
    # in trackpy, doi:10.5281/zenodo.4682814.
    require("trackpy", extra="tracking", what="Following atoms from frame to frame")
    import trackpy

    if search_range is not None and not (np.isfinite(search_range) and search_range > 0):
        raise ValueError(f"search_range is {search_range}: expected a positive distance in Å.")
    if isinstance(memory, bool) or not isinstance(memory, int | np.integer) or memory < 0:
        raise ValueError(f"memory is {memory!r}: expected a whole number of frames, 0 or more.")
    tables = _tables(frames)
    first = next(tables, None)
    if first is None:
        columns = {"frame": int, "track": int, "y_drift": float, "x_drift": float}
        return pd.DataFrame({name: np.empty(0, kind) for name, kind in columns.items()})
    if search_range is None:
        search_range = usual_range(first[_POSITION].to_numpy())

    class Predictor(trackpy.predict.DriftPredict):
        vel = np.zeros(2)  # Å per frame.

        def observe(self, frame: pd.DataFrame) -> None:
            before = self.vel
            super().observe(frame)
            last, now = self.recent_frames[0].index, self.recent_frames[-1].index
            # Few atoms, maybe false ones, do not tell the drift: it goes on as before.
            if now.isin(last).sum() < _FEW * max(len(last), len(now)):
                self.vel = before

    predictor = Predictor(pos_columns=_POSITION)
    with _quiet():
        try:
            linked = predictor.link_df_iter(
                itertools.chain([first], tables),
                search_range,
                memory=int(memory),
                pos_columns=_POSITION,
            )
            tracks = pd.concat(linked, ignore_index=True)
        except trackpy.SubnetOversizeException as error:
            raise ValueError(
                f"Too many atoms lie within {search_range} Å of each other to be told apart "
                f"({error}): give a smaller search_range."
            ) from error
    drift = _drift(tracks)
    return pd.DataFrame(
        {
            "frame": tracks.frame.astype(int),
            "track": pd.factorize(tracks.particle)[0],
            "y_drift": drift.y.reindex(tracks.frame).to_numpy(),
            "x_drift": drift.x.reindex(tracks.frame).to_numpy(),
        }
    )


def usual_range(positions: np.ndarray) -> float:
    """Return a search range (Å) from the distances of neighbours among positions (Å, (n, 2))."""
    if len(positions) < 2:
        raise ValueError(
            f"A frame of {len(positions)} atoms is too small to measure how far apart they "
            "are: give search_range in Å."
        )
    nearest = nearest_distance(positions)
    if not nearest:
        raise ValueError(
            "Most atoms of a frame coincide with another one, so their distances cannot be "
            "measured: leave out the duplicates, or give search_range in Å."
        )
    return _SHARE * nearest


def _tables(frames: Iterable[np.ndarray]) -> Iterator[pd.DataFrame]:
    for number, positions in enumerate(frames):
        if not len(positions):
            # The predictor of trackpy cannot handle frames without atoms.
            continue
        table = pd.DataFrame(np.asarray(positions, float)[:, :2], columns=_POSITION)
        yield table.assign(frame=number)


def _drift(tracks: pd.DataFrame) -> pd.DataFrame:
    """Return the drift (Å) at each frame with atoms; without an atom seen before, none is added."""
    # An atom tells the drift since the frame in which it was last seen, so that it goes on across
    # frames without atoms, and those in which nothing but false ones were found.
    seen, step = np.unique(tracks.frame, return_inverse=True)
    atoms = tracks.assign(step=step).groupby("particle")
    before = atoms.step.shift(fill_value=-1).to_numpy()
    moves = atoms[_POSITION].diff().to_numpy()
    drift = np.zeros((len(seen), 2))
    ends = np.searchsorted(step, np.arange(len(seen)), side="right")
    for now in range(1, len(seen)):
        rows = np.arange(ends[now - 1], ends[now])
        rows = rows[before[rows] >= 0]
        drift[now] = (drift[before[rows]] + moves[rows]).mean(0) if len(rows) else drift[now - 1]
    return pd.DataFrame(drift, seen, _POSITION)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep trackpy from logging each frame, and from warning of how it uses pandas."""
    logger = logging.getLogger("trackpy")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):
                warnings.filterwarnings("ignore", category=category, module=r"trackpy\.")
            yield
    finally:
        logger.setLevel(level)
