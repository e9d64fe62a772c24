# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with their true sites as plain arrays, and the fingerprint of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import dask.array as da
import numpy as np

GRID = 0.01
"""Å: positions are rounded to it in a fingerprint, above the rounding errors of any processor."""


class Frames(NamedTuple):
    """Images (n, H, W) in electrons a pixel, and the true sites (sites, 2) of each in px.

    `sampling` is in Å/px; the lists in `meta` have an item for each image.
    """

    images: da.Array
    positions: list[np.ndarray]
    sampling: float
    meta: dict[str, Any]


def fingerprint(frames: Frames, first: int | None = None) -> str:
    """Return a SHA-256 of a data set, or of its `first` images, that is equal on every computer.

    The last bits of floating-point arithmetic differ between processors, so it is taken of the
    true sites, to 0.01 Å, and of the mean and standard deviation of each image, to two digits.
    """
    digest = hashlib.sha256()
    images = frames.images[:first]
    moments = np.stack(da.compute(images.mean(axis=(1, 2)), images.std(axis=(1, 2))), axis=1)
    for positions, moment in zip(frames.positions, moments, strict=False):
        grid = np.round(positions * (frames.sampling / GRID)).astype("<i4")
        digest.update(f"{len(grid)} {moment[0]:.1e} {moment[1]:.1e};".encode())
        digest.update(np.ascontiguousarray(grid).tobytes())
    return digest.hexdigest()


def inside(pixels: np.ndarray, shape: int | Iterable[int]) -> np.ndarray:
    """Return the positions (n, 2) in px that lie in an image of some shape."""
    return pixels[((pixels > -0.5) & (pixels < np.asarray(shape) - 0.5)).all(axis=1)]
