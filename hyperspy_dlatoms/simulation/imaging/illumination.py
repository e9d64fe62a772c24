# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients across a frame: planes for defocus ramps, and uneven illumination."""

from typing import Any

from hyperspy_dlatoms.simulation.imaging._arrays import Array


def across(xp: Any, size: int, pixels: Array | None = None) -> Array:
    """Return coordinates rising from -1/2 to 1/2 over `pixels` (...) of `size`, (..., size)."""
    last = size - 1 if pixels is None else xp.asarray(pixels)[..., None] - 1
    return (xp.arange(size) / last - 0.5).astype(xp.float32)


def plane(xp: Any, size: int, angle: Array, pixels: Array | None = None) -> Array:
    """Return planes rising by 1 at `angle` (...; rad, x towards y), (..., size, size), mean 0."""
    line = across(xp, size, pixels)
    cos, sin = (f(xp.asarray(angle, xp.float32))[..., None, None] for f in (xp.cos, xp.sin))
    rise = line[..., None, :] * cos + line[..., :, None] * sin
    return rise / (xp.abs(cos) + xp.abs(sin))


def light(
    xp: Any, size: int, slope: Array, angle: Array, vignetting: Array, pixels: Array | None = None
) -> Array:
    """Return light with mean about 1, `slope` along `angle` and dark corners, (..., size, size)."""
    line = across(xp, size, pixels)
    radius = 2 * (line[..., None, :] ** 2 + line[..., :, None] ** 2)
    slope, vignetting = (
        xp.asarray(value, xp.float32)[..., None, None] for value in (slope, vignetting)
    )
    rise = plane(xp, size, angle, pixels)
    return (1 + slope * rise) * (1 - vignetting * radius)
