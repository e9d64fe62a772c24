# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves as output of networks."""

from typing import Any

import numpy as np
import scipy.fft

from hyperspy_dlatoms.networks.architecture import STRIDE

CUTOFF = 0.9  # Spatial frequency up to which the networks return a wave, periods per Å.
_EDGE = 0.1  # Width of the cutoff, periods per Å: a sharp one would ring.


def to_cells(wave: Any, xp: Any = np) -> Any:
    """Write (..., h, w) minus an empty wave as float32 (..., h / STRIDE, w / STRIDE, 2 STRIDE²)."""
    # The real parts minus 1 of the pixels of a cell, row by row, then their imaginary parts, as an
    # array function of the module ``xp``.
    *leading, height, width = wave.shape
    parts = xp.stack([wave.real - 1, wave.imag], axis=-3)
    cells = parts.reshape(*leading, 2, height // STRIDE, STRIDE, width // STRIDE, STRIDE)
    n = len(leading)
    cells = cells.transpose(*range(n), n + 1, n + 3, n, n + 2, n + 4)
    return cells.reshape(*cells.shape[: n + 2], -1).astype(np.float32)


def from_cells(cells: np.ndarray) -> np.ndarray:
    """Read a wave, complex64 of shape (..., h STRIDE, w STRIDE), from cells, see `to_cells`."""
    *leading, height, width, _ = cells.shape
    parts = np.asarray(cells, np.float32).reshape(*leading, height, width, 2, STRIDE, STRIDE)
    n = len(leading)
    parts = parts.transpose(*range(n), n + 2, n, n + 3, n + 1, n + 4)
    parts = parts.reshape(*leading, 2, height * STRIDE, width * STRIDE)
    return parts[..., 0, :, :] + 1 + 1j * parts[..., 1, :, :]


def band_limited(wave: np.ndarray, sampling: float, cutoff: float = CUTOFF) -> np.ndarray:
    """Cut a wave (h, w) off at `cutoff` (1/Å; Å/px), to mean intensity 1 and a positive mean."""
    qy, qx = (scipy.fft.fftfreq(side, sampling) for side in wave.shape)
    q = np.hypot(qy[:, None], qx)
    kept = np.clip((cutoff - q) / _EDGE, 0, 1)
    wave = scipy.fft.ifft2(scipy.fft.fft2(wave) * kept)
    mean = wave.mean()
    if not abs(mean) > 0:
        raise ValueError("The mean of the wave is 0, so its phase cannot be fixed.")
    scale = np.sqrt(np.mean(np.abs(wave) ** 2))
    return (wave * (abs(mean) / mean / scale)).astype(np.complex64)
