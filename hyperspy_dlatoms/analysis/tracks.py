# SPDX-License-Identifier: GPL-3.0-or-later
"""Which atom of a frame is which of the next, by trackpy."""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from hyperspy_dlatoms._extras import require

SHARE = 0.4
"""Of the distance of neighbours: how far an atom is looked for, unless told."""

_POSITION = ["y", "x"]


def link(frames: Iterable[np.ndarray], search_range: float, memory: int) -> pd.DataFrame:
    """Follow atoms through the frames of a movie, and measure the drift of all of them.

    The linking is that of Crocker and Grier [1]_ in trackpy [2]_: of all ways to continue the
    tracks within the range, that with the least sum of squared distances. Where an atom is looked
    for follows the drift of the atoms around it in the frame before.

    Parameters
    ----------
    frames : iterable of numpy.ndarray
        y, x of the atoms of each frame in Å, shape (n, 2); taken one after another.
    search_range : float
        How far from its place an atom of the next frame is the same one (Å).
    memory : int
        In how many frames in a row an atom may be missing; frames without any atom do not count.

    Returns
    -------
    pandas.DataFrame
        A row for each atom in the order of the frames: ``frame``, ``track``, both int, and
        ``y_drift``, ``x_drift``, how far all atoms have moved since the first frame (Å). Tracks are
        numbered from 0 as they begin.

    Raises
    ------
    ValueError
        If an argument is out of range, or so many atoms lie within the range of each other that
        trackpy gives up.

    References
    ----------
    .. [1] J. C. Crocker and D. G. Grier, "Methods of digital video microscopy for colloidal
       studies", Journal of Colloid and Interface Science 179, 298 (1996).
    .. [2] D. B. Allan, T. Caswell, N. C. Keim, C. M. van der Wel and R. W. Verweij, trackpy,
       doi:10.5281/zenodo.4682814.

    Examples
    --------
    >>> still = np.array([[0.0, 0.0], [0.0, 3.0]])
    >>> link([still, still[::-1] + 0.1], search_range=1.0, memory=0).round(2)
       frame  track  y_drift  x_drift
    0      0      0      0.0      0.0
    1      0      1      0.0      0.0
    2      1      1      0.1      0.1
    3      1      0      0.1      0.1
    """
    require("trackpy", extra="tracking", what="Following atoms from frame to frame")
    import trackpy

    if not (np.isfinite(search_range) and search_range > 0):
        raise ValueError(f"search_range is {search_range}: expected a positive distance in Å.")
    if isinstance(memory, bool) or not isinstance(memory, int | np.integer) or memory < 0:
        raise ValueError(f"memory is {memory!r}: expected a whole number of frames, 0 or more.")
    tables = _tables(frames)
    first = next(tables, None)
    if first is None:
        columns = {"frame": int, "track": int, "y_drift": float, "x_drift": float}
        return pd.DataFrame({name: np.empty(0, kind) for name, kind in columns.items()})
    predictor = trackpy.predict.DriftPredict(pos_columns=_POSITION)
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
    """Give how far an atom is looked for, from how far apart they are.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x of the atoms of a frame in Å, shape (n, 2).

    Returns
    -------
    float
        ``SHARE`` of the median distance of nearest neighbours, Å.

    Raises
    ------
    ValueError
        If there are fewer than two atoms.

    Examples
    --------
    >>> usual_range(np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 4.0]]))
    0.8
    """
    if len(positions) < 2:
        raise ValueError(
            f"A frame of {len(positions)} atoms does not tell how far apart they are: give "
            "search_range in Å."
        )
    distances, _ = cKDTree(positions).query(positions, k=2)
    return SHARE * float(np.median(distances[:, 1]))


def _tables(frames: Iterable[np.ndarray]) -> Iterator[pd.DataFrame]:
    for number, positions in enumerate(frames):
        if not len(positions):
            # The predictor of trackpy knows no frame without atoms.
            continue
        table = pd.DataFrame(np.asarray(positions, float)[:, :2], columns=_POSITION)
        yield table.assign(frame=number)


def _drift(tracks: pd.DataFrame) -> pd.DataFrame:
    """Give the drift at each frame; where a frame has no atom of the one before, none is added."""
    import trackpy

    numbers = pd.RangeIndex(int(tracks.frame.max()) + 1)
    none = pd.DataFrame(0.0, numbers, _POSITION)
    if tracks.frame.nunique() < 2:
        return none
    with warnings.catch_warnings(action="ignore"):
        drift = trackpy.compute_drift(tracks, pos_columns=_POSITION)
    return drift.reindex(numbers).ffill().fillna(0.0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep trackpy from saying what it does with each frame."""
    logger = logging.getLogger("trackpy")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
