# SPDX-License-Identifier: GPL-3.0-or-later
"""Single particles of an fcc crystal, with columns along the beam."""

import itertools

import numpy as np

from hyperspy_dlatoms.simulation.specimens.growth import weathered
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES, rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList


def stacked_lattice(steps: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Stack close-packed planes, each shifted by a step of -1 or 1, edge-on along [110]."""
    # Returns positions (n, 3) out to `reach`, in lattice constants, and columns (n,).
    n = len(steps) // 2
    row, spacing = np.sqrt(6) / 4, 1 / np.sqrt(2)
    shift = np.cumsum(steps) - np.cumsum(steps)[n]
    rows = int(np.ceil(reach / row)) + 1
    along = int(np.ceil(reach / spacing)) + 1
    plane, j, k = np.meshgrid(
        np.arange(-n, n + 1),
        np.arange(-rows, rows + 1),
        np.arange(-along, along + 1),
        indexing="ij",
    )
    # Three shifts add up to a lattice vector of the plane: two rows, with no shift along the beam.
    offset = (-shift * (2 / 3))[plane + n]
    wrapped = offset - 2 * np.round(offset / 2)
    positions = np.stack(
        [plane / np.sqrt(3), (j + wrapped) * row, (k + (j % 2) / 2) * spacing], axis=-1
    ).reshape(-1, 3)
    column = ((plane + n) * (2 * rows + 1) + j + rows).ravel()
    keep = (np.abs(positions[:, 1:]) <= reach).all(axis=1)
    return positions[keep], column[keep]


def square_lattice(reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an fcc lattice seen along [100], as `stacked_lattice` does."""
    n = int(np.ceil(2 * reach))
    i = np.mgrid[-n : n + 1, -n : n + 1, -n : n + 1].reshape(3, -1).T
    i = i[i.sum(axis=1) % 2 == 0]
    return i / 2, (i[:, 0] + n) * (2 * n + 1) + i[:, 1] + n


def facet_normals(zone: str) -> np.ndarray:
    """Return the normals of the six {100} and eight {111} facets of an unrotated particle."""
    signs = np.array(list(itertools.product([-1, 1], repeat=3))) / np.sqrt(3)
    normals = np.concatenate([np.eye(3), -np.eye(3), signs]) @ ZONES[zone].T
    if zone == "110":
        normals = normals @ rotation(-np.arctan2(np.sqrt(1 / 3), np.sqrt(2 / 3))).T
    return normals


def random_steps(rng: np.random.Generator, n: int, faulted: bool) -> tuple[np.ndarray, str]:
    """Draw the sequence of close-packed planes; also return the fault it contains."""
    steps = np.ones(2 * n + 1, dtype=int)
    if not faulted:
        return steps, "none"
    fault = str(rng.choice(["twin", "double twin", "stacking fault"], p=[0.5, 0.2, 0.3]))
    at = n + int(rng.integers(-max(1, n // 3), max(1, n // 3) + 1))
    if fault == "twin":
        steps[at:] = -1
    elif fault == "double twin":
        steps[at : at + int(rng.integers(2, 6))] = -1
    else:
        steps[at] = -1
    return steps, fault


def particle(
    rng: np.random.Generator,
    number: int,
    lattice_constant: float,
    zone: str,
    radius: float,
    elongation: float,
    faulted: bool,
    tilt: float,
) -> tuple[AtomList, dict]:
    """Make one particle about the origin."""
    a = lattice_constant
    farthest = 1.3 * radius + 0.5 * a
    reach = farthest * max(1, elongation) / a + 1
    fault = "none"
    normals = facet_normals(zone)
    if zone == "110":
        n = int(np.ceil(reach * np.sqrt(3)))
        steps, fault = random_steps(rng, n, faulted)
        positions, column = stacked_lattice(steps, reach)
        flipped = steps[np.round(positions[:, 0] * np.sqrt(3)).astype(int) + n] < 0
    else:
        positions, column = square_lattice(reach)
        flipped = np.zeros(len(positions), dtype=bool)
    positions = positions * a

    distance = radius * rng.uniform(0.8, 1.2, len(normals))
    distance *= 1 + (elongation - 1) * np.abs(normals[:, 2])
    middle = (rng.random(3) - 0.5) * a
    # A twin has the facets of the mirrored crystal.
    mirrored = np.where(flipped[:, None], [-1, 1, 1], 1) * (positions - middle)
    inside = (mirrored @ normals.T <= distance).all(axis=1)
    for side in (-1, 1):
        lean, azimuth = rng.uniform(0, 0.5), rng.uniform(0, 2 * np.pi)
        direction = [np.sin(lean) * np.cos(azimuth), np.sin(lean) * np.sin(azimuth), np.cos(lean)]
        height = radius * elongation * rng.uniform(0.3, 1.2)
        inside &= side * (positions - middle) @ np.array(direction) <= height

    squeezed = (positions - middle) / [1, 1, max(1, elongation)]
    near = np.linalg.norm(squeezed, axis=1) <= farthest
    positions, column, inside = positions[near], column[near], inside[near]
    occupied = weathered(rng, positions, inside, a / np.sqrt(2), 0.6, (0.6, 2.0))
    positions, column = positions[occupied], column[occupied]
    if not len(positions):
        raise ValueError(
            f"A particle of radius {radius:.3g} Å and elongation {elongation:.3g} is too thin to "
            "hold an atom: raise either until their product is 3.5 Å or more."
        )

    angle, azimuth = rng.uniform(0, 2 * np.pi, 2)
    positions = (positions - positions.mean(axis=0)) @ rotation(angle).T
    positions = positions @ tilt_matrix(tilt, azimuth).T
    description = {
        "fault": fault,
        "tilt": float(tilt),
        "angle": float(np.degrees(angle)),
        "radius": float(radius),
        "elongation": float(elongation),
    }
    return AtomList(np.full(len(positions), number), positions, column), description
