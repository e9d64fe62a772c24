# SPDX-License-Identifier: GPL-3.0-or-later
"""Pair correlation of marked sites of a lattice: whether they cluster more than random ones."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree


class PairDistances(NamedTuple):
    """Pairs by their distance.

    Attributes
    ----------
    pairs : numpy.ndarray
        Number of pairs of marked sites in each bin, int, shape (b,).
    expected : numpy.ndarray
        Mean of that number if as many sites are marked at random, shape (b,).
    low, high : numpy.ndarray
        Limits of that number at the given probability, shape (b,).
    """

    pairs: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray


def pair_distances(
    positions: np.ndarray,
    marked: np.ndarray,
    edges: np.ndarray,
    rng: np.random.Generator,
    *,
    shuffles: int = 199,
    level: float = 0.95,
) -> PairDistances:
    """Count pairs of marked sites by distance, with the counts expected from random labels.

    The null model is random labelling: the sites stay where they are, and as many of them are
    marked. The expected number is exact, the fraction of marked pairs times the pairs of all sites;
    the limits come from random draws. As marked sites and all sites have the same edges and holes,
    neither needs correcting, and the lattice adds no shells of its own to the ratio of pairs to
    expected pairs, the pair correlation of the marks [1]_.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x of all sites, shape (n, 2).
    marked : numpy.ndarray
        Which of them are marked, bool, shape (n,).
    edges : numpy.ndarray
        Edges of the bins, rising from 0 or more, in the unit of the positions, shape (b + 1,).
    rng : numpy.random.Generator
        Draws the labels.
    shuffles : int, optional
        Number of random labellings.
    level : float, optional
        Probability of a count within the limits, bin by bin.

    Returns
    -------
    PairDistances

    Notes
    -----
    Sites missed at random leave the ratio of pairs to expected pairs unchanged; false ones pull it
    towards 1.

    References
    ----------
    .. [1] P. J. Diggle, Statistical Analysis of Spatial and Spatio-Temporal Point Patterns, 3rd ed.
       (2013), section 7.1.3.

    Examples
    --------
    >>> row = np.column_stack([np.arange(5.0), np.zeros(5)])
    >>> marked = np.array([True, True, False, False, False])
    >>> near = pair_distances(row, marked, np.array([0.5, 1.5]), np.random.default_rng(0))
    >>> near.pairs, near.expected
    (array([1]), array([0.4]))
    """
    marked = np.asarray(marked, bool)
    n, k = len(positions), int(marked.sum())
    pairs = _count(positions[marked], edges)
    share = k * (k - 1) / (n * (n - 1)) if k > 1 else 0.0
    expected = share * _count(positions, edges)
    if k < 2:
        return PairDistances(pairs, expected, expected.copy(), expected.copy())
    drawn = [
        _count(positions[rng.choice(n, k, replace=False, shuffle=False)], edges)
        for _ in range(shuffles)
    ]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return PairDistances(pairs, expected, low, high)


def _count(positions: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count pairs by their distance, shape (b,)."""
    if len(positions) < 2:
        return np.zeros(len(edges) - 1, dtype=int)
    tree = cKDTree(positions)
    # Each pair is counted twice, and each point with itself.
    return np.diff((tree.count_neighbors(tree, edges) - len(positions)) // 2)
