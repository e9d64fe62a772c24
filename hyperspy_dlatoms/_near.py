# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of which some are near each other: which are connected, and which stay."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def connected(pairs: np.ndarray, number: int) -> np.ndarray:
    """Return the group (n,) of each of n things, by the pairs (m, 2) that connect them."""
    graph = coo_array((np.ones(len(pairs), np.int8), tuple(pairs.T)), shape=(number, number))
    return connected_components(graph, directed=False)[1]


def first_come(pairs: np.ndarray, number: int) -> np.ndarray:
    """Return which of some points stay, (number,): those near none that stays and comes before."""
    # Of the pairs (m, 2) of points that are near each other. Each round decides all that wait for
    # no earlier one: a few rounds, whatever the number.
    first, later = np.sort(pairs, axis=1).T
    stays, undecided = np.zeros(number, bool), np.ones(number, bool)
    while undecided.any():
        waits = np.zeros(number, bool)
        waits[later] = True
        new = undecided & ~waits
        stays |= new
        undecided &= waits
        undecided[later[new[first]]] = False
        unclear = undecided[first] & undecided[later]
        first, later = first[unclear], later[unclear]
    return stays
