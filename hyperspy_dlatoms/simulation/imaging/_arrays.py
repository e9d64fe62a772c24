# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers of the array functions: Fourier transforms, frequencies, phase factors, axes.

Image formation is written once, as functions of arrays and their module ``xp``: `numpy` on a CPU,
`jax.numpy` on an accelerator. Leading axes are those of a batch, the last two are y and x.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.fft

Array = Any  # Of NumPy or of JAX.


def fft_of(xp: Any) -> Any:
    """Return the FFT module that goes with an array module."""
    return scipy.fft if xp is np else xp.fft


def frequencies(xp: Any, size: int, sampling: float) -> Array:
    """Return the spatial frequencies (1/Å) of `size` pixels of `sampling` Å, shape (size,)."""
    return xp.asarray(np.fft.fftfreq(size, sampling))


def phase_factor(xp: Any, turns: Array) -> Array:
    """Return exp(2 pi i turns), complex64; whole turns are subtracted in full precision."""
    phase = 2 * np.pi * (turns - xp.round(turns)).astype(xp.float32)
    return xp.cos(phase) + 1j * xp.sin(phase)


def per_image(xp: Any, values: Mapping[str, Array], dtype: Any = None) -> dict[str, Array]:
    """Add two axes to values of shape (...), so that they broadcast with images (..., H, W)."""
    return {name: xp.asarray(value, dtype)[..., None, None] for name, value in values.items()}
