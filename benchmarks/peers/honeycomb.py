# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites on the honeycomb of a two-dimensional crystal: bonds, sublattices, missing sites."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array, csgraph
from scipy.spatial import cKDTree

NEAR = (0.75, 1.3)
"""Neighbours are bonded where their distance is within this range, in bond lengths."""


def bonded(positions: np.ndarray, bond: float) -> np.ndarray:
    """Return the pairs (m, 2) of sites (n, 2) that are bonded; positions and bond in one unit."""
    if len(positions) == 0:
        return np.empty((0, 2), dtype=int)
    pairs = cKDTree(positions).query_pairs(NEAR[1] * bond, output_type="ndarray")
    length = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    return pairs[length >= NEAR[0] * bond]


def two_sublattices(positions: np.ndarray, bond: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the connected piece that each site is in, and its sublattice, 0 or 1, shapes (n,).

    Neighbours are on different sublattices; the first site of a piece is on 0.
    """
    n = len(positions)
    first, second = bonded(positions, bond).T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n)).tocsr()
    piece = csgraph.connected_components(graph, directed=False)[1]
    roots = np.unique(piece, return_index=True)[1]
    steps = csgraph.dijkstra(graph, directed=False, unweighted=True, indices=roots, min_only=True)
    return piece, steps.astype(int) % 2


def best_on_sublattices(
    scores: np.ndarray, positions: np.ndarray, bond: float, homes: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return for each site its most probable kind, of those of its sublattice.

    The sublattices of a piece are assigned by all its sites together.
    """
    piece, sublattice = two_sublattices(positions, bond)
    on = np.stack([np.where(home, scores, -np.inf) for home in homes])
    evidence = np.logaddexp.reduce(on, axis=2)
    result = np.empty(len(positions), dtype=int)
    for one in range(piece.max(initial=-1) + 1):
        members = np.flatnonzero(piece == one)
        choices = [(first + sublattice[members]) % 2 for first in (0, 1)]
        chosen = max(choices, key=lambda choice: evidence[choice, members].sum())
        result[members] = on[chosen, members].argmax(axis=1)
    return result


def complete(positions: np.ndarray, bond: float) -> np.ndarray:
    """Find the places of a honeycomb where a site is missing.

    A site with two bonds at about 120° predicts the place of its third neighbour; places predicted
    by two or three sites, without a site, are returned.
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
