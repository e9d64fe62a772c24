# SPDX-License-Identifier: GPL-3.0-or-later
"""Sheets of three-fold bonded atoms: the dual of a triangulation of ring centres, relaxed."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from hyperspy_dlatoms.simulation.specimens.amorphous import random_packing

BOND = 1.42  # Carbon-carbon bond of graphene (Å).
SECOND = np.sqrt(3) * BOND  # Distance of second neighbours, which is the lattice constant (Å).


class Sheet(NamedTuple):
    """Atoms of a flat sheet and their bonds."""

    points: np.ndarray  # x, y, (n, 2), Å.
    bonded: np.ndarray  # The three neighbours of each atom, (n, 3), -1 where there are fewer.


def keep_atoms(sheet: Sheet, mask: np.ndarray) -> Sheet:
    """Return a sheet with the atoms for which `mask` (bool, shape (n,)) is true."""
    new = np.append(np.where(mask, np.cumsum(mask) - 1, -1), -1)
    return Sheet(sheet.points[mask], new[sheet.bonded[mask]])


def trim(sheet: Sheet, least: int = 2) -> np.ndarray:
    """Return which atoms stay, (n,), when those with too few bonds are removed step by step."""
    keep = np.append(np.ones(len(sheet.points), dtype=bool), False)
    while True:
        loose = keep[:-1] & (keep[sheet.bonded].sum(axis=1) < least)
        if not loose.any():
            return keep[:-1]
        keep[:-1][loose] = False


def from_centres(centres: np.ndarray) -> Sheet:
    """Put an atom into each triangle of neighbouring ring centres."""
    triangles = Delaunay(centres)
    corners = centres[triangles.simplices]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    sheet = Sheet(corners.mean(axis=1), triangles.neighbors.astype(int))
    # Slivers along the hull are not rings.
    return keep_atoms(sheet, longest < 2.5 * SECOND)


def relax(sheet: Sheet, steps: int = 150, stiffness: float = 0.3) -> Sheet:
    """Relax bonds and second neighbours to graphene's lengths, by springs with momentum."""
    n = len(sheet.points)
    first = pairs(sheet.bonded)
    third = np.append(sheet.bonded, [[-1] * 3], axis=0)[sheet.bonded].reshape(n, 9)
    third[third == np.arange(n)[:, None]] = -1
    second = pairs(third)
    ends = np.concatenate([first, second])
    length = np.repeat([BOND, SECOND], [len(first), len(second)])
    strength = np.repeat([1.0, stiffness], [len(first), len(second)])
    points, velocity = sheet.points.copy(), np.zeros((n, 2))
    for _ in range(steps):
        bond = points[ends[:, 1]] - points[ends[:, 0]]
        distance = np.maximum(np.linalg.norm(bond, axis=1), 0.1)
        pull = (strength * (1 - length / distance))[:, None] * bond
        force = np.empty((n, 2))
        for axis in (0, 1):
            force[:, axis] = np.bincount(ends[:, 0], pull[:, axis], n)
            force[:, axis] -= np.bincount(ends[:, 1], pull[:, axis], n)
        velocity = 0.8 * velocity + 0.12 * force
        points += np.clip(velocity, -0.2, 0.2)
    return Sheet(points, sheet.bonded)


def pairs(table: np.ndarray) -> np.ndarray:
    """Return each pair of a symmetric table of neighbours (n, k; -1 for none) once, (m, 2)."""
    ends = np.column_stack([np.repeat(np.arange(len(table)), table.shape[1]), table.ravel()])
    return np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)


def lattice_centres(low: float, high: float, angle: float, origin: np.ndarray) -> np.ndarray:
    """Return the ring centres of perfect graphene within a square."""
    vectors = SECOND * np.array([[np.cos(angle + t), np.sin(angle + t)] for t in (0, np.pi / 3)])
    n = int(np.ceil(1.7 * (high - low) / SECOND)) + 1
    index = np.mgrid[-n : n + 1, -n : n + 1].reshape(2, -1).T
    points = index @ vectors + origin
    return points[((points >= low) & (points <= high)).all(axis=1)]


