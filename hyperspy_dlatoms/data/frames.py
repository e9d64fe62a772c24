# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and their true sites as plain arrays, and the fingerprint of a data set."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import dask.array as da
import numpy as np

# Å: grid of positions in a fingerprint, coarser than the rounding errors of any processor.
GRID = 0.01


class Frames(NamedTuple):
    """Images (n, H, W) in electrons per pixel, sites (sites, 2) in px, and lists of metadata."""

    images: da.Array
    positions: list[np.ndarray]
    sampling: float
    meta: dict[str, Any]
    # If there are several kinds of sites: their names, and the kind of each site, (sites,).
    kinds: Sequence[str] = ()
    species: Sequence[np.ndarray] = ()


def fingerprint(frames: Frames, first: int | None = None) -> str:
    """Return a SHA-256 of the `first` images, or of all, that is the same on every computer."""
    # From the sites to 0.01 Å, the shape, and the mean and standard deviation to one digit: the
    # last bits, and so Poisson draws, differ between processors.
    images = frames.images[:first]
    mean, deviation = da.compute(images.mean(), images.std())
    digest = hashlib.sha256(f"{images.shape} {mean:.0e} {deviation:.0e};".encode())
    for positions in frames.positions[:first]:
        grid = np.round(positions * (frames.sampling / GRID)).astype("<i4")
        digest.update(f"{len(grid)};".encode())
        digest.update(np.ascontiguousarray(grid).tobytes())
    return digest.hexdigest()


def inside(pixels: np.ndarray, shape: int | Iterable[int]) -> np.ndarray:
    """Return the rows (y and x in px, then anything else) that lie in an image of this shape."""
    places = pixels[:, :2]
    return pixels[((places > -0.5) & (places < np.asarray(shape) - 0.5)).all(axis=1)]
