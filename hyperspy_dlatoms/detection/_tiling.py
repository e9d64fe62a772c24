# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting of a frame into overlapping tiles of one shape."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Tile(NamedTuple):
    """A tile: its first pixel (y, x), and its core, the part used of it (working px)."""

    origin: tuple[int, int]
    core: tuple[slice, slice]

    @property
    def place(self) -> tuple[slice, slice]:
        """Where the core is in the frame (working px)."""
        y, x = self.origin
        rows, columns = self.core
        return slice(y + rows.start, y + rows.stop), slice(x + columns.start, x + columns.stop)


class Tiling(NamedTuple):
    """The padded shape of a frame, its tiles and their shape; cores cover each pixel once."""

    padded: tuple[int, int]
    shape: tuple[int, int]
    tiles: tuple[Tile, ...]


# The frames of a movie are cut alike.
@lru_cache(maxsize=8)
def cut(shape: tuple[int, int], halo: int, multiple: int, pixels: int) -> Tiling:
    """Cut a frame into tiles of one shape, each with a halo about its core; all in working px."""
    # Sides and origins are multiples of `multiple`. No tile has more than `pixels` pixels, unless
    # the halo, the receptive radius, leaves no room.
    if min(shape) < 1 or multiple < 1 or pixels < 1 or halo < 0:
        raise ValueError(
            f"A frame of shape {shape} cannot be cut with halo {halo}, multiple {multiple} and "
            f"{pixels} pixels: all but the halo must be 1 or more."
        )
    halo = _up(halo, multiple)
    padded = (_up(shape[0], multiple), _up(shape[1], multiple))
    longest = int(np.sqrt(pixels))
    # A narrow frame leaves room for longer tiles.
    longest = max(longest, pixels // min(padded)) if min(padded) < longest else longest
    axes = [_cut_axis(length, halo, multiple, longest) for length in padded]
    tiles = tuple(
        Tile((y, x), (core_y, core_x))
        for y, core_y in zip(*axes[0][1:], strict=True)
        for x, core_x in zip(*axes[1][1:], strict=True)
    )
    return Tiling(padded, (axes[0][0], axes[1][0]), tiles)


def _cut_axis(
    length: int, halo: int, multiple: int, longest: int
) -> tuple[int, list[int], list[slice]]:
    """Return the length of the tiles along an axis, their origins and their cores."""
    side, count = length, 1
    # n tiles cover n * side - 2 * halo * (n - 1) pixels. With cores shorter than the halo, nearly
    # all work would be done more than twice.
    longest = max(longest, 3 * halo, multiple)
    while side > longest:
        count += 1
        side = _up(-(-(length + 2 * halo * (count - 1)) // count), multiple)
    step = side - 2 * halo
    origins = [min(one * step, length - side) for one in range(count)]
    edges = [0, *(origin + side - halo for origin in origins[:-1]), length]
    cores = [
        slice(edges[one] - origin, edges[one + 1] - origin) for one, origin in enumerate(origins)
    ]
    return side, origins, cores


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
