# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network should say of each cell, from the true sites."""

from __future__ import annotations

import numpy as np


def rasterise(
    sites: np.ndarray,
    species: np.ndarray,
    shape: tuple[int, int],
    stride: int,
    radius: float,
    heights: np.ndarray | None = None,
) -> np.ndarray:
    """
    Mark the cells within a radius of a site, and say where in them it lies.

    Parameters
    ----------
    sites : numpy.ndarray
        (n, 2) float, y and x in pixels of the frame.
    species : numpy.ndarray
        (n,) int, class of each site, from 1 on; -1 for sites about which the network is neither to
        say that they are there nor that they are not.
    shape : tuple of int
        Of the grid of cells.
    stride : int
        Pixels a cell; the centre of cell i lies at ``i * stride + (stride - 1) / 2``.
    radius : float
        Pixels.
    heights : numpy.ndarray, optional
        (n,) float, number of atoms of each site.

    Returns
    -------
    numpy.ndarray
        (*shape, 3) float32: the class of the nearest site, 0 where none is within the radius, and
        the offset from the centre of the cell to that site (dy, dx, pixels), 0 where there is none.
        With `heights` (*shape, 4), the number of atoms last.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.training.targets import rasterise
    >>> targets = rasterise(np.array([[2.5, 2.0]]), np.array([1]), (4, 4), 2, 1.0)
    >>> targets[1, 1]
    array([ 1. ,  0. , -0.5], dtype=float32)
    >>> float(targets[..., 0].sum())
    1.0
    """
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
