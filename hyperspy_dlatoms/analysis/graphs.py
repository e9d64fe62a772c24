# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs of sites that are joined in pairs: connected components, and two colours."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csgraph


def connected_components(pairs: np.ndarray, n: int) -> np.ndarray:
    """Return the number of the connected component of each of n sites, shape (n,).

    The pairs are indices of sites, shape (m, 2).
    """
    return csgraph.connected_components(_graph(pairs, n), directed=False)[1]


def two_colouring(pairs: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a colour, 0 or 1, for each of n sites, and the number of its connected component.

    The two sites of a pair, indices of shape (m, 2), differ in colour if their component is
    bipartite; the first site of a component has colour 0.
    """
    component = connected_components(pairs, n)
    firsts = np.unique(component, return_index=True)[1]
    # A root that is joined to one site of each component makes it one search.
    to_root = np.column_stack([firsts, np.full(len(firsts), n)])
    graph = _graph(np.concatenate([np.reshape(pairs, (-1, 2)), to_root]), n + 1)
    steps = csgraph.dijkstra(graph, directed=False, unweighted=True, indices=n)[:n]
    return (steps.astype(int) - 1) % 2, component


def _graph(pairs: np.ndarray, n: int) -> coo_array:
    first, second = np.reshape(pairs, (-1, 2)).T.astype(np.int32)
    return coo_array((np.ones(len(first)), (first, second)), shape=(n, n)).tocsr()