def random_centres(rng: np.random.Generator, low: float, high: float, sweeps: int) -> np.ndarray:
    """Draw ring centres of a random sheet: points evened out by Lloyd's algorithm."""
    span, area = high - low, SECOND**2 * np.sqrt(3) / 2
    points = random_packing(rng, (span, span), 1 / area, 0.75 * SECOND, trials=12)
    points = (points - span / 2) * np.sqrt(len(points) * area) / span + (low + high) / 2
    return lloyd(points, np.ones(len(points), dtype=bool), sweeps)


def lloyd(points: np.ndarray, free: np.ndarray, sweeps: int) -> np.ndarray:
    """Move points to the centres of their Voronoi cells."""
    # S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28 (1982) 129.
    points = points.copy()
    for _ in range(sweeps):
        triangles = Delaunay(points)
        corners, each = points[triangles.simplices], triangles.simplices.ravel()
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        area = 0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        # The centre of the triangles around a point approximates that of its cell.
        parts = (area, *(area * corners[:, :, axis].mean(axis=1) for axis in (0, 1)))
        weight, *middle = (np.bincount(each, np.repeat(part, 3), len(points)) for part in parts)
        moves = free & (weight > 0)
        moves[np.unique(triangles.convex_hull)] = False
        points[moves] = np.transpose(middle)[moves] / weight[moves, None]
    return points


def grain_centres(
    rng: np.random.Generator, low: float, high: float, grains: int
) -> tuple[np.ndarray, list[float]]:
    """Return the ring centres of grains with different orientations."""
    span = high - low
    seeds = low + span * (0.15 + 0.7 * rng.random((grains, 2)))
    angles = list(rng.uniform(0, np.pi / 3, grains))
    parts = []
    for i, angle in enumerate(angles):
        points = lattice_centres(low, high, angle, seeds[i])
        parts.append(points[cKDTree(seeds).query(points)[1] == i])
    points = np.concatenate(parts)
    grain = np.repeat(np.arange(grains), [len(p) for p in parts])
    close = cKDTree(points).query_pairs(0.72 * SECOND, output_type="ndarray")
    keep = np.ones(len(points), dtype=bool)
    for i, j in close[rng.permutation(len(close))]:
        if keep[i] and keep[j]:
            keep[j if rng.random() < 0.5 else i] = False
    points, grain = points[keep], grain[keep]
    near = cKDTree(points).query_pairs(2.2 * SECOND, output_type="ndarray")
    across = near[grain[near[:, 0]] != grain[near[:, 1]]]
    free = np.zeros(len(points), dtype=bool)
    free[across.ravel()] = True
    return lloyd(points, free, 6), angles


def rotate_bonds(rng: np.random.Generator, sheet: Sheet, count: int) -> Sheet:
    """Turn bonds by 90°; each turns four hexagons into two pentagons and two heptagons."""
    # A. J. Stone and D. J. Wales, Theoretical studies of icosahedral C60 and some related species,
    # Chem. Phys. Lett. 128 (1986) 501.
    points, bonded = sheet.points.copy(), sheet.bonded.copy()
    whole = np.flatnonzero((bonded >= 0).all(axis=1))
    for i in rng.choice(whole, size=min(count, len(whole)), replace=False):
        j = bonded[i, rng.integers(3)]
        if (bonded[j] < 0).any():
            continue
        axis = points[j] - points[i]
        middle = (points[i] + points[j]) / 2
        normal = np.array([-axis[1], axis[0]])
        (above_i, below_i), (above_j, below_j) = (
            sorted(bonded[one][bonded[one] != other], key=lambda k: -(points[k] - middle) @ normal)
            for one, other in ((i, j), (j, i))
        )
        # i takes both neighbours above the bond, j both below it.
        bonded[i] = [j, above_i, above_j]
        bonded[j] = [i, below_i, below_j]
        bonded[above_j][bonded[above_j] == j] = i
        bonded[below_i][bonded[below_i] == i] = j
        points[i], points[j] = middle + normal / 2, middle - normal / 2
    return Sheet(points, bonded)
