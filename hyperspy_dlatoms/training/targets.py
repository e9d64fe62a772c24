# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's targets for each cell, from the true sites.

Cell i of `stride` pixels is centred at ``i * stride + (stride - 1) / 2``. Its target is the class
of the nearest site, counted from 1, 0 where none is within the radius and -1 for a site left open;
then the offset to that site (dy, dx in px) and, with heights, its number of atoms.
"""

from typing import Any

import numpy as np


def rasterise(
    sites: np.ndarray,
    species: np.ndarray,
    shape: tuple[int, int],
    stride: int,
    radius: float,
    heights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the targets (*shape, 3; 4 with `heights`) of sites (n, 2), y and x in px."""
    # Each site is written into its own window of cells, which no array function can do: the last
    # write wins.
    targets = np.zeros((*shape, 3 if heights is None else 4), np.float32)
    reach = int(np.ceil(radius / stride)) + 1
    window = np.stack([*np.mgrid[-reach : reach + 1, -reach : reach + 1]], axis=-1).reshape(-1, 2)
    home = np.round((sites - (stride - 1) / 2) / stride).astype(int)
    cells = home[:, None] + window
    offsets = sites[:, None] - (cells * stride + (stride - 1) / 2)
    distance = np.hypot(offsets[..., 0], offsets[..., 1])
    near = (distance <= radius) & ((cells >= 0) & (cells < shape)).all(axis=-1)
    # Written from far to near, so that each cell ends with its nearest site.
    order = np.argsort(-distance[near], kind="stable")
    row, column = cells[near][order].T
    site = np.nonzero(near)[0][order]
    targets[row, column, 0] = species[site]
    targets[row, column, 1:3] = offsets[near][order]
    if heights is not None:
        targets[row, column, 3] = heights[site]
    return targets


def rasterise_many(
    xp: Any, sites: Any, species: Any, heights: Any, cells: int, stride: int, radius: float
) -> Any:
    """Return the targets (n, cells, cells, 4) of sites (n, m, 2); species 0 means no site."""
    # An array function: each cell is compared with all sites of its frame.
    middle = (stride * xp.arange(cells) + (stride - 1) / 2).astype(xp.float32)
    dy, dx = (sites[:, None, :, axis] - middle[None, :, None] for axis in (0, 1))
    far = xp.where(species == 0, 1e9, 0.0).astype(xp.float32)[:, None, None]
    nearest = ((dy**2)[:, :, None] + (dx**2)[:, None] + far).argmin(axis=-1)
    frame = xp.arange(len(sites))[:, None, None]
    site, label = sites[frame, nearest], species[frame, nearest]
    offset = xp.stack(
        [site[..., 0] - middle[None, :, None], site[..., 1] - middle[None, None]], axis=-1
    )
    near = ((offset**2).sum(axis=-1) <= radius**2) & (label != 0)
    columns = [label * 1.0, offset[..., 0], offset[..., 1], heights[frame, nearest]]
    return xp.where(near[..., None], xp.stack(columns, axis=-1), 0).astype(xp.float32)
