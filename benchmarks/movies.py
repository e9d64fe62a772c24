# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and movies to benchmark with: a noisy lattice of columns, calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

SPACING = 2.3
"""Of the columns (Å)."""


def image(side: int, sampling: float) -> np.ndarray:
    """Make an image of a lattice with shot noise, `sampling` in Å/px."""
    wave = 1 + 0.3 * np.cos(2 * np.pi * np.arange(side) * sampling / SPACING)
    return np.random.default_rng(0).poisson(20 * np.outer(wave, wave)).astype(np.uint16)


def calibrated(signal: Signal2D, sampling: float) -> Signal2D:
    """Set the pixel size of a signal, in Å/px, and return it."""
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = sampling, "Å"
    return signal


def signal_of(frame: np.ndarray, sampling: float) -> Signal2D:
    """Make a signal of an array of images."""
    import hyperspy.api as hs

    return calibrated(hs.signals.Signal2D(frame), sampling)


def noise(frames: int, side: int = 1024, together: int = 4) -> Signal2D:
    """Make a lazy movie of noise at 0.1 Å/px, with `together` frames per chunk, made on demand."""
    import dask.array as da
    import hyperspy.api as hs

    def noisy(block_info=None) -> np.ndarray:
        first, last = block_info[None]["array-location"][0]
        rng = np.random.default_rng(first)
        return rng.poisson(20, (last - first, side, side)).astype(np.uint16)

    stack = da.map_blocks(
        noisy,
        chunks=((together,) * (frames // together), (side,), (side,)),
        dtype=np.uint16,
        meta=np.empty((0, 0, 0), np.uint16),
    )
    return calibrated(hs.signals.Signal2D(stack).as_lazy(), 0.1)
