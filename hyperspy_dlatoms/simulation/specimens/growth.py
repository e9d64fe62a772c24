# SPDX-License-Identifier: GPL-3.0-or-later
"""Stochastic growth and loss of the surface atoms of a crystal."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree


def neighbour_table(positions: np.ndarray, distance: float, width: int = 12) -> np.ndarray:
    """List the neighbours of each lattice site."""
    _, index = cKDTree(positions).query(
        positions, k=width + 1, distance_upper_bound=distance, workers=1
    )
    return index[:, 1:]


def roughen(
    rng: np.random.Generator,
    occupied: np.ndarray,
    neighbours: np.ndarray,
    steps: int,
    temperature: float,
) -> np.ndarray:
    """Move atoms on and off the surface of a crystal, one at a time."""
    # One is added with probability proportional to exp(c / T), one taken with exp(-c / T), c being
    # the number of neighbours: J. Madsen et al., Adv. Theory Simul. 1 (2018) 1800037.
    n, width = neighbours.shape
    occupied = np.append(occupied, False)
    count = occupied[neighbours].sum(axis=1)
    count = np.append(count, 0)
    for adds in rng.random(steps) < 0.5:
        if adds:
            candidates = np.flatnonzero(~occupied[:n] & (count[:n] >= 3))
            weight = np.exp((count[candidates] - width) / temperature)
        else:
            candidates = np.flatnonzero(occupied[:n] & (count[:n] < width))
            weight = np.exp(-count[candidates] / temperature)
        if candidates.size == 0:
            continue
        cumulative = np.cumsum(weight)
        chosen = candidates[np.searchsorted(cumulative, rng.random() * cumulative[-1])]
        occupied[chosen] = adds
        count[neighbours[chosen]] += 1 if adds else -1
        count[n] = 0
    return occupied[:n]


def largest_piece(occupied: np.ndarray, neighbours: np.ndarray, least: int = 3) -> np.ndarray:
    """Keep the largest connected piece of a crystal, without atoms of few neighbours."""
    n, width = neighbours.shape
    occupied = np.append(occupied, False)
    while True:
        loose = occupied[:n] & (occupied[neighbours].sum(axis=1) < least)
        if not loose.any():
            break
        occupied[:n][loose] = False
    if not occupied.any():
        return occupied[:n]
    first = np.repeat(np.arange(n), width)
    bond = occupied[first] & occupied[neighbours.ravel()]
    graph = coo_array((np.ones(bond.sum()), (first[bond], neighbours.ravel()[bond])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    return occupied[:n] & (label == np.bincount(label[occupied[:n]]).argmax())
