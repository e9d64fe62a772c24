# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of a movie, followed from frame to frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import track

from hyperspy_dlatoms.analysis.tracks import link, usual_range
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._export import slabs

if TYPE_CHECKING:
    import pandas as pd

    from hyperspy_dlatoms.signals.atom_positions import AtomPositions


def tracks(
    atoms: AtomPositions, search_range: float | None, memory: int, *, show_progressbar: bool
) -> pd.DataFrame:
    """Follow atoms through a movie; see :meth:`AtomPositions.tracks`.

    Parameters
    ----------
    atoms : AtomPositions
        With one navigation axis.
    search_range : float or None
        Å.
    memory : int
        Frames.
    show_progressbar : bool
        Whether to show progress.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ValueError
        If there is not one navigation axis, or see `hyperspy_dlatoms.analysis.tracks.link`.
    """
    calibration = _export.Calibration.of(atoms)
    axes = atoms.axes_manager.navigation_axes
    if len(axes) != 1:
        raise ValueError(
            f"There are {len(axes)} navigation axes: expected one, time. Pick one movie with inav."
        )
    kept: list[np.ndarray] = []

    def positions() -> Iterator[np.ndarray]:
        frames = itertools.chain.from_iterable(slabs(atoms))
        console, hidden = Console(stderr=True), not show_progressbar
        for frame in track(frames, "tracks", axes[0].size, console=console, disable=hidden):
            kept.append(frame)
            yield frame[:, :2] * calibration.sampling

    places = positions()
    if search_range is None:
        first = list(_up_to_atoms(places))
        # Where no frame has an atom, nothing is looked for.
        search_range = usual_range(first[-1]) if first and len(first[-1]) else 1.0
        places = itertools.chain(first, places)
    linked = link(places, search_range, memory)

    frames = np.empty(len(kept), object)
    frames[:] = kept
    table = _export.table(frames, calibration, [axes[0].name])
    table["frame"] = linked.frame.to_numpy()
    table["track"] = linked.track.to_numpy()
    for name, scale, sampling in zip("yx", calibration.scales, calibration.sampling, strict=True):
        table[f"{name}_drift"] = linked[f"{name}_drift"].to_numpy() * scale / sampling
        table[f"{name}_steady"] = table[name] - table[f"{name}_drift"]
    return table


def _up_to_atoms(places: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in places:
        yield frame
        if len(frame):
            return
