# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling of an image to the pixel size that a network works at, and back."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.signal import resample_poly

# Rows at a time, which stay in the cache; and the least number of outputs of a product.
_STRIP = 64
_OUTPUTS = 32
# Half the length of the filter of `scipy.signal.resample_poly`, in samples of the lower rate.
_REACH = 10
# Of products of so many multiplications BLAS gives none to other threads, whose number the last
# digits would follow.
_SINGLE_THREADED = 2**18
# Ratio of pixel sizes from which blocks are averaged first, and the least that is left to the
# filter, which removes what the block means have aliased.
_BIN_FROM = 3.0
_SMALLEST_RESIDUAL = 1.5
# Relative: how far the target may be missed without a filter, and by a fraction that has a short
# one. Calibrations are good to a few per cent.
_SKIP_WITHIN = 1e-2
_RATIO_WITHIN = 1e-3


class Grid(NamedTuple):
    """Where the pixels of a resampled image lie on the original one, the same for both axes.

    The original coordinate of the centre of the first resampled pixel (px), and the original pixels
    per resampled pixel.
    """

    origin: float
    scale: float

    def to_native(self, positions):
        """Turn coordinates in resampled pixels into coordinates in original pixels."""
        return self.origin + self.scale * positions

    def to_working(self, positions):
        """Turn coordinates in original pixels into coordinates in resampled pixels."""
        return (positions - self.origin) / self.scale


def resample(frame: np.ndarray, sampling: float, target: float) -> tuple[np.ndarray, Grid]:
    """Resample an image (H, W), finite, to another pixel size (Å/px), with anti-aliasing.

    A much finer image (3 times and more) is first averaged over blocks of whole pixels; what
    remains is done by a polyphase low-pass filter of each axis that leaves white noise about white.
    Beyond its borders the image is continued by reflection, so borders do not darken. The target is
    met within 1 %; the exact pixel size is ``sampling * grid.scale``. The image is float32.
    """
    frame = np.asarray(frame)
    if frame.ndim != 2 or frame.size == 0:
        raise ValueError(f"The image has shape {frame.shape}, expected (H, W) with H, W >= 1.")
    block, rate = _steps(sampling, target)
    if block > 1:
        frame = _block_mean(frame, block)
    elif frame.dtype != np.float32 or not frame.dtype.isnative:
        frame = frame.astype(np.float32)
    if rate != 1:
        frame = _resample_axes(frame, rate)
    return frame, Grid(origin=(block - 1) / 2, scale=float(block * rate))


def axis_matrix(length: int, sampling: float, target: float) -> tuple[np.ndarray, Grid]:
    """Return what `resample` does to an axis of n pixels as a matrix (m, n), of rows of sum 1."""
    block, rate = _steps(sampling, target)
    whole = np.pad(np.eye(length, dtype=np.float32), [(0, -length % block), (0, 0)], mode="edge")
    means = whole.reshape(-1, block, length).mean(axis=1)
    responses = np.empty((length, _length(len(means), rate)), np.float32)
    _filter(means.T, rate, np.float32(0), out=responses)
    matrix = responses.T / responses.sum(axis=0)[:, None]
    return np.ascontiguousarray(matrix), Grid(origin=(block - 1) / 2, scale=float(block * rate))


def resample_on_device(
    frame: np.ndarray, sampling: float, target: float
) -> tuple[np.ndarray, Grid]:
    """Resample an image as `resample` does, by matrix products where the network runs.

    The background of the image (H, W), float32, is about zero. It is for a GPU, which would wait
    for the CPU.
    """
    from keras import ops

    (rows, grid), (columns, _) = (_axis_matrix(side, sampling, target) for side in frame.shape)
    resampled = ops.matmul(ops.matmul(rows, frame), columns.T)
    return ops.convert_to_numpy(resampled), grid


_axis_matrix = lru_cache(maxsize=8)(axis_matrix)


