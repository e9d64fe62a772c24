# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a crystal along a zone, and which of them an image can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import connected
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList

if TYPE_CHECKING:
    from ase import Atoms

OVER = 0.35  # Atoms nearer than this across the beam are in one column (Å).
# Columns nearer than this to one of similar strength merge (Å): no lens resolves them.
APART = 0.8
# A column that scatters less than this fraction of a neighbour may not be visible.
FAINT = 0.22
CROWDED = 0.6  # Columns per Å² above which most are nearer than 1.4 Å to another.
BESIDE = 3.0  # Distance within which columns are neighbours (Å).
POWER = 1.3  # The phase shift of an atom goes roughly with this power of the atomic number.


class Projected(NamedTuple):
    """A crystal and the direction along the beam."""

    atoms: Atoms
    zone: tuple[int, int, int]
    frame: np.ndarray  # Rotation from the axes of the cell to x, y, z; rows are positions.

    @property
    def period(self) -> float:
        """Spacing of lattice points along the beam (Å)."""
        return float(np.linalg.norm(np.asarray(self.zone) @ self.atoms.cell.array))

    @property
    def longest_across(self) -> float:
        """Longest edge of the cell (Å)."""
        return float(self.atoms.cell.lengths().max())


def seen_along(atoms: Atoms, zone: tuple[int, int, int]) -> Projected:
    """Return a crystal oriented with a zone along the beam."""
    z = np.asarray(zone) @ atoms.cell.array
    z = z / np.linalg.norm(z)
    x = np.eye(3)[np.argmin(np.abs(z))]
    x = x - (x @ z) * z
    x /= np.linalg.norm(x)
    return Projected(atoms, zone, np.column_stack([x, np.cross(z, x), z]))


def project(crystal: Projected, reach: float) -> tuple[AtomList, float]:
    """Return the atoms of one period along the beam, out to `reach` (Å), and the period (Å)."""
    cell = crystal.atoms.cell.array @ crystal.frame
    period = crystal.period
    # Lattice points whose atoms can lie in the box |x|, |y| <= reach, 0 <= z < period.
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (0, 1)])
    bounds = (corners * [reach, reach, period]) @ np.linalg.inv(cell)
    low, high = np.floor(bounds.min(axis=0)) - 1, np.ceil(bounds.max(axis=0)) + 1
    points = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), -1).reshape(-1, 3)
    basis = crystal.atoms.get_positions(wrap=True) @ crystal.frame
    positions = (points @ cell)[:, None] + basis
    numbers = np.broadcast_to(crystal.atoms.numbers, positions.shape[:2]).ravel()
    positions = positions.reshape(-1, 3)
    # An atom on the border of the period counts once.
    z = positions[:, 2] + 1e-3
    kept = (np.abs(positions[:, :2]) <= reach).all(axis=1) & (z >= 0) & (z < period)
    positions, numbers = positions[kept], numbers[kept]
    return AtomList(numbers, positions, stacked(positions[:, :2])), period


def grouped(xy: np.ndarray, over: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group atoms (n, 2) that are connected by steps of at most `over` (Å) across the beam."""
    # Returns the column of each atom (n,), the mean position of each column (m, 2), and which are
    # smeared (m,): with atoms farther than `over` from their middle.
    column = connected(cKDTree(xy).query_pairs(over, output_type="ndarray"), len(xy))
    middle = _middle(xy, column)
    smeared = np.zeros(len(middle), bool)
    smeared[column[np.linalg.norm(xy - middle[column], axis=1) > over]] = True
    return column, middle, smeared


def stacked(xy: np.ndarray) -> np.ndarray:
    """Return the column of each atom (n,), -1 where atoms merge without a gap."""
    column, _, smeared = grouped(xy, OVER)
    return np.where(smeared[column], -1, column).astype(int)


def kinds_of(parts: AtomList, apart: float = APART) -> np.ndarray:
    """Return the kind of each column: 0 for one to be found, 1 for a light or unresolved one."""
    # Two columns of similar strength closer than `apart` (Å) merge, and neither can be found; a
    # light one scatters little beside its strongest neighbour.
    is_site = parts.column >= 0
    column = parts.column[is_site]
    middle = _middle(parts.positions[is_site, :2], column)
    strength = np.bincount(column, parts.numbers[is_site] ** POWER, minlength=len(middle))
    kind = np.zeros(len(middle), int)
    there = np.flatnonzero(strength > 0)
    pairs = there[cKDTree(middle[there]).query_pairs(BESIDE, output_type="ndarray")]
    first, second = np.r_[pairs, pairs[:, ::-1]].T
    faint = strength[first] < FAINT * strength[second]
    distance = np.linalg.norm(middle[first] - middle[second], axis=1)
    merged = (distance < apart) & (strength[second] > FAINT * strength[first])
    kind[first[faint | merged]] = 1
    return kind


def clear_share(crystal: Projected, apart: float = APART) -> float:
    """Return the fraction of the scattering in columns that can be found, `apart` (Å) or more."""
    # It is 0 if there are more columns than `CROWDED`.
    reach = max(8.0, 0.8 * crystal.longest_across)
    atoms, _ = project(crystal, reach)
    kind = kinds_of(atoms, apart)
    if np.unique(atoms.column[atoms.column >= 0]).size > CROWDED * (2 * reach) ** 2:
        return 0.0
    found = (atoms.column >= 0) & (np.append(kind, 1)[atoms.column] == 0)
    weight = atoms.numbers**POWER
    return float(weight[found].sum() / weight.sum())


def _middle(xy: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the mean position (n, 2) of each column."""
    total = np.stack([np.bincount(column, xy[:, axis]) for axis in (0, 1)], axis=1)
    return total / np.maximum(np.bincount(column), 1)[:, None]
