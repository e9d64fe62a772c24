# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two lattices that lie between each other is the one of the atoms."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

LATTICE = 4
"""Sites from which a set counts as a lattice; fewer are strays."""


def outvoted(sites: np.ndarray, probability: np.ndarray, distance: float) -> np.ndarray:
    """Find the sites of lattices that cannot be, because a better supported one can.

    Bright spots between dark atoms look like bright atoms, and where the contrast hardly tells
    which is which, a network reports both. Sites that are too close to both be there form a graph
    that alternates between the two lattices. They cannot alternate in reality: of each connected
    part of the graph, the lattice with the larger sum of probabilities stays. Since a crystal ends
    with its own atoms, that is in doubt the larger one.

    Parameters
    ----------
    sites : numpy.ndarray
        Positions, shape (k, 2).
    probability : numpy.ndarray
        Of each, shape (k,).
    distance : float
        The least distance of two sites, in the unit of the positions.

    Returns
    -------
    numpy.ndarray
        Boolean array of shape (k,), True for the sites to leave out. Parts of the graph that do not
        alternate, or in which a side has fewer than ``LATTICE`` sites, are left as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.analysis.graphs import outvoted
    >>> row = np.arange(6.0)
    >>> atoms, between = np.stack([0 * row, row], 1), np.stack([0 * row[:5], row[:5] + 0.5], 1)
    >>> sites = np.concatenate([atoms, between])
    >>> np.nonzero(outvoted(sites, np.full(11, 0.6), 0.7))[0].tolist()
    [6, 7, 8, 9, 10]
    """
    n = len(sites)
    lost = np.zeros(n, bool)
    pairs = cKDTree(sites).query_pairs(distance, output_type="ndarray") if n else np.zeros((0, 2))
    if len(pairs) == 0:
        return lost
    first, second = pairs.T.astype(np.int32)
    side, part = sides(first, second, n)
    parts = part.max() + 1
    alternates = np.ones(parts, bool)
    alternates[part[first[side[first] == side[second]]]] = False
    support, size = (
        np.bincount(2 * part + side, weights, minlength=2 * parts).reshape(parts, 2)
        for weights in (probability, None)
    )
    decided = alternates & (size.min(axis=1) >= LATTICE)
    weaker = support.argmin(axis=1)
    return decided[part] & (side == weaker[part])


def sides(first: np.ndarray, second: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Walk through all parts of a graph at once, changing sides with each step.

    Parameters
    ----------
    first, second : numpy.ndarray
        The two sites of each pair, indices, shape (m,).
    n : int
        Number of sites.

    Returns
    -------
    side, part : numpy.ndarray
        Of each site, shape (n,): 0 or 1, and the number of its connected part. Two sites of a pair
        are on different sides if the part alternates at all.

    Examples
    --------
    >>> import numpy as np
    >>> side, part = sides(np.array([0, 1]), np.array([1, 2]), 4)
    >>> side.tolist(), part.tolist()
    ([0, 1, 0, 0], [0, 0, 0, 1])
    """
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n)).tocsr()
    part = connected_components(graph, directed=False)[1]
    side = np.full(n, -1, np.int8)
    side[np.unique(part, return_index=True)[1]] = 0
    ends = np.concatenate([[first, second], [second, first]], axis=1)
    while True:
        here, there = ends
        reached = (side[here] >= 0) & (side[there] < 0)
        if not reached.any():
            return side, part
        side[there[reached]] = 1 - side[here[reached]]
        ends = ends[:, side[there] < 0]
