# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling of an image to the pixel size that a network works at."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.signal import resample_poly

_STRIP = 64
_OUTPUTS = 32
_REACH = 10
# Of products of so many multiplications BLAS gives none to other threads, whose number the last
# digits would follow.
_SINGLE_THREADED = 2**18
_BIN_FROM = 3.0
_SMALLEST_RESIDUAL = 1.5
_SKIP_WITHIN = 1e-2
_RATIO_WITHIN = 1e-3


class Grid(NamedTuple):
    """Where the pixels of a resampled image lie on the original one, the same for both axes.

    Attributes
    ----------
    origin : float
        Original coordinate (px) of the centre of the first resampled pixel.
    scale : float
        Original pixels per resampled pixel.

    Examples
    --------
    >>> from hyperspy_dlatoms.networks.resampling import Grid
    >>> Grid(origin=0.5, scale=2.0).to_native(10.0)
    20.5
    >>> Grid(origin=0.5, scale=2.0).to_working(20.5)
    10.0
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
    """Resample an image to another pixel size, with anti-aliasing.

    A much finer image (3 times and more) is first averaged over blocks of whole pixels; what
    remains is done by a polyphase low-pass filter of each axis that leaves white noise about white.
    Beyond its borders the image is continued by reflection, so borders do not darken.

    Parameters
    ----------
    frame : numpy.ndarray
        Image of shape (H, W), any real dtype, finite.
    sampling : float
        Pixel size of `frame` in Å/px.
    target : float
        Wanted pixel size in Å/px. It is met within 1 %; the exact value is
        ``sampling * grid.scale``.

    Returns
    -------
    frame : numpy.ndarray
        Float32 image at the new pixel size.
    grid : Grid
        Where its pixels lie on the original image.

    Raises
    ------
    ValueError
        If `frame` is not two-dimensional, is empty, or a pixel size is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.resampling import resample
    >>> frame, grid = resample(np.ones((100, 200), np.uint16), sampling=0.05, target=0.2)
    >>> frame.shape, grid.scale, grid.origin
    ((25, 50), 4.0, 0.5)
    >>> bool(np.allclose(frame, 1))
    True
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
    """Give what `resample` does to one axis of an image as a matrix.

    Parameters
    ----------
    length : int
        Pixels of the axis, n.
    sampling, target : float
        As for `resample`.

    Returns
    -------
    matrix : numpy.ndarray
        Float32, shape (m, n), whose rows have the sum 1.
    grid : Grid
        Where the m new pixels lie on the n original ones.

    Raises
    ------
    ValueError
        If a pixel size is not a positive number.

    Examples
    --------
    >>> from hyperspy_dlatoms.networks.resampling import axis_matrix
    >>> matrix, grid = axis_matrix(100, sampling=0.05, target=0.2)
    >>> matrix.shape, grid.scale
    ((25, 100), 4.0)
    """
    block, rate = _steps(sampling, target)
    whole = np.pad(np.eye(length, dtype=np.float32), [(0, -length % block), (0, 0)], mode="edge")
    means = whole.reshape(-1, block, length).mean(axis=1)
    responses = np.empty((length, _length(len(means), rate)), np.float32)
    _filter(means.T, rate, np.float32(0), out=responses)
    matrix = responses.T / responses.sum(axis=0)[:, None]
    return np.ascontiguousarray(matrix), Grid(origin=(block - 1) / 2, scale=float(block * rate))


def _steps(sampling: float, target: float) -> tuple[int, Fraction]:
    """Tell how many pixels a side are averaged, and the rate of the filter after that."""
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
    """
    Give a polyphase filter as a matrix, from some inputs to some outputs.

    Returns
    -------
    numpy.ndarray
        Shape (inputs, outputs), the inputs reaching equally far beyond the outputs on both sides.
    int
        Inputs from the first of these outputs to the first of the next.
    """
    up, down = rate.denominator, rate.numerator
    periods = -(-_OUTPUTS // up)
    # The filter of resample_poly reaches so many inputs, here made up to whole periods.
    lead = -(-_REACH * max(up, down) // (up * down))
    impulses = np.eye((periods + 2 * lead) * down)
    responses = resample_poly(impulses, up, down, axis=0)
    bank = responses[lead * up : (lead + periods) * up].T.astype(np.float32)
    return np.ascontiguousarray(bank), periods * down
