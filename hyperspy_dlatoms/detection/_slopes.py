# SPDX-License-Identifier: GPL-3.0-or-later
"""Slopes of brightness over a whole image, as of an uneven illumination or a background."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.detection._lines import any_bad, less_centre

# Å: the side of blocks that hold an atom each; and px of a block that are looked at, a side.
_BLOCK = 3.2
_FEW = 8
# Å: over which a slope is compared with the contrast: networks see images normalised over it.
_REACH = 12.0
# Of the deviation within blocks: less disturbs little, and wedges rise by up to 1.1.
_LEAST_RISE = 1.25
# Of the variance of the blocks, the least that the slope explains: of a straight edge it would
# explain 0.8, and that is the specimen's.
_EXPLAINED = 0.95
# Of blocks, for six coefficients.
_FEWEST_BLOCKS = 25


class Slope(NamedTuple):
    """A parabola: coefficients, their mean over the image, and the px that it was fitted to."""

    coefficients: np.ndarray
    middle: float
    used: tuple[int, int]


def level_slope(image: np.ndarray, mask: np.ndarray, sampling: float) -> bool:
    """Subtract a strong parabolic slope (Å/px) in place, the mean stays; return if there is one."""
    slope = find_slope(image, mask, sampling)
    if slope is None:
        return False
    coefficients, middle, used = slope
    height, width = image.shape
    across = (np.arange(width) + 0.5) / used[1] - 0.5
    for row, down in zip(image, (np.arange(height) + 0.5) / used[0] - 0.5, strict=True):
        row -= (_terms(np.full(width, down), across) @ coefficients - middle).astype(np.float32)
    return True


def find_slope(
    image: np.ndarray, mask: np.ndarray, sampling: float, centre: float = 0.0
) -> Slope | None:
    """Return the slope of an image (H, W), of about a centre, if there is a strong one."""
    size = max(round(_BLOCK / sampling), 1)
    step = max(size // _FEW, 1)
    some = slice(None, None, step)
    side = max(size // step, 1)
    rows, columns = (-(-length // step) // side for length in image.shape)
    if rows * columns < _FEWEST_BLOCKS:
        return None

    def blocks(array):
        whole = array[: rows * side, : columns * side]
        return whole.reshape(rows, side, columns, side).mean(axis=(1, 3), dtype=np.float64)

    values, bad = less_centre(image[some, some], centre), mask[some, some]
    known, share = np.ones((rows, columns), bool), 1.0
    if any_bad(bad):
        share = 1 - blocks(bad)
        known = share > 0.5
        if np.count_nonzero(known) < _FEWEST_BLOCKS:
            return None
        values = np.where(bad, np.float32(0), values)
        share = share[known]
    mean = blocks(values)[known] / share
    y, x = np.nonzero(known)
    terms = _terms((y + 0.5) / rows - 0.5, (x + 0.5) / columns - 0.5)
    coefficients = np.linalg.lstsq(terms, mean, rcond=None)[0]
    fitted = terms @ coefficients
    if fitted.var() < _EXPLAINED * mean.var():
        return None
    deviation = np.sqrt(np.mean(np.maximum(blocks(values**2)[known] / share - mean**2, 0)))
    # Over the whole image, from its rms about the mean: a plane rises by the square root of 12.
    rise = np.sqrt(12) * fitted.std() * _REACH / (sampling * max(image.shape))
    if rise < _LEAST_RISE * deviation:
        return None
    return Slope(coefficients, float(fitted.mean()), (rows * side * step, columns * side * step))


def _terms(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the terms (n, 6) of a parabola of two coordinates."""
    return np.stack([np.ones(y.shape), y, x, y * y, y * x, x * x], axis=1)
