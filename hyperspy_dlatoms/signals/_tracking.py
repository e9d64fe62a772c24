# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms followed through a movie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms._doing import tracker
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._columns import DEFAULT, pixel_size
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._progress import is_shown

if TYPE_CHECKING:
    import pandas as pd

    from hyperspy_dlatoms.signals import AtomPositions


@filled
def tracks(
    self: AtomPositions,
    *,
    search_range: float | None = None,
    memory: int = 2,
    show_progressbar: bool | None = None,
) -> pd.DataFrame:
    """Follow the atoms through a movie.

    Frames are read block by block, so only the atoms of a long lazy movie are in memory. A drift of
    all atoms is followed as long as it changes by less than the search range from one frame to the
    next; otherwise align the images first.

    Parameters
    ----------
    search_range : float, optional
        The largest displacement of an atom from one frame to the next (Å); by default 0.4 times the
        distance between neighbours in the first frame with atoms.
    memory : int, optional
        The number of successive frames from which an atom may be missing, not counting frames
        without any atoms.
    {SHOW_PROGRESSBAR}

    Returns
    -------
    pandas.DataFrame
        The table of `to_dataframe` with ``frame``, the number of the frame, counted on from that of
        the first; ``track``, the same number for the same atom, and ``particle``, the same under
        the name that trackpy reads (``trackpy.emsd(tracks, 1, 1)``); ``y_drift``, ``x_drift``, the
        common drift since the first frame; ``y_steady``, ``x_steady``, the positions without it, in
        the units of the image's axes; and these four in nm, ``y_drift_nm`` and so on.
        ``attrs["empty_frames"]`` lists the frames without atoms.

    Raises
    ------
    ValueError
        If there is not exactly one navigation axis, an argument is out of range, or the first frame
        has too few atoms to measure their distance.

    See Also
    --------
    hyperspy_dlatoms.residence : The residence time of each atom.
    hyperspy_dlatoms.jumps : Atoms that vanish in one place and appear in another.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> frames = [np.array([[10.0, 5.0], [30.0, 5.0]]), np.array([[31.0, 6.0], [11.0, 6.0]])]
    >>> atoms = AtomPositions.from_frames(frames, sampling=0.1)
    >>> atoms.tracks()[["frame", "track", "y", "y_steady"]].round(6)
       frame  track    y  y_steady
    0      0      0  1.0       1.0
    1      0      1  3.0       3.0
    2      1      1  3.1       3.0
    3      1      0  1.1       1.0
    """
    from hyperspy_dlatoms.analysis.tracks import link

    calibration, axes = self._calibration, self.axes_manager.navigation_axes
    if len(axes) != 1:
        raise ValueError(
            f"There are {len(axes)} navigation axes: expected one, time. Pick one movie with inav."
        )
    kept: list[np.ndarray] = []

    def positions() -> Iterator[np.ndarray]:
        frames = _export.each_frame(self.data)
        for frame in tracker(is_shown(show_progressbar))(frames, "tracks", axes[0].size):
            kept.append(frame)
            yield calibration.in_angstrom(frame)

    linked = link(positions(), search_range, memory)
    frames = np.empty(len(kept), object)
    frames[:] = kept
    navigation = self._navigation
    result = _export.table(frames, calibration, navigation)
    first = navigation.numbers[0].start
    result["frame"] = linked.frame.to_numpy() + first
    result.attrs["empty_frames"] = [first + n for n, one in enumerate(kept) if not len(one)]
    result["track"] = linked.track.to_numpy()
    result["particle"] = result["track"]
    units = calibration.scales / calibration.sampling
    named = np.sign(calibration.scales) * pixel_size(DEFAULT, np.ones(2))
    for name, unit, own in zip("yx", units, named, strict=True):
        drift = linked[f"{name}_drift"].to_numpy()
        result[f"{name}_drift"] = drift * unit
        result[f"{name}_steady"] = result[name] - result[f"{name}_drift"]
        result[f"{name}_drift_{DEFAULT}"] = drift * own
        result[f"{name}_steady_{DEFAULT}"] = result[f"{name}_{DEFAULT}"] - drift * own
    return result
