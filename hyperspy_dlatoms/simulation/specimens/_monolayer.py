# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit cells of single layers in projection: the sites, and the atoms in each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

# Lattice constant and spacing of the two chalcogen planes (Å) in 2H crystals. W. J. Schutte, J.
# L. De Boer and F. Jellinek, Crystal structures of tungsten disulfide and diselenide, J. Solid
# State Chem. 70 (1987) 207; for molybdenum P. B. James and M. T. Lavik, Acta Cryst. 16 (1963) 1183;
# MoTe2: D. Puotinen and R. E. Newnham, Acta Cryst. 14 (1961) 691; WTe2, whose stable phase is 1T',
# calculated: S. Haastrup et al., 2D Materials 5 (2018) 042002.
DICHALCOGENIDES = {
    "MoS2": (3.160, 3.172),
    "WS2": (3.153, 3.142),
    "MoSe2": (3.288, 3.338),
    "WSe2": (3.282, 3.340),
    "MoTe2": (3.519, 3.604),
    "WTe2": (3.553, 3.620),
}
# Phases of dichalcogenides; ASE names the first two. 1T' is 1T with its metals in zigzag rows.
PHASES = ("2H", "1T", "1T'")
# The cell of 1T' is that of WTe2: A. Mar, S. Jobic and J. A. Ibers, J. Am. Chem. Soc. 114 (1992)
# 8963. There the mean spacing of the chalcogen planes is 3.55 Å.
DISTORTED = (
    # Fractions of the short and of the long edge, and z in spacings of the chalcogen planes.
    ("M", 0.0, 0.6007, -0.030),
    ("M", 0.5, 0.9602, 0.030),
    ("X", 0.0, 0.8571, 0.582),
    ("X", 0.5, 0.3537, 0.401),
    ("X", 0.0, 0.2073, -0.401),
    ("X", 0.5, 0.7018, -0.582),
)
# Long edge of the 1T' cell in units of the short one; 1.74-1.82 in all known ones.
LONG_EDGE = 1.797
# Short edge of 1T' in 2H lattice constants, from WTe2 (3.477 Å) and MoTe2 (3.469 Å).
SHORT_EDGE = 0.98
RANDOM = "MX2"  # The formula of a dichalcogenide whose elements and size are drawn.
# Atomic numbers that those elements are drawn from.
METALS, CHALCOGENS = range(22, 81), range(8, 53)
# Ratio of atomic numbers, metal to chalcogen, above which the chalcogen is hardly seen beside the
# metal; in WS2 it is 4.6.
LIGHTEST = 6
# Names of the kinds of elements in a compound, where the elements themselves do not matter.
ROLES = ("metal", "chalcogen")
BOND = 0.93  # Bond length in sums of covalent radii: from 0.91 in MoTe2 to 0.94 in MoS2.
CONSTANT = 1.31  # Lattice constant in bond lengths, within 2 % for all `DICHALCOGENIDES`.
BORON_NITRIDE = 2.504  # Lattice constant of hexagonal boron nitride (Å).
FORMULAS = (*DICHALCOGENIDES, "BN")

