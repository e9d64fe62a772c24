# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs of sites that are joined in pairs: connected components, and two colours."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csgraph
from scipy.spatial import cKDTree

LATTICE = 4
"""Sites from which a set counts as a lattice; fewer are strays."""


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


def sides(first: np.ndarray, second: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `two_colouring`, for the two sites of each pair apart."""
    return two_colouring(np.column_stack([first, second]), n)


def outvoted(sites: np.ndarray, probability: np.ndarray, distance: float) -> np.ndarray:
    """Find the sites, (y, x) of shape (k, 2), of sublattices that a better supported one excludes.

    Bright spots between dark atoms look like bright atoms, and where the contrast hardly tells
    which is which, a network reports both. Sites nearer than the distance make a graph whose two
    colours are the two sublattices: of each component the colour with the larger sum of
    probabilities stays. Components that are not bipartite, or in which a colour has fewer than
    ``LATTICE`` sites, are left as they are. Return a boolean array, True for the sites to leave
    out.
    """
    n = len(sites)
    lost = np.zeros(n, bool)
    pairs = cKDTree(sites).query_pairs(distance, output_type="ndarray") if n else np.zeros((0, 2))
    if len(pairs) == 0:
        return lost
    colour, component = two_colouring(pairs, n)
    components = component.max() + 1
    bipartite = np.ones(components, bool)
    first, second = pairs.T
    bipartite[component[first[colour[first] == colour[second]]]] = False
    support, size = (
        np.bincount(2 * component + colour, weights, minlength=2 * components).reshape(-1, 2)
        for weights in (probability, None)
    )
    decided = bipartite & (size.min(axis=1) >= LATTICE)
    return decided[component] & (colour == support.argmin(axis=1)[component])


def _graph(pairs: np.ndarray, n: int) -> coo_array:
    first, second = np.reshape(pairs, (-1, 2)).T.astype(np.int32)
    return coo_array((np.ones(len(first)), (first, second)), shape=(n, n)).tocsr()
