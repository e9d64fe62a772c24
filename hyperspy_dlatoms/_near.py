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
    """Return which points stay, (number,): those not near any earlier one that stays."""
    # `pairs` (m, 2) are the points near each other. Each round decides all that wait for no earlier
    # one: a few rounds, however many points.
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
