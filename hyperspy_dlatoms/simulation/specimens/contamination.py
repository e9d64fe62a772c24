# SPDX-License-Identifier: GPL-3.0-or-later
"""Contamination of a sheet: patches of amorphous carbon, and adatoms."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.amorphous import carbon_atoms
from hyperspy_dlatoms.simulation.specimens.regions import smooth_field, threshold_field
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList

CLEARANCE = 1.9  # Distance of contamination from a sheet (Å).


def contamination(
    rng: np.random.Generator,
    sheet: np.ndarray,
    size: float,
    thickness: float,
    coverage: float,
    clearance: float = CLEARANCE,
) -> tuple[AtomList, np.ndarray]:
    """Make patches of amorphous carbon, up to `thickness` (Å), thinner towards their edges."""
    # Also returns the thickness (Å) over each atom of the `sheet` (n, 3).
    values = smooth_field(rng, size, scale=rng.uniform(20, 50))
    threshold = threshold_field(values, size, coverage)
    slope = rng.uniform(6, 40)

    def local(points: np.ndarray) -> np.ndarray:
        return np.clip(slope * (values(points) - threshold), 0, thickness)

    film = carbon_atoms(rng, size, thickness, density=rng.uniform(1.4, 2.0))
    film = film.select(film.positions[:, 2] < local(film.positions[:, :2]))
    if len(sheet):
        below = sheet[cKDTree(sheet[:, :2]).query(film.positions[:, :2])[1], 2]
        side = rng.choice([-1, 1])
        film.positions[:, 2] = below + side * (film.positions[:, 2] + clearance)
    return film, local(sheet[:, :2])


def adatoms(
    rng: np.random.Generator,
    sheet: np.ndarray,
    count: int,
    numbers: tuple[int, ...] = (6, 14),
    clearance: float = CLEARANCE,
) -> AtomList:
    """Put single atoms `clearance` (Å) above bonds and atoms of a sheet (n, 3)."""
    count = min(count, len(sheet) // 3)
    chosen = rng.choice(len(sheet), size=count, replace=False)
    neighbour = cKDTree(sheet).query(sheet[chosen], k=2)[1][:, 1]
    bridge = rng.random((count, 1)) < 0.5
    place = np.where(bridge, (sheet[chosen] + sheet[neighbour]) / 2, sheet[chosen])
    place = place + np.array([0, 0, clearance]) * rng.choice([-1, 1], (count, 1))
    return AtomList.without_sites(rng.choice(numbers, count), place)
