# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a large image that shows its lattice best."""

from __future__ import annotations

import numpy as np
import scipy.fft

# px: a tile has ten unit cells or more a side of the lattices with the periods below.
_TILE = 512
# Periods in px of lattices at any sampling that networks are trained on.
_PERIODS = (4.0, 100.0)
# Coefficients of a transform: enough in the smallest ring for a mean.
_RING_WIDTH = 2


def lattice_centre(frame: np.ndarray) -> tuple[int, int]:
    """Return the centre (y, x) of that tile of an image whose spectrum has the sharpest spots."""
    sides = [min(_TILE, length) for length in frame.shape]
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in sides)).astype(np.float32)
    inside, ring = _rings(sides)
    best, centre = 0.0, (frame.shape[0] // 2, frame.shape[1] // 2)
    if len(ring) == 0:
        return centre
    for top in _starts(frame.shape[0], sides[0]):
        for left in _starts(frame.shape[1], sides[1]):
            tile = np.asarray(frame[top : top + sides[0], left : left + sides[1]], np.float32)
            power = np.abs(scipy.fft.rfft2((tile - tile.mean()) * taper))[inside] ** 2
            mean = np.bincount(ring, power) / np.bincount(ring)
            spots = np.zeros(len(mean))
            np.maximum.at(spots, ring, power / np.maximum(mean, 1e-30)[ring])
            # An edge stands out in all rings alike, a lattice in some.
            sharpness = float(spots.max() / max(np.median(spots), 1e-30))
            if sharpness > best:
                best, centre = sharpness, (int(top + sides[0] // 2), int(left + sides[1] // 2))
    return centre


def _rings(sides: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of the spatial frequencies of lattices in a tile, and the ring of each."""
    frequency = np.hypot(scipy.fft.fftfreq(sides[0])[:, None], scipy.fft.rfftfreq(sides[1]))
    inside = (frequency > 1 / _PERIODS[1]) & (frequency < 1 / _PERIODS[0])
    ring = (frequency[inside] * _TILE / _RING_WIDTH).astype(int)
    return inside, np.unique(ring, return_inverse=True)[1]


def window_about(shape: tuple[int, int], centre: tuple[int, int], side: int) -> tuple[slice, slice]:
    """Return a window of a side in px about a centre (y, x), moved to lie in an image (H, W).

    It is the whole image where the side is longer.
    """
    lengths = [min(side, length) for length in shape]
    starts = [
        min(max(middle - length // 2, 0), whole - length)
        for middle, length, whole in zip(centre, lengths, shape, strict=True)
    ]
    rows, columns = (slice(s, s + n) for s, n in zip(starts, lengths, strict=True))
    return rows, columns


def _starts(length: int, side: int) -> np.ndarray:
    return np.linspace(0, length - side, -(-length // side)).round().astype(int)
