# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling of an image to the pixel size that a network works at, and back."""

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

# Rows at a time, which stay in the cache; and the least number of outputs of a product.
_STRIP = 16
_OUTPUTS = 16
# The filter, as in `scipy.signal.resample_poly`, whose import takes half a second: half its length,
# in samples of the lower rate, and the shape of its Kaiser window.
_REACH, _KAISER = 10, 5.0
# Multiplications in a product, below which BLAS uses a single thread; otherwise the last digits
# would depend on the number of threads.
_SINGLE_THREADED = 2**18
# Ratio of pixel sizes from which blocks are averaged first, and the least ratio left to the filter,
# which removes what the block means have aliased.
_BIN_FROM = 3.0
_SMALLEST_RESIDUAL = 1.5
# Relative errors of the target allowed without a filter, and for a fraction with a short filter.
# Calibrations are good to a few per cent.
_SKIP_WITHIN = 1e-2
_RATIO_WITHIN = 1e-3


class Grid(NamedTuple):
    """Original coordinate (px) of the first resampled pixel's centre, and original px per pixel."""

    origin: float
    scale: float

    def to_native(self, positions):
        """Turn coordinates in resampled pixels into coordinates in original pixels."""
        return self.origin + self.scale * positions

    def to_working(self, positions):
        """Turn coordinates in original pixels into coordinates in resampled pixels."""
        return (positions - self.origin) / self.scale


def resample(
    frame: np.ndarray, sampling: float, target: float, background: float | None = None
) -> tuple[np.ndarray, Grid]:
    """Resample an image (H, W), finite, to another pixel size (Å/px), with anti-aliasing."""
    # A much finer image is first averaged over blocks, then filtered along each axis by a polyphase
    # low-pass that leaves white noise about white; borders are reflected. The pixel size meets the
    # target within 1 %. A given background is subtracted, and the result is then a new array.
    frame = np.asarray(frame)
    if frame.ndim != 2 or frame.size == 0:
        raise ValueError(f"The image has shape {frame.shape}, expected (H, W) with H, W >= 1.")
    block, rate = _steps(sampling, target)
    grid = Grid(origin=(block - 1) / 2, scale=float(block * rate))
    centre = np.float32(background or 0)
    if block > 1:
        frame, centre = _block_mean(frame, block, centre), np.float32(0)
    elif rate == 1 and background is not None:
        frame = np.subtract(frame, centre, dtype=np.float32, casting="unsafe")
    elif background is None and not (frame.dtype == np.float32 and frame.dtype.isnative):
        frame = frame.astype(np.float32)
    if rate == 1:
        return frame, grid
    if background is not None:
        return _resample_axes(frame, rate, centre), grid
    # A polyphase filter has a slightly different gain for each phase: on a high background that
    # would show as a pattern, so the background is subtracted first.
    centre = np.float32(frame.mean(dtype=np.float64))
    frame = _resample_axes(frame, rate, centre)
    frame += centre
    return frame, grid


