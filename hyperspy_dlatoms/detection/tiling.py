# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting of a frame into overlapping tiles of one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Tile(NamedTuple):
    """A tile along both axes, in working px of the padded frame.

    Attributes
    ----------
    origin : tuple of int
        Its first pixel, (y, x).
    core : tuple of slice
        The part of the tile, from its first pixel on, for which it answers.
    """

    origin: tuple[int, int]
    core: tuple[slice, slice]


class Tiling(NamedTuple):
    """How a frame is cut.

    Attributes
    ----------
    padded : tuple of int
        Shape of the frame after padding at the bottom and right.
    shape : tuple of int
        Shape of every tile.
    tiles : tuple of Tile
        Their cores cover the padded frame, each pixel once.
    """

    padded: tuple[int, int]
    shape: tuple[int, int]
    tiles: tuple[Tile, ...]


def cut(shape: tuple[int, int], halo: int, multiple: int, pixels: int) -> Tiling:
    """Cut a frame into tiles of one shape, so that a tile knows all that acts on its core.

    Parameters
    ----------
    shape : tuple of int
        Shape of the frame in working px, each side at least 1.
    halo : int
        Working px by which a tile reaches beyond its core, except at the border of the frame: the
        receptive radius of the network.
    multiple : int
        Sides of the tiles, and their origins, are multiples of it.
    pixels : int
        Pixels that a tile has about at most; more only where the halo leaves no room.

    Returns
    -------
    Tiling

    Raises
    ------
    ValueError
        If a side of `shape`, `multiple` or `pixels` is below 1, or `halo` negative.

    Examples
    --------
    >>> from hyperspy_dlatoms.detection.tiling import cut
    >>> cut((100, 100), halo=32, multiple=16, pixels=10**6).shape
    (112, 112)
    >>> tiling = cut((100, 1000), halo=32, multiple=16, pixels=256**2)
    >>> tiling.shape, len(tiling.tiles)
    ((112, 544), 2)
    """
    if min(shape) < 1 or multiple < 1 or pixels < 1 or halo < 0:
        raise ValueError(
            f"A frame of shape {shape} cannot be cut with halo {halo}, multiple {multiple} and "
            f"{pixels} pixels: all but the halo must be 1 or more."
        )
    halo = _up(halo, multiple)
    padded = (_up(shape[0], multiple), _up(shape[1], multiple))
    longest = int(np.sqrt(pixels))
    # A narrow frame leaves room for longer tiles.
    longest = max(longest, pixels // max(min(padded), 1)) if min(padded) < longest else longest
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
    """Side of the tiles along an axis, their origins and their cores."""
    side, count = length, 1
    # n tiles of a side answer for n * side - 2 * halo * (n - 1) pixels. With cores shorter than the
    # halo nearly all work would be done twice and more.
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