def interpolate(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate an array (n, ...) linearly along its first axis, at fractional positions (m,).

    Beyond the ends it takes the first or last value.
    """
    index = np.clip(index, 0, len(values) - 1)
    lower = np.minimum(index.astype(np.intp), max(len(values) - 2, 0))
    upper = np.minimum(lower + 1, len(values) - 1)
    fraction = (index - lower).astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1))
    below = values[lower]
    return below + (values[upper] - below) * fraction


def _steps(sampling: float, target: float) -> tuple[int, Fraction]:
    """Return how many pixels a side are averaged, and the rate of the filter after that."""
    for name, value in (("sampling", sampling), ("target", target)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"The {name} is {value!r}, expected a positive number in Å/px.")
    ratio = target / sampling
    block = int(ratio / _SMALLEST_RESIDUAL * (1 + 1e-9)) if ratio >= _BIN_FROM else 1
    residual = ratio / block
    rate = _simple_fraction(residual) if abs(residual - 1) > _SKIP_WITHIN else Fraction(1)
    return block, rate


def _simple_fraction(ratio: float) -> Fraction:
    """Return the fraction of smallest denominator within 1e-3 of `ratio`."""
    largest = 1
    while True:
        fraction = Fraction(ratio).limit_denominator(largest)
        if fraction and abs(float(fraction) / ratio - 1) <= _RATIO_WITHIN:
            return fraction
        largest += 1


def _block_mean(frame: np.ndarray, block: int) -> np.ndarray:
    """Average over blocks of `block` x `block` pixels, the last continued by their edge pixels."""
    height, width = frame.shape
    rows, columns = -(-height // block), -(-width // block)
    out = np.empty((rows, columns), np.float32)
    strip_rows = max(_STRIP // block, 1)
    for top in range(0, rows, strip_rows):
        strip = frame[top * block : (top + strip_rows) * block]
        n = -(-strip.shape[0] // block)
        missing = (n * block - strip.shape[0], columns * block - width)
        if any(missing):
            strip = np.pad(strip, [(0, missing[0]), (0, missing[1])], mode="edge")
        sums = strip[::block].astype(np.float32)
        for row in range(1, block):
            sums += strip[row::block]
        total = out[top : top + n]
        total[:] = sums[:, ::block]
        for column in range(1, block):
            total += sums[:, column::block]
        total /= block**2
    return out


def _resample_axes(frame: np.ndarray, rate: Fraction) -> np.ndarray:
    # A polyphase filter passes each phase with a slightly different gain: on a high background that
    # would show as a pattern, so the background is taken off first.
    centre = np.float32(frame.mean(dtype=np.float64))
    height, width = frame.shape
    across = np.empty((height, _length(width, rate)), np.float32)
    _filter(frame, rate, centre, out=across)
    out = np.empty((_length(height, rate), across.shape[1]), np.float32)
    _filter(across.T, rate, np.float32(0), out=out.T)
    out += centre
    return out


def _length(length: int, rate: Fraction) -> int:
    return -(-length * rate.denominator // rate.numerator)


def _filter(rows: np.ndarray, rate: Fraction, centre: np.float32, out: np.ndarray) -> None:
    """Resample rows of shape (n, length), less `centre`, into `out`, as products of matrices."""
    bank, step = _bank(rate)
    inputs, outputs = bank.shape
    length = out.shape[1]
    starts = range(0, length, outputs)
    lead = (inputs - step) // 2
    margins = [(0, 0), (lead, len(starts) * step + lead - rows.shape[1])]
    strip = max(_SINGLE_THREADED // bank.size, 1)
    for top in range(0, len(rows), strip):
        some = slice(top, top + strip)
        padded = np.pad(rows[some] - centre, margins, mode="symmetric")
        for block, start in enumerate(starts):
            filtered = padded[:, block * step : block * step + inputs] @ bank
            out[some, start : start + outputs] = filtered[:, : length - start]


@lru_cache(maxsize=16)
def _bank(rate: Fraction) -> tuple[np.ndarray, int]:
    """Return a polyphase filter as a matrix (inputs, outputs), and how far one lies from the next.

    The inputs reach equally far beyond the outputs on both sides.
    """
    up, down = rate.denominator, rate.numerator
    periods = -(-_OUTPUTS // up)
    # The filter of resample_poly reaches so many inputs, here made up to whole periods.
    lead = -(-_REACH * max(up, down) // (up * down))
    impulses = np.eye((periods + 2 * lead) * down)
    responses = resample_poly(impulses, up, down, axis=0)
    bank = responses[lead * up : (lead + periods) * up].T.astype(np.float32)
    return np.ascontiguousarray(bank), periods * down