# Elements that take the place of the others in a compound.
NONMETALS = frozenset({"H", "C", "N", "O", "F", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"})
OVERLAP = 0.3  # Atoms nearer than this in projection share a site (Å).


class Monolayer(NamedTuple):
    """Unit cell of a single layer."""

    # The lattice vectors as rows, (2, 2), and x, y of the sites, (k, 2), Å.
    vectors: np.ndarray
    points: np.ndarray
    # Atomic numbers of each site, 0 where it has fewer atoms than others, (k, m), and their z (Å).
    numbers: np.ndarray
    heights: np.ndarray
    names: tuple[str, ...]  # Kind of each site: its elements, or its role.
    # Whether each site is of the metal, where the elements do not tell, (k,) bool.
    of_metal: tuple[bool, ...] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of sites: those with all their atoms, then those that lack some or all."""
        whole = tuple(dict.fromkeys(self.names))
        return whole + tuple(f"{name} vacancy" for name in whole)

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols of the elements, those of the metal first."""
        from ase.data import chemical_symbols

        order = np.argsort(~self.metallic, kind="stable")
        numbers = dict.fromkeys(int(n) for n in self.numbers[order].flat if n > 0)
        return tuple(chemical_symbols[n] for n in numbers)

    @property
    def by_roles(self) -> Monolayer:
        """The same layer, with its kinds of sites named by role instead of element."""
        metallic = tuple(self.metallic.tolist())
        names = tuple(ROLES[0 if one else 1] for one in metallic)
        return self._replace(names=names, of_metal=metallic)

    @property
    def metallic(self) -> np.ndarray:
        """Which sites hold more than nonmetals, shape (k,), bool; all sites if none do."""
        if self.of_metal is not None:
            return np.array(self.of_metal)
        from ase.data import atomic_numbers

        nonmetals = [0, *(atomic_numbers[symbol] for symbol in NONMETALS)]
        metallic = ~np.all(np.isin(self.numbers, nonmetals), axis=1)
        return metallic if metallic.any() else np.ones(len(metallic), bool)

    @property
    def spacing(self) -> float:
        """Least distance between two sites (Å)."""
        return float(self._nearest.min())

    @property
    def reach(self) -> float:
        """Distance within which each site has at least its nearest neighbours (Å)."""
        return 1.25 * float(self._nearest.max())

    @property
    def _nearest(self) -> np.ndarray:
        points, _ = self.lattice(0.0, np.zeros(2), -30.0, 30.0)
        return cKDTree(points).query(self.points, k=2)[0][:, 1]

    def lattice(
        self, angle: float, origin: np.ndarray, low: float, high: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Repeat the cell, rotated about `origin`, within a square from `low` to `high` (Å)."""
        # Returns x, y (n, 2) of the sites and their index in the cell (n,).
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


def monolayer(
    formula: str | None = "MoS2", file: str | Path | None = None, phase: str = "2H"
) -> Monolayer:
    """Return the unit cell of a formula, or of the layer in a file."""
    from ase.build import graphene

    if file is not None:
        return _read(Path(file))
    if formula == "BN":
        return _from_atoms(graphene("BN", a=BORON_NITRIDE))
    if formula not in DICHALCOGENIDES:
        raise ValueError(
            f"formula {formula!r} is not known: expected one of {', '.join(FORMULAS)}, or give a "
            "file that holds a layer."
        )
    constant, thickness = DICHALCOGENIDES[formula]
    return _dichalcogenide(formula, phase, constant, thickness)


def random_dichalcogenide(rng: np.random.Generator, phase: str = "2H") -> Monolayer:
    """Draw the elements and size of a dichalcogenide, with its kinds of sites named by role."""
    # Any of `METALS` and `CHALCOGENS`, so that neither the scattering ratio nor the lattice size
    # identifies an element; bonds are about the sum of the covalent radii.
    from ase.data import chemical_symbols, covalent_radii

    metal, chalcogen = int(rng.choice(METALS)), int(rng.choice(CHALCOGENS))
    while chalcogen == metal or metal > LIGHTEST * chalcogen:
        chalcogen = int(rng.choice(CHALCOGENS))
    bond = BOND * float(covalent_radii[metal] + covalent_radii[chalcogen])
    # From 3.0 Å in dioxides, whose sites are 1.7 Å apart, to 4.1 Å in the largest tellurides.
    constant = float(np.clip(CONSTANT * bond * rng.uniform(0.96, 1.04), 3.0, 4.1))
    thickness = 2 * constant * np.sqrt(1 / CONSTANT**2 - 1 / 3) * rng.uniform(0.9, 1.1)
    formula = f"{chemical_symbols[metal]}{chemical_symbols[chalcogen]}2"
    cell = _dichalcogenide(formula, phase, constant, thickness)
    of_metal = (cell.numbers == metal).any(axis=1)
    return cell._replace(of_metal=tuple(of_metal.tolist())).by_roles


def _dichalcogenide(formula: str, phase: str, constant: float, thickness: float) -> Monolayer:
    """Return the cell from the lattice constant and chalcogen plane spacing of 2H (Å)."""
    from ase import Atoms
    from ase.build import mx2

    if phase not in PHASES:
        raise ValueError(f"phase {phase!r} is not known: expected one of {', '.join(PHASES)}.")
    if phase != "1T'":
        return _from_atoms(mx2(formula, phase, constant, thickness))
    short = SHORT_EDGE * constant
    edges = np.array([short, LONG_EDGE * short, thickness])
    metal, chalcogen = dict.fromkeys(Atoms(formula).symbols)
    symbols = [{"M": metal, "X": chalcogen}[one] for one, *_ in DISTORTED]
    positions = np.array([place for _, *place in DISTORTED]) * edges
    return _from_atoms(Atoms(symbols, positions, cell=[*edges[:2], 20.0], pbc=(True, True, False)))


def _read(path: Path) -> Monolayer:
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        atoms = read(path)
    except (UnknownFileTypeError, ValueError, LookupError, AssertionError) as error:
        raise ValueError(f"{path} holds no structure that ASE can read ({error}).") from error
    flat = np.abs(atoms.cell[:2, 2]).max() < 1e-3
    if len(atoms) == 0 or not flat or abs(np.linalg.det(atoms.cell[:2, :2])) < 1:
        raise ValueError(
            f"{path} holds no layer: expected atoms in a cell whose first two vectors lie in the "
            "plane perpendicular to z."
        )
    return _from_atoms(atoms)


def _from_atoms(atoms) -> Monolayer:
    """Gather atoms that lie above each other into sites."""
    from ase.data import chemical_symbols

    vectors = np.array(atoms.cell[:2, :2])
    position = atoms.positions.copy()
    position[:, 2] -= (position[:, 2].min() + position[:, 2].max()) / 2
    groups: list[list[int]] = []
    for i, xy in enumerate(position[:, :2]):
        for group in groups:
            share = np.linalg.solve(vectors.T, xy - position[group[0], :2])
            if np.linalg.norm((share - np.round(share)) @ vectors) < OVERLAP:
                # Take the image nearest the site's first atom, so that the mean is right.
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
