# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching of found atoms with true ones."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree


def match(found: ArrayLike, true: ArrayLike, tolerance: float) -> np.ndarray:
    """Match found atoms with true ones, one to one.

    Of all pairings of atoms within the tolerance, this is the one with the most pairs, and among
    those the one with the smallest sum of distances.

    Parameters
    ----------
    found : array_like
        Positions, shape (n, 2), in any unit.
    true : array_like
        Positions, shape (m, 2), in the same unit.
    tolerance : float
        The largest distance of a pair, in the same unit.

    Returns
    -------
    numpy.ndarray
        Pairs of indices into `found` and `true`, int, shape (k, 2), sorted by the first.

    Raises
    ------
    ValueError
        If an array has another shape, a position is not finite, or `tolerance` is not positive.

    Notes
    -----
    Each found atom may also be paired with a dummy of its own, at a cost above that of any
    rearrangement of real pairs: a matching of all found atoms then exists, and the cheapest one
    [1]_ has the most real pairs. Only pairs within the tolerance are in the graph.

    References
    ----------
    .. [1] R. Jonker, A. Volgenant, A shortest augmenting path algorithm for dense and sparse
       linear assignment problems, Computing 38, 325 (1987).

    Examples
    --------
    >>> match([[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.9], [5.0, 5.0]], tolerance=1.0)
    array([[1, 0]])

    The second found atom is nearest to both true ones, but two pairs are better than one:

    >>> match([[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.8], [0.0, 1.5]], tolerance=1.0)
    array([[0, 0],
           [1, 1]])
    """
    found, true = _positions(found, "found"), _positions(true, "true")
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance is {tolerance}: expected a positive distance.")
    if not len(found) or not len(true):
        return np.empty((0, 2), dtype=int)
    near = cKDTree(found).sparse_distance_matrix(cKDTree(true), tolerance, output_type="ndarray")
    return most_pairs(near["i"], near["j"], near["v"] / tolerance, np.ones(len(found)))


def most_pairs(
    rows: np.ndarray, columns: np.ndarray, distances: np.ndarray, ranks: np.ndarray
) -> np.ndarray:
    """Choose among pairs of n and m things, at distances up to 1, as `match` does."""
    # If ranks (n,), 1 or more, differ, things with higher ranks are paired first. Two with nothing
    # else nearby are a pair: the rest takes time that grows with its square.
    alone = np.bincount(rows)[rows] * np.bincount(columns)[columns] == 1
    pairs = np.column_stack([rows, columns])
    firsts, rows = np.unique(rows[~alone], return_inverse=True)
    seconds, columns = np.unique(columns[~alone], return_inverse=True)
    n, m = len(firsts), len(seconds)
    if n:
        dummies = (min(n, m) + 3.0) * ranks[firsts]
        # Shifted by one, since a zero in the graph means no edge; every row is shifted alike.
        costs = np.concatenate([distances[~alone] + 1, dummies])
        # The only integers that older SciPy's matching takes.
        rows = np.concatenate([rows, np.arange(n)]).astype(np.int32)
        columns = np.concatenate([columns, m + np.arange(n)]).astype(np.int32)
        graph = coo_array((costs, (rows, columns)), shape=(n, m + n))
        rows, columns = min_weight_full_bipartite_matching(graph.tocsr())
        real = columns < m
        found = np.column_stack([firsts[rows[real]], seconds[columns[real]]])
        pairs = np.concatenate([pairs[alone], found])
    return pairs[np.argsort(pairs[:, 0])].astype(int)


def _positions(positions: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(positions, dtype=float)
    if array.size == 0:
        return array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} has shape {array.shape}: expected positions of shape (n, 2).")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has positions that are not finite: leave them out.")
    return array
