# SPDX-License-Identifier: GPL-3.0-or-later
"""The normalisation of frames by matrices."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hyperspy_dlatoms.networks.normalisation import block_index
from hyperspy_dlatoms.networks.resampling import interpolate

WIDTH = 12.0
"""Of the normalisation, Å."""


def normalised(xp: Any, frames: Any, sampling: float, width: float = WIDTH) -> Any:
    """Do what `normalise` does to each of the frames (n, H, H), by matrices."""
    size = frames.shape[-1]
    sums, blur, spread_out = (xp.asarray(m) for m in normalising_matrices(size, sampling, width))
    centre = frames.mean(axis=(1, 2), keepdims=True)
    frames = frames - centre
    weight = (blur @ sums).sum(axis=1)
    weight = weight[:, None] * weight

    def local(moments):
        return blur @ moments @ blur.T / weight

    first, second = (sums @ part @ sums.T for part in (frames, frames**2))
    mean = local(first)
    rms = xp.sqrt((frames**2).mean(axis=(1, 2), keepdims=True))
    floor = xp.maximum(1e-2 * rms, 1e-5 * xp.abs(centre))
    deviation = xp.maximum(xp.sqrt(xp.maximum(local(second) - mean**2, 0)), floor)
    mean, deviation = (spread_out @ part @ spread_out.T for part in (mean, deviation))
    flat = rms <= 1e-5 * xp.abs(centre)
    return xp.where(flat, 0, (frames - mean) / xp.where(flat, 1, deviation))


def normalising_matrices(size: int, sampling: float, width: float) -> tuple[np.ndarray, ...]:
    """Give what `normalise` does to one axis: sums over blocks, their blur, and interpolation."""
    sigma = width / sampling
    block = int(np.clip(sigma / 4, 1, 8))
    of_block = np.arange(size) // block
    blocks = of_block[-1] + 1
    sums = (of_block == np.arange(blocks)[:, None]).astype(np.float32)
    blur = gaussian_filter1d(np.eye(blocks), sigma / block, axis=0, mode="constant", truncate=3.0)
    spread_out = interpolate(np.eye(blocks, dtype=np.float32), block_index(size, block))
    return sums, blur.astype(np.float32), spread_out.astype(np.float32)
