# SPDX-License-Identifier: GPL-3.0-or-later
"""A specimen: its atoms, and the sites that a network must find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from hyperspy_dlatoms.simulation.specimens.regions import in_box

if TYPE_CHECKING:
    from ase import Atoms

KINDS = ("site",)  # Kinds of sites of a specimen that does not distinguish its sites.
MARGIN = 2.0  # Empty space above and below the atoms along the beam (Å).


class AtomList(NamedTuple):
    """Atoms as plain arrays, exchanged by the builders."""

    numbers: np.ndarray
    positions: np.ndarray  # x, y, z, (n, 3), Å.
    column: np.ndarray  # The column that each atom belongs to, -1 for atoms that are not sites.

    def select(self, mask: np.ndarray) -> AtomList:
        """Return the atoms for which `mask` (bool, shape (n,)) is true."""
        return AtomList(self.numbers[mask], self.positions[mask], self.column[mask])

    def shift(self, vector: np.ndarray) -> AtomList:
        """Return the atoms moved by `vector` (x, y, z in Å)."""
        return self._replace(positions=self.positions + vector)

    @classmethod
    def without_sites(cls, numbers: np.ndarray | int, positions: np.ndarray) -> AtomList:
        """Make atoms that are not sites from atomic numbers and positions (n, 3) in Å."""
        n = len(positions)
        return cls(
            np.broadcast_to(np.asarray(numbers, dtype=int), (n,)).copy(),
            np.asarray(positions, dtype=float).reshape(n, 3),
            np.full(n, -1),
        )


def atomic_number(symbol: str, name: str = "element", such_as: str = "Au") -> int:
    """Return the atomic number of a chemical symbol; `name` is the argument that holds it."""
    from ase.data import atomic_numbers

    if symbol not in atomic_numbers:
        raise ValueError(
            f"{name} {symbol!r} is not a chemical symbol: give one such as {such_as!r}."
        )
    return int(atomic_numbers[symbol])


def join(*parts: AtomList) -> AtomList:
    """Join lists of atoms; the columns of each stay distinct."""
    start, columns = 0, []
    for part in parts:
        columns.append(np.where(part.column < 0, -1, part.column + start))
        start += int(part.column.max(initial=-1)) + 1
    return AtomList(
        np.concatenate([p.numbers for p in parts]),
        np.concatenate([p.positions for p in parts]),
        np.concatenate(columns),
    )


@dataclass(frozen=True, eq=False)
class Specimen:
    """Atoms in a box that is periodic across the beam, and the sites among them.

    Parameters
    ----------
    atoms : ase.Atoms
        The atoms; cell (L, L, thickness) in Å, beam along z.
    column : numpy.ndarray
        The column (site) that each atom belongs to, shape (n_atoms,), int, numbered from 0
        without gaps; -1 for atoms that are not sites (support, film, contamination, adatoms).
    description : dict
        What the specimen is, in plain Python values that JSON can hold.
    kinds : tuple of str
        Names of the kinds of sites, for instance ("Mo", "S", "Mo vacancy", "S vacancy").
    species : numpy.ndarray, optional
        Kind of each column, then of each vacant site, shape (n_columns + m,), int, an index into
        `kinds`; by default all are of the first kind.
    vacant : numpy.ndarray, optional
        Sites without atoms, shape (m, 2): x, y where the atoms would be (Å); by default none.
    """

    atoms: Atoms
    column: np.ndarray
    description: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = KINDS
    species: np.ndarray | None = None
    vacant: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def __post_init__(self) -> None:
        """Check that every atom has a column, and every site a kind."""
        if np.shape(self.column) != (len(self.atoms),):
            raise ValueError(
                f"column has shape {np.shape(self.column)}, expected ({len(self.atoms)},): "
                "give one column index for each atom, -1 for atoms that are not sites."
            )
        n = int(self.column.max(initial=-1)) + 1 + len(self.vacant)
        if self.species is None:
            object.__setattr__(self, "species", np.zeros(n, int))
        elif (
            np.shape(self.species) != (n,)
            or not np.isin(self.species, range(len(self.kinds))).all()
        ):
            raise ValueError(
                f"species has shape {np.shape(self.species)}, expected ({n},): give one index into "
                f"the kinds {self.kinds} for each column, then one for each vacant site."
            )

    @classmethod
    def from_list(
        cls,
        parts: AtomList,
        size: float,
        description: dict[str, Any],
        kinds: tuple[str, ...] = KINDS,
        species: np.ndarray | None = None,
        vacant: np.ndarray | None = None,
        vacant_species: np.ndarray | None = None,
    ) -> Specimen:
        """Put a list of atoms into a box of edge `size` (Å), cropped at its edges."""
        from ase import Atoms

        parts = parts.select(in_box(parts.positions, size))
        positions = parts.positions.copy()
        thickness = 2 * MARGIN
        if len(positions):
            positions[:, 2] += MARGIN - positions[:, 2].min()
            thickness = positions[:, 2].max() + MARGIN
        column, is_site = np.full(parts.column.shape, -1), parts.column >= 0
        column[is_site], columns = pd.factorize(parts.column[is_site])
        kind = np.zeros(len(columns), int) if species is None else np.asarray(species)[columns]
        vacant = np.zeros((0, 2)) if vacant is None else np.asarray(vacant, float)
        inside = in_box(vacant, size)
        if vacant_species is not None:
            kind = np.concatenate([kind, np.asarray(vacant_species)[inside]])
        vacant = vacant[inside]
        atoms = Atoms(
            parts.numbers,
            positions=positions,
            cell=(size, size, thickness),
            pbc=(True, True, False),
        )
        counts = {"size": float(size), "atoms": len(atoms), "sites": len(columns) + len(vacant)}
        return cls(atoms, column, {**description, **counts}, kinds, kind, vacant)

    @property
    def size(self) -> float:
        """Edge of the box across the beam (Å)."""
        return float(self.atoms.cell.lengths()[0])

    def sites(self, positions: np.ndarray | None = None) -> np.ndarray:
        """Return y, x (Å) and height of the sites, (n, 3); with atoms at `positions` if given."""
        return self.sites_and_species(positions)[0]

    def sites_and_species(
        self, positions: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sites as :meth:`sites` does, and the kind of each."""
        if positions is None:
            positions = self.atoms.positions
        positions = np.asarray(positions, dtype=float)
        if positions.shape != (len(self.atoms), 3):
            raise ValueError(
                f"positions has shape {positions.shape}, expected ({len(self.atoms)}, 3): "
                "give x, y, z in Å for every atom of the specimen, in its order."
            )
        is_site = self.column >= 0
        column, xy = self.column[is_site], positions[is_site, :2]
        n = int(column.max(initial=-1)) + 1
        height = np.bincount(column, minlength=n)
        y, x = (
            np.bincount(column, weights=xy[:, axis], minlength=n) / np.maximum(height, 1)
            for axis in (1, 0)
        )
        inside = (height > 0) & (y >= 0) & (y < self.size) & (x >= 0) & (x < self.size)
        inside = np.append(inside, np.ones(len(self.vacant), bool))
        empty = np.column_stack([self.vacant[:, ::-1], np.zeros(len(self.vacant))])
        sites = np.vstack([np.column_stack([y, x, height]).astype(float), empty])
        return sites[inside], np.asarray(self.species)[inside]
