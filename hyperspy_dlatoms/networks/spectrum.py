# SPDX-License-Identifier: GPL-3.0-or-later
"""The radial power spectrum of an image: its contrast transfer, its lattices and its noise."""

from __future__ import annotations

import numpy as np
import scipy.fft

BANDS = 24
"""Rings from zero to the Nyquist frequency."""

_WINDOW = 128
_MOST_WINDOWS = 12
_FLOOR = 1e-4
_NOISE = slice(15, 19)
_SIGNAL = slice(2, 12)


def spectrum(image: np.ndarray) -> np.ndarray:
    """Return the power of an image (h, w) in rings of spatial frequency, and the share in spots.

    The periodograms of windows that overlap by half are averaged (Welch's method), so that the
    resolution is the same for images of all sizes. It has the logarithm of the mean power in each
    ring, 0 for white noise of variance 1, and of the ratio of its root mean square to its mean,
    log(sqrt(2)) for noise and more for a crystal: shape (2 BANDS,).
    """
    # Source: P. Welch, "The use of fast Fourier transform for the estimation of power spectra",
    # IEEE Transactions on Audio and Electroacoustics 15, 70 (1967).
    sides = [min(_WINDOW, length) for length in image.shape]
    frequency = np.hypot(scipy.fft.fftfreq(sides[0])[:, None], scipy.fft.rfftfreq(sides[1]))
    ring = np.minimum(frequency * 2 * BANDS, BANDS).astype(int).ravel()
    count = np.bincount(ring, minlength=BANDS + 1)[:BANDS]
    first, second = (
        np.bincount(ring, moment.ravel(), BANDS + 1)[:BANDS] for moment in _moments(image, sides)
    )
    there = count > 0
    mean = first[there] / count[there] + _FLOOR
    spots = np.sqrt(second[there] / count[there] + _FLOOR**2) / mean
    # A narrow image has no frequencies in some of the rings.
    at = np.flatnonzero(there)
    return np.concatenate(
        [np.interp(np.arange(BANDS), at, np.log(values)) for values in (mean, spots)]
    )


def _moments(image: np.ndarray, sides: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and mean square, of the periodograms of all windows, shape of one of them each."""
    rows, columns = (_starts(length, side) for length, side in zip(image.shape, sides, strict=True))
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in sides)).astype(np.float32)
    taper /= np.sqrt(np.square(taper).sum())
    first, second = np.zeros((2, sides[0], sides[1] // 2 + 1))
    # One row of windows at a time stays in the cache.
    for y in rows:
        windows = np.stack([image[y : y + sides[0], x : x + sides[1]] for x in columns])
        windows -= windows.mean(axis=(1, 2), keepdims=True)
        windows *= taper
        waves = scipy.fft.rfft2(windows)
        power = waves.real**2 + waves.imag**2
        first += power.sum(axis=0)
        second += np.square(power).sum(axis=0)
    number = len(rows) * len(columns)
    return first / number, second / number


def signal_to_noise(spectra: np.ndarray) -> np.ndarray:
    """Estimate the ratio of signal to noise of spectra (n, 2 BANDS) of images at 0.2 Å/px.

    Beyond about 1.5 periods an Å no lens transfers anything, so what is there is noise.
    """
    power = np.exp(spectra)
    noise = power[:, _NOISE].mean(axis=1)
    return np.maximum(power[:, _SIGNAL].mean(axis=1) / noise - 1, 0)


def _starts(length: int, side: int) -> np.ndarray:
    number = min(-(-2 * (length - side) // side) + 1, _MOST_WINDOWS)
    return np.linspace(0, length - side, number).round().astype(int)
