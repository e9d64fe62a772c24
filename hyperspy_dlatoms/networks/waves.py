# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves, as a network gives them and as it learns them."""

from __future__ import annotations

import numpy as np
import scipy.fft

from hyperspy_dlatoms.networks.architecture import STRIDE

CUTOFF = 0.9
"""Spatial frequency up to which the networks give a wave, periods an Å."""

_EDGE = 0.1
"""Of the cutoff, periods an Å: a sharp one would ring."""


def to_cells(wave: np.ndarray) -> np.ndarray:
    """Write a wave as what a network says of it: its difference from an empty wave, cell by cell.

    Parameters
    ----------
    wave : numpy.ndarray
        Complex, shape (..., h, w), both multiples of ``STRIDE``.

    Returns
    -------
    numpy.ndarray
        Float32 of shape (..., h / STRIDE, w / STRIDE, 2 * STRIDE**2): the real parts less 1 of
        the pixels of a cell, row by row, then their imaginary parts.

    Examples
    --------
    >>> cells = to_cells(np.array([[1, 1 + 1j], [2, 1]]))
    >>> cells.shape, cells.ravel().tolist()
    ((1, 1, 8), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    """
    *leading, height, width = wave.shape
    parts = np.stack([wave.real - 1, wave.imag], axis=-3)
    cells = parts.reshape(*leading, 2, height // STRIDE, STRIDE, width // STRIDE, STRIDE)
    n = len(leading)
    cells = cells.transpose(*range(n), n + 1, n + 3, n, n + 2, n + 4)
    return cells.reshape(*cells.shape[: n + 2], -1).astype(np.float32)


def from_cells(cells: np.ndarray) -> np.ndarray:
    """Read a wave from what a network says of it, see :func:`to_cells`.

    Parameters
    ----------
    cells : numpy.ndarray
        Shape (..., h, w, 2 * STRIDE**2).

    Returns
    -------
    numpy.ndarray
        Complex64 of shape (..., h * STRIDE, w * STRIDE).

    Examples
    --------
    >>> wave = np.array([[1, 1 + 1j], [2, 1]])
    >>> bool((from_cells(to_cells(wave)) == wave).all())
    True
    """
    *leading, height, width, _ = cells.shape
    parts = np.asarray(cells, np.float32).reshape(*leading, height, width, 2, STRIDE, STRIDE)
    n = len(leading)
    parts = parts.transpose(*range(n), n + 2, n, n + 3, n + 1, n + 4)
    parts = parts.reshape(*leading, 2, height * STRIDE, width * STRIDE)
    return parts[..., 0, :, :] + 1 + 1j * parts[..., 1, :, :]


def band_limited(wave: np.ndarray, sampling: float, cutoff: float = CUTOFF) -> np.ndarray:
    """Leave out of a wave what no lens passes, and what no image tells: phase and scale of all.

    Parameters
    ----------
    wave : numpy.ndarray
        Complex, shape (h, w), periodic.
    sampling : float
        Å/px.
    cutoff : float, optional
        Spatial frequency up to which it is kept, periods an Å.

    Returns
    -------
    numpy.ndarray
        Complex64 of shape (h, w), of mean intensity 1 and a real and positive mean.

    Raises
    ------
    ValueError
        If the wave has no mean.

    Examples
    --------
    >>> fine = np.exp(0.1j * np.cos(2 * np.pi * np.arange(60) / 5))
    >>> wave = band_limited(np.tile(1j * fine, (60, 1)), sampling=0.2)
    >>> bool(np.allclose(wave, wave.mean()) and abs(wave.mean() - 1) < 1e-3)
    True
    """
    qy, qx = (scipy.fft.fftfreq(side, sampling) for side in wave.shape)
    q = np.hypot(qy[:, None], qx)
    kept = np.clip((cutoff - q) / _EDGE, 0, 1)
    wave = scipy.fft.ifft2(scipy.fft.fft2(wave) * kept)
    mean = wave.mean()
    if not abs(mean) > 0:
        raise ValueError("The mean of the wave is 0, so its phase cannot be fixed.")
    scale = np.sqrt(np.mean(np.abs(wave) ** 2))
    return (wave * (abs(mean) / mean / scale)).astype(np.complex64)
