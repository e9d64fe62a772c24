# SPDX-License-Identifier: GPL-3.0-or-later
"""Stochastic growth and loss of a crystal's surface atoms."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import connected
from hyperspy_dlatoms.recipes.draws import draw


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
    """Add atoms to the surface of a crystal and remove others, one at a time."""
    # An atom is added with probability proportional to exp(c / T) and removed with exp(-c / T),
    # where c is its number of neighbours: J. Madsen et al., Adv. Theory Simul. 1 (2018) 1800037.
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


def weathered(
    rng: np.random.Generator,
    sites: np.ndarray,
    inside: np.ndarray,
    spacing: float,
    most: float,
    temperature: float | tuple[float, float],
) -> np.ndarray:
    """Return which sites (n, 3) a crystal fills after up to a share of its surface has moved."""
    neighbours = neighbour_table(sites, 1.15 * spacing)
    surface = inside & (np.append(inside, False)[neighbours].sum(axis=1) < 12)
    moves = int(rng.uniform(0, most) * surface.sum())
    return largest_piece(
        roughen(rng, inside, neighbours, moves, draw(rng, temperature)), neighbours
    )


def largest_piece(occupied: np.ndarray, neighbours: np.ndarray, least: int = 3) -> np.ndarray:
    """Keep the largest connected piece of a crystal, without atoms that have few neighbours."""
    n, width = neighbours.shape
    occupied = np.append(occupied, False)
    while True:
        loose = occupied[:n] & (occupied[neighbours].sum(axis=1) < least)
        if not loose.any():
            break
        occupied[:n][loose] = False
    if not occupied.any():
        return occupied[:n]
    pairs = np.column_stack([np.repeat(np.arange(n), width), neighbours.ravel()])
    label = connected(pairs[occupied[pairs].all(axis=1)], n)
    return occupied[:n] & (label == np.bincount(label[occupied[:n]]).argmax())
