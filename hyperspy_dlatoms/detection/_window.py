# SPDX-License-Identifier: GPL-3.0-or-later
"""The spots of a lattice in the spectrum of an image, and the part that shows them best."""

import math
from collections.abc import Iterator

import numpy as np
import scipy.fft

_TILE = 512  # px: a tile is ten or more unit cells wide for lattices with the periods below.
# Lattice periods in px at any sampling that networks read: graphene at 0.6 Å/px has 3.5 px.
_PERIODS = (3.0, 100.0)
# Coefficients near the axes of a transform, where scan lines and camera bands lie.
_AXIS = 2.5
# Working px: the widest planes, 3.5 Å, at twice the true sampling. Edges and steps are wider.
_LONGEST = 35.0
# Of the mean power: in rings without noise, as in simulations, the power comes from edges.
_FLOOR = 1e-3
_RING_WIDTH = 2  # Coefficients of a transform: enough in the smallest ring for a mean.


def lattice_centre(frame: np.ndarray) -> tuple[int, int]:
    """Return the centre (y, x) of the tile of an image whose spectrum has the sharpest spots."""
    best, centre = 0.0, (frame.shape[0] // 2, frame.shape[1] // 2)
    for middle, spots, _ in _spots(frame, _PERIODS):
        # An edge stands out in all rings alike, a lattice in some.
        sharpness = float(spots.max() / max(np.median(spots), 1e-30))
        if sharpness > best:
            best, centre = sharpness, middle
    return centre


def lattice_evidence(working: np.ndarray, shortest: float) -> float:
    """Return how clearly the spectrum of a normalised image (h, w) shows spots of a lattice."""
    # The negative logarithm of the number of spots as strong as the strongest that noise or an
    # amorphous film would have: one in ten such images has more than 2.3, one in 10 000 more than
    # 9.2. No periods below `shortest`, in px of about 0.2 Å, were recorded.
    largest, number = 0.0, 0
    for _, spots, counts in _spots(working, (max(_PERIODS[0], shortest), _LONGEST), _AXIS):
        # An edge stands out in all rings alike, a lattice in some.
        alike = float(np.median(spots) / (np.log(np.median(counts)) + np.euler_gamma))
        largest = max(largest, float(spots.max()) / max(alike, 1.0))
        number += int(counts.sum())
    # The power of noise is distributed exponentially about the mean of its ring.
    return largest - math.log(max(number, 1))


def _spots(
    frame: np.ndarray, periods: tuple[float, float], axis: float = 0.0
) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """Yield the centre (y, x) of each tile, and the largest relative to the mean power per ring."""
    # And the number of coefficients in each ring.
    sides = [min(_TILE, length) for length in frame.shape]
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in sides)).astype(np.float32)
    inside, ring = _rings(sides, periods, axis)
    if len(ring) == 0:
        return
    counts = np.bincount(ring)
    for top in _starts(frame.shape[0], sides[0]):
        for left in _starts(frame.shape[1], sides[1]):
            tile = np.asarray(frame[top : top + sides[0], left : left + sides[1]], np.float32)
            power = np.abs(scipy.fft.rfft2((tile - tile.mean()) * taper))[inside] ** 2
            mean = np.bincount(ring, power) / counts
            spots = np.zeros(len(mean))
            floor = _FLOOR * power.mean() + 1e-30
            np.maximum.at(spots, ring, power / np.maximum(mean, floor)[ring])
            yield (int(top + sides[0] // 2), int(left + sides[1] // 2)), spots, counts


def _rings(
    sides: list[int], periods: tuple[float, float], axis: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of a tile's frequencies within a range of periods (px), and their rings."""
    # Those less than `axis` coefficients from an axis of the transform are left out.
    rows, columns = scipy.fft.fftfreq(sides[0])[:, None], scipy.fft.rfftfreq(sides[1])
    frequency = np.hypot(rows, columns)
    inside = (frequency > 1 / periods[1]) & (frequency < 1 / periods[0])
    inside &= (np.abs(rows) * sides[0] >= axis) & (columns * sides[1] >= axis)
    ring = (frequency[inside] * _TILE / _RING_WIDTH).astype(int)
    return inside, np.unique(ring, return_inverse=True)[1]


def window_about(shape: tuple[int, int], centre: tuple[int, int], side: int) -> tuple[slice, slice]:
    """Return a window of a side (px) about a centre (y, x), shifted or cut to the image (H, W)."""
    lengths = [min(side, length) for length in shape]
    starts = [
        min(max(middle - length // 2, 0), whole - length)
        for middle, length, whole in zip(centre, lengths, shape, strict=True)
    ]
    rows, columns = (slice(s, s + n) for s, n in zip(starts, lengths, strict=True))
    return rows, columns


def _starts(length: int, side: int) -> np.ndarray:
    return np.linspace(0, length - side, -(-length // side)).round().astype(int)
