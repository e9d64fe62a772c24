# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset of atoms of one sublattice from the centre of their neighbours in another one."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis._neighbours import shell_limit

_SEARCHED = 12  # Neighbours among which the first shell is sought.
_EVEN = 0.25  # How evenly the neighbours surround an atom: the length of their mean direction.


def offsets_from_neighbours(
    positions: np.ndarray, sigma: np.ndarray | None, centres: np.ndarray, among: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far atoms lie from the mean position of their neighbours, as in a ferroelectric.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    sigma : numpy.ndarray or None
        Their standard deviations, of the same shape; without them those of the offsets are NaN.
    centres, among : numpy.ndarray
        The atoms whose offset is measured, and those among which their neighbours are, bool, shape
        (n,).

    Returns
    -------
    offset : numpy.ndarray
        y, x, shape (n, 2). NaN for other atoms, and where the neighbours are not complete: fewer or
        more than most of the atoms have, or all on one side.
    offset_sigma : numpy.ndarray
        Their standard deviations, of the same shape.

    Examples
    --------
    >>> rows, columns = np.mgrid[:5, :5]
    >>> corners = 4.0 * np.column_stack([rows.ravel(), columns.ravel()])
    >>> middles = corners + [2.0, 2.1]
    >>> titanium = np.arange(50) >= 25
    >>> offset, _ = offsets_from_neighbours(
    ...     np.concatenate([corners, middles]), None, titanium, ~titanium
    ... )
    >>> np.nanmean(offset, axis=0).round(3), int(np.isfinite(offset[:, 0]).sum())
    (array([0. , 0.1]), 16)
    """
    number = len(positions)
    offset, spread = np.full((number, 2), np.nan), np.full((number, 2), np.nan)
    centre, cage = np.flatnonzero(centres), np.flatnonzero(among)
    searched = min(_SEARCHED, len(cage))
    if not len(centre) or searched < 2:
        return offset, spread
    tree = cKDTree(positions[cage])
    limit = shell_limit(tree.query(positions[centre], k=searched)[0])
    distance, near = tree.query(positions[centre], k=searched, distance_upper_bound=limit)
    met = np.isfinite(distance)
    count = met.sum(axis=1)
    if not count.any():
        return offset, spread
    usual = np.bincount(count[count > 0]).argmax()
    around = positions[cage[np.where(met, near, 0)]] - positions[centre, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(met[..., None], around / np.linalg.norm(around, axis=2)[..., None], 0)
    even = np.linalg.norm(unit.sum(axis=1), axis=1) < _EVEN * usual
    whole = (count == usual) & even & (usual > 1)
    mean = np.where(met[..., None], around, 0).sum(axis=1) / usual
    offset[centre[whole]] = -mean[whole]
    if sigma is not None:
        beside = np.where(met[..., None], sigma[cage[np.where(met, near, 0)]] ** 2, 0).sum(axis=1)
        spread[centre[whole]] = np.sqrt(sigma[centre] ** 2 + beside / usual**2)[whole]
    return offset, spread
