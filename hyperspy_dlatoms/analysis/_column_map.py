# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of a quantity of atoms on a grid."""

import numpy as np
from scipy.spatial import cKDTree

# Width at half maximum of a Gaussian in standard deviations.
_IN_WIDTH = 2 * np.sqrt(2 * np.log(2))
_REACH = 3.0  # Beyond three standard deviations atoms no longer count.


def column_map(
    positions: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray | None,
    grid: tuple[np.ndarray, np.ndarray],
    resolution: float,
) -> np.ndarray:
    """Return the local mean of a quantity, with Gaussian weights by distance.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    values : numpy.ndarray
        One per atom, shape (n,); NaN is left out.
    sigma : numpy.ndarray or None
        Their standard deviations, shape (n,): atoms are weighted by the inverse square, and left
        out where it is NaN or 0.
    grid : tuple of numpy.ndarray
        y of the rows, shape (h,), and x of the columns, shape (w,).
    resolution : float
        The width of the Gaussian at half maximum, in the unit of the positions.

    Returns
    -------
    numpy.ndarray
        Shape (h, w), NaN where no atom is within the resolution.

    Examples
    --------
    >>> rows, columns = np.mgrid[:9, :9]
    >>> places = 2.0 * np.column_stack([rows.ravel(), columns.ravel()])
    >>> axis = np.arange(0, 17, 4.0)
    >>> column_map(places, np.full(81, 0.02), None, (axis, axis), 5.0)[2, 2].round(6)
    np.float64(0.02)
    """
    height, width = len(grid[0]), len(grid[1])
    known = np.isfinite(values)
    if sigma is not None:
        known &= np.isfinite(sigma) & (sigma > 0)
    result = np.full(height * width, np.nan)
    if known.any():
        points = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)
        narrow = resolution / _IN_WIDTH
        tree = cKDTree(positions[known])
        near = tree.query(points)[0] <= resolution
        apart = cKDTree(points[near]).sparse_distance_matrix(
            tree, _REACH * narrow, output_type="ndarray"
        )
        weight = np.exp(-((apart["v"] / narrow) ** 2) / 2)
        if sigma is not None:
            weight /= sigma[known][apart["j"]] ** 2
        total = np.bincount(apart["i"], weight, minlength=int(near.sum()))
        summed = np.bincount(apart["i"], weight * values[known][apart["j"]], minlength=len(total))
        with np.errstate(invalid="ignore", divide="ignore"):
            result[near] = summed / total
    return result.reshape(height, width)