def axis_matrix(length: int, sampling: float, target: float) -> tuple[np.ndarray, Grid]:
    """Return what `resample` does to an axis of n pixels as a matrix (m, n); its rows sum to 1."""
    block, rate = _steps(sampling, target)
    whole = np.pad(np.eye(length, dtype=np.float32), [(0, -length % block), (0, 0)], mode="edge")
    means = whole.reshape(-1, block, length).mean(axis=1)
    bank, step = _bank(rate)
    outputs = bank.shape[1]
    source = _continued(len(means), rate)
    responses = np.empty((-(-_length(len(means), rate) // outputs) * outputs, length), np.float32)
    for number, top in enumerate(range(0, len(responses), outputs)):
        some = source[number * step :][: len(bank)]
        _filter(means, bank, some, np.float32(0), out=responses[top : top + outputs])
    responses = responses[: _length(len(means), rate)]
    matrix = responses / responses.sum(axis=1)[:, None]
    return np.ascontiguousarray(matrix), Grid(origin=(block - 1) / 2, scale=float(block * rate))


def resample_on_device(
    frame: np.ndarray, sampling: float, target: float, background: float | None = None
) -> tuple[np.ndarray, Grid]:
    """Do what `resample` does, for a background of 0 or given, on the device of the network."""
    # Otherwise a GPU would wait for the CPU.
    from keras import ops

    (rows, grid), (columns, _) = (_axis_matrix(side, sampling, target) for side in frame.shape)
    frame = np.subtract(frame, np.float32(background or 0), dtype=np.float32)
    resampled = ops.matmul(ops.matmul(rows, frame), columns.T)
    return ops.convert_to_numpy(resampled), grid


_axis_matrix = lru_cache(maxsize=8)(axis_matrix)


def interpolate(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate (n, ...) linearly along its first axis at (m,), constant beyond the ends."""
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


def _block_mean(frame: np.ndarray, block: int, centre: np.float32) -> np.ndarray:
    """Average over blocks of `block` px a side, the last continued by its edge, less the centre."""
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
        # NumPy is slow where it converts and adds at once.
        strip = strip.astype(np.float32, copy=False)
        sums = strip[::block] - block * centre
        for row in range(1, block):
            sums += strip[row::block]
        total = out[top : top + n]
        np.add(sums[:, ::block], sums[:, 1::block], out=total)
        for column in range(2, block):
            total += sums[:, column::block]
        total *= np.float32(1 / block**2)
    return out


def _resample_axes(frame: np.ndarray, rate: Fraction, centre: np.float32) -> np.ndarray:
    """Resample both axes of an image (H, W) after subtracting its centre."""
    bank, step = _bank(rate)
    height, width = (_length(length, rate) for length in frame.shape)
    down, across = (_continued(length, rate) for length in frame.shape)
    lead = (len(bank) - step) // 2
    inside = slice(lead, lead + frame.shape[1])
    out = np.empty((height, width), np.float32)
    outputs = bank.shape[1]
    strip = max(_SINGLE_THREADED // (bank.size * outputs), 1) * outputs
    padded = np.empty((strip, len(across)), np.float32)
    for top in range(0, height, strip):
        rows = out[top : top + strip]
        for start in range(0, len(rows), outputs):
            some = down[(top + start) // outputs * step :][: len(bank)]
            _filter(frame, bank, some, centre, out=padded[start : start + outputs, inside])
        for margin in (slice(lead), slice(inside.stop, None)):
            padded[:, margin] = padded[:, lead + across[margin]]
        for number, left in enumerate(range(0, width, outputs)):
            window = padded[: len(rows), number * step : number * step + len(bank)]
            part = rows[:, left : left + outputs]
            np.matmul(window, bank[:, : part.shape[1]], out=part)
    return out


def _filter(
    image: np.ndarray, bank: np.ndarray, source: np.ndarray, centre: np.float32, out: np.ndarray
) -> None:
    """Filter the rows `source` of an image (H, W) after subtracting its centre."""
    # Rows within the image need no copy.
    inside = source[-1] - source[0] == len(source) - 1
    window = image[source[0] : source[-1] + 1] if inside else image[source]
    columns = max(_SINGLE_THREADED // bank.size, 1)
    for left in range(0, image.shape[1], columns):
        some = slice(left, left + columns)
        part = window[:, some].astype(np.float32, copy=False)
        if centre:
            part = part - centre
        np.matmul(bank.T, part, out=out[:, some])


def _length(length: int, rate: Fraction) -> int:
    return -(-length * rate.denominator // rate.numerator)


@lru_cache(maxsize=16)
def _continued(length: int, rate: Fraction) -> np.ndarray:
    """Return the pixel indices of an axis continued by reflection as far as the filter needs."""
    bank, step = _bank(rate)
    inputs, outputs = bank.shape
    lead = (inputs - step) // 2
    number = -(-_length(length, rate) // outputs)
    return np.pad(np.arange(length), (lead, number * step + lead - length), mode="symmetric")


@lru_cache(maxsize=16)
def _bank(rate: Fraction) -> tuple[np.ndarray, int]:
    """Return a polyphase filter (inputs, outputs), reaching as far on both sides, and its step."""
    up, down = rate.denominator, rate.numerator
    periods = -(-_OUTPUTS // up)
    half = _REACH * max(up, down)
    steps = np.arange(-half, half + 1)
    window = np.sinc(steps / max(up, down)) * np.kaiser(len(steps), _KAISER)
    window *= up / window.sum()
    # The reach of the filter in inputs, rounded up to whole periods.
    lead = -(-half // (up * down))
    inputs, outputs = np.arange(-lead * down, (periods + lead) * down), np.arange(periods * up)
    at = half + outputs * down - inputs[:, None] * up
    bank = np.where((at >= 0) & (at < len(window)), window[np.clip(at, 0, len(window) - 1)], 0)
    return bank.astype(np.float32), periods * down
