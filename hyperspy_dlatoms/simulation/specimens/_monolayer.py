# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit cells of single layers in projection: the sites, and the atoms in each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

DICHALCOGENIDES = {
    "MoS2": (3.160, 3.172),
    "WS2": (3.153, 3.142),
    "MoSe2": (3.288, 3.338),
    "WSe2": (3.282, 3.340),
}
"""Lattice constant, and distance of the two chalcogen planes (Å), of 2H crystals.

W. J. Schutte, J. L. De Boer and F. Jellinek, Crystal structures of tungsten disulfide and
diselenide, J. Solid State Chem. 70 (1987) 207; for molybdenum P. B. James and M. T. Lavik, Acta
Cryst. 16 (1963) 1183.
"""

BORON_NITRIDE = 2.504
"""Lattice constant of hexagonal boron nitride (Å)."""

FORMULAS = (*DICHALCOGENIDES, "BN")

NONMETALS = frozenset({"H", "C", "N", "O", "F", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"})
"""Elements that take the place of the others in a compound."""

OVERLAP = 0.3
"""Atoms nearer than this in projection are of one site (Å)."""


class Monolayer(NamedTuple):
    """Unit cell of a single layer."""

    # The lattice vectors as rows, (2, 2), and x, y of the sites, (k, 2), Å.
    vectors: np.ndarray
    points: np.ndarray
    # Atomic numbers of each site, 0 where it has fewer atoms than others, (k, m), and their z (Å).
    numbers: np.ndarray
    heights: np.ndarray
    # Kind of each site: its elements.
    names: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of sites: those with all their atoms, then those that lack some or all."""
        whole = tuple(dict.fromkeys(self.names))
        return whole + tuple(f"{name} vacancy" for name in whole)

    @property
    def metallic(self) -> np.ndarray:
        """Which sites are not of nonmetals alone, shape (k,), bool; all if that is none."""
        from ase.data import atomic_numbers

        nonmetals = [0, *(atomic_numbers[symbol] for symbol in NONMETALS)]
        metallic = ~np.all(np.isin(self.numbers, nonmetals), axis=1)
        return metallic if metallic.any() else np.ones(len(metallic), bool)

    @property
    def spacing(self) -> float:
        """Least distance of two sites (Å)."""
        points, _ = self.lattice(0.0, np.zeros(2), -30.0, 30.0)
        return float(cKDTree(points).query(self.points, k=2)[0][:, 1].min())

    @property
    def reach(self) -> float:
        """Distance within which each site has at least its nearest neighbours (Å)."""
        points, _ = self.lattice(0.0, np.zeros(2), -30.0, 30.0)
        return 1.25 * float(cKDTree(points).query(self.points, k=2)[0][:, 1].max())

    def lattice(
        self, angle: float, origin: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Repeat the cell, turned about `origin`, within a square from `low` to `high` (Å).

        Returns x, y (n, 2) and the number in the cell (n,) of the sites.
        """
        c, s = np.cos(angle), np.sin(angle)
        turned = np.array([[c, s], [-s, c]])
        vectors, points = self.vectors @ turned, self.points @ turned
        # Cells within a disc about the square, for the thinnest direction of the cell.
        thin = abs(np.linalg.det(vectors)) / np.linalg.norm(vectors, axis=1).max()
        middle = np.full(2, (low + high) / 2)
        n = int(np.ceil((high - low) / thin)) + 2
        home = np.round(np.linalg.solve(vectors.T, middle - origin)).astype(int)
        index = np.mgrid[-n : n + 1, -n : n + 1].reshape(2, -1).T + home
        every = (index @ vectors)[:, None] + points + origin
        site = np.broadcast_to(np.arange(len(points)), every.shape[:2]).ravel()
        every = every.reshape(-1, 2)
        inside = ((every >= low) & (every <= high)).all(axis=1)
        return every[inside], site[inside]


def monolayer(formula: str | None = "MoS2", file: str | Path | None = None) -> Monolayer:
    """Return the unit cell of a formula, or of the layer that a file holds."""
    from ase.build import graphene, mx2

    if file is not None:
        return _read(Path(file))
    if formula == "BN":
        return _from_atoms(graphene("BN", a=BORON_NITRIDE))
    if formula not in DICHALCOGENIDES:
        raise ValueError(
            f"formula {formula!r} is not known: expected one of {', '.join(FORMULAS)}, or give the "
            "file of a layer."
        )
    constant, thickness = DICHALCOGENIDES[formula]
    return _from_atoms(mx2(formula, "2H", constant, thickness))


def _read(path: Path) -> Monolayer:
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        atoms = read(path)
    except (UnknownFileTypeError, ValueError, LookupError, AssertionError) as error:
        raise ValueError(f"{path} holds no structure that ASE reads ({error}).") from error
    flat = np.abs(atoms.cell[:2, 2]).max() < 1e-3
    if len(atoms) == 0 or not flat or abs(np.linalg.det(atoms.cell[:2, :2])) < 1:
        raise ValueError(
            f"{path} holds no layer: expected atoms in a cell whose first two vectors are in the "
            "plane across z."
        )
    return _from_atoms(atoms)


def _from_atoms(atoms) -> Monolayer:
    """Gather the atoms over each other into sites."""
    from ase.data import chemical_symbols

    vectors = np.array(atoms.cell[:2, :2])
    position = atoms.positions.copy()
    position[:, 2] -= (position[:, 2].min() + position[:, 2].max()) / 2
    groups: list[list[int]] = []
    for i, xy in enumerate(position[:, :2]):
        for group in groups:
            share = np.linalg.solve(vectors.T, xy - position[group[0], :2])
            if np.linalg.norm((share - np.round(share)) @ vectors) < OVERLAP:
                # The image over the first atom of the site, so that their mean is right.
                position[i, :2] -= np.round(share) @ vectors
                group.append(i)
                break
        else:
            groups.append([i])
    most = max(len(group) for group in groups)
    numbers, heights = np.zeros((len(groups), most), int), np.zeros((len(groups), most))
    points, names = np.empty((len(groups), 2)), []
    for site, group in enumerate(groups):
        numbers[site, : len(group)] = atoms.numbers[group]
        heights[site, : len(group)] = position[group, 2]
        points[site] = position[group, :2].mean(axis=0)
        names.append("".join(dict.fromkeys(chemical_symbols[n] for n in atoms.numbers[group])))
    return Monolayer(vectors, points, numbers, heights, tuple(names))
