# SPDX-License-Identifier: GPL-3.0-or-later
"""Shadows of apertures and beam stops, in which no image is."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_opening, distance_transform_edt, label

# Å: the side of the blocks whose brightness is looked at; and of those of the first look.
_BLOCK = 0.8
_COARSE_BLOCK = 3.2
# px: a side of a coarse block of which pixels are looked at first.
_FEW = 8
# Of the brightness of a frame, which is that of its brightest blocks but for the last tenth, and of
# the noise there: a specimen on which light was added is as noisy elsewhere.
_DARK, _QUIET = 0.1, 0.5
_BRIGHT = 90
# Blocks, a side, and Å²: of the least shadow, since the middle of a column may be as dark.
_LEAST_SIDE = 2
_LEAST_AREA = 25.0
# Å: the width of a soft edge at most. It ends where the brightness rises by less than such a part
# from a block to the next, at 0.95 of it for an edge that a Gaussian of 1.6 Å has blurred.
_PENUMBRA = 10.0
_SLOW = 0.05


def shadows(frame: np.ndarray, mask: np.ndarray, sampling: float) -> np.ndarray:
    """Return a mask (H, W) of the shadows on a camera, and of their soft edges.

    There are hardly any electrons. The width of the edges is that of the mean over all of them.
    """
    nothing = np.broadcast_to(False, frame.shape)
    coarse = max(round(_COARSE_BLOCK / sampling), 1)
    step = max(coarse // _FEW, 1)
    some = slice(None, None, step)
    level, noise = _moments(frame[some, some], mask[some, some], max(coarse // step, 1))
    known = np.isfinite(level)
    if not known.any():
        return nothing
    bright = np.percentile(level[known], _BRIGHT)
    lit = known & (level > 0.5 * bright)
    # The comparison with NaN is False.
    quiet = (level < _DARK * bright) & (noise < _QUIET * np.median(noise[lit]))
    if not quiet.any():
        return nothing
    size = max(round(_BLOCK / sampling), 1)
    level, _ = _moments(frame, mask, size)
    dark = np.pad(level < _DARK * bright, _LEAST_SIDE, mode="edge")
    dark = binary_opening(dark, np.ones((_LEAST_SIDE, _LEAST_SIDE)))
    dark = dark[_LEAST_SIDE:-_LEAST_SIDE, _LEAST_SIDE:-_LEAST_SIDE]
    parts, _ = label(dark)
    dark &= (np.bincount(parts.ravel()) * (size * sampling) ** 2 >= _LEAST_AREA)[parts]
    if not dark.any():
        return nothing
    distance = distance_transform_edt(~dark) * (size * sampling)
    wide = distance < _width(level, distance, size * sampling)
    rows, columns = (np.arange(length) // size for length in frame.shape)
    return wide[rows[:, None], columns] & ~mask


def _moments(frame: np.ndarray, mask: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the good pixels of blocks; NaN where most are not."""
    rows, columns = (np.arange(0, length, size) for length in frame.shape)

    def sums(array):
        return np.add.reduceat(np.add.reduceat(array, rows, axis=0), columns, axis=1)

    good = (~mask).astype(np.float64)
    values = np.where(mask, 0, frame).astype(np.float64)
    count = sums(good)
    whole = np.outer(
        *(np.diff(np.append(one, n)) for one, n in zip((rows, columns), frame.shape, strict=True))
    )
    mean = np.where(2 * count > whole, sums(values) / np.maximum(count, 1), np.nan)
    square = sums(values**2) / np.maximum(count, 1)
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def _width(level: np.ndarray, distance: np.ndarray, block: float) -> float:
    """Return the distance in Å from dark blocks, of a side in Å, at which their soft edge ends."""
    bins = np.arange(0.5 * block, _PENUMBRA + block, block)
    number = np.digitize(distance, bins)
    good = np.isfinite(level) & (number > 0) & (number < len(bins))
    count = np.bincount(number[good], minlength=len(bins))[1:]
    mean = np.bincount(number[good], level[good], len(bins))[1:] / np.maximum(count, 1)
    beyond = count > 0
    if not beyond.any():
        return block
    mean = mean[beyond]
    rise = np.diff(mean)
    if rise.size == 0:
        return block
    steepest = int(np.argmax(rise))
    slow = np.flatnonzero(rise[steepest:] < _SLOW * mean.max())
    return block * (1.5 + steepest + slow[0]) if slow.size else _PENUMBRA
