# SPDX-License-Identifier: GPL-3.0-or-later
"""What the honeycomb of a two-dimensional crystal tells about its sites."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.spatial import cKDTree

NEAR = (0.75, 1.3)
"""Neighbours are bonded where their distance is within this range, in bond lengths."""


def bonded(positions: np.ndarray, bond: float) -> np.ndarray:
    """Give the pairs of neighbours.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    bond : float
        Length of a bond in projection, in the same unit.

    Returns
    -------
    numpy.ndarray
        Indices, int, shape (m, 2).
    """
    if len(positions) == 0:
        return np.empty((0, 2), dtype=int)
    pairs = cKDTree(positions).query_pairs(NEAR[1] * bond, output_type="ndarray")
    length = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    return pairs[length >= NEAR[0] * bond]


def two_sublattices(positions: np.ndarray, bond: float) -> tuple[np.ndarray, np.ndarray]:
    """Divide the sites of a honeycomb so that neighbours are of different sublattices.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    bond : float
        Length of a bond in projection, in the same unit.

    Returns
    -------
    piece : numpy.ndarray
        Sites that hang together have the same number, int, shape (n,).
    sublattice : numpy.ndarray
        0 or 1, shape (n,): by the number of bonds between a site and the first one of its piece.

    Examples
    --------
    >>> chain = np.column_stack([np.arange(4.0), np.zeros(4)])
    >>> two_sublattices(chain, 1.0)[1]
    array([0, 1, 0, 1])
    """
    first, second = bonded(positions, bond).T
    n = len(positions)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n)).tocsr()
    pieces, piece = connected_components(graph, directed=False)
    sublattice = np.zeros(n, dtype=int)
    for one in range(pieces):
        members = np.flatnonzero(piece == one)
        steps = shortest_path(
            graph[members][:, members], directed=False, unweighted=True, indices=0
        )
        sublattice[members] = steps.astype(int) % 2
    return piece, sublattice


def best_on_sublattices(
    scores: np.ndarray, positions: np.ndarray, bond: float, homes: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Give each site its most probable kind, of those that live on its sublattice.

    Which sublattice of a piece is which is decided by all its sites together.

    Parameters
    ----------
    scores : numpy.ndarray
        Logarithm of the probability of each kind, shape (n, K).
    positions : numpy.ndarray
        y, x, shape (n, 2).
    bond : float
        Length of a bond in projection, in the same unit.
    homes : tuple of numpy.ndarray
        Which kinds live on the one sublattice and which on the other, bool, shape (K,) each.

    Returns
    -------
    numpy.ndarray
        Indices of kinds, int, shape (n,).

    Examples
    --------
    >>> chain = np.column_stack([np.arange(3.0), np.zeros(3)])
    >>> scores = np.log([[0.9, 0.1], [0.6, 0.4], [0.9, 0.1]])
    >>> best_on_sublattices(scores, chain, 1.0, (np.array([True, False]), np.array([False, True])))
    array([0, 1, 0])
    """
    piece, sublattice = two_sublattices(positions, bond)
    on = np.stack([np.where(home, scores, -np.inf) for home in homes])
    evidence = np.logaddexp.reduce(on, axis=2)
    result = np.empty(len(positions), dtype=int)
    for one in range(piece.max(initial=-1) + 1):
        members = np.flatnonzero(piece == one)
        ways = [(way + sublattice[members]) % 2 for way in (0, 1)]
        chosen = max(ways, key=lambda way: evidence[way, members].sum())
        result[members] = on[chosen, members].argmax(axis=1)
    return result


def complete(positions: np.ndarray, bond: float) -> np.ndarray:
    """Find the places of a honeycomb where a site is missing.

    A site with two bonds at about 120° says where its third neighbour should be; a place that two
    or three sites name, and where there is none, is taken.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x of the sites that are there, shape (n, 2).
    bond : float
        Length of a bond in projection, in the same unit.

    Returns
    -------
    numpy.ndarray
        y, x of missing sites, shape (m, 2).

    Examples
    --------
    >>> angle = np.radians([90, 210, 330])
    >>> around = np.column_stack([np.sin(angle), np.cos(angle)])
    >>> outer = [a + np.array([np.sin(t), np.cos(t)])
    ...          for a, t0 in zip(around, angle) for t in (t0 + np.pi / 3, t0 - np.pi / 3)]
    >>> complete(np.concatenate([around, outer]), 1.0).round(6) + 0.0
    array([[0., 0.]])
    """
    pairs = bonded(positions, bond)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    count = np.bincount(ends[:, 0], minlength=len(positions))
    two = np.flatnonzero(count == 2)
    first = np.searchsorted(ends[:, 0], two)
    arms = positions[ends[first[:, None] + [0, 1], 1]] - positions[two][:, None]
    cosine = np.sum(arms[:, 0] * arms[:, 1], axis=1) / np.prod(np.linalg.norm(arms, axis=2), axis=1)
    wide = (cosine > np.cos(np.radians(150))) & (cosine < np.cos(np.radians(90)))
    third = -arms[wide].sum(axis=1)
    third *= bond / np.linalg.norm(third, axis=1, keepdims=True)
    named = positions[two[wide]] + third
    if len(named) < 2:
        return np.empty((0, 2))
    named = named[cKDTree(positions).query(named)[0] > 0.5 * bond]
    if len(named) < 2:
        return np.empty((0, 2))
    group = fcluster(linkage(named, "average"), 0.4 * bond, "distance") - 1
    size = np.bincount(group)
    middle = np.stack([np.bincount(group, weights=named[:, k]) / size for k in (0, 1)], axis=1)
    return middle[size >= 2]
