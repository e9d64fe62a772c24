# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit cells: prototypes of structures with elements drawn, and cells without any prototype."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

ROLES: dict[str, tuple[str, ...]] = {
    "large cation": ("Ca", "Sr", "Ba", "Y", "La", "Ce", "Nd", "Gd", "Pb", "Bi"),
    "rare earth": ("Y", "La", "Ce", "Nd", "Sm", "Gd", "Dy", "Er", "Yb", "Lu", "Sc", "In"),
    "small cation": ("Mg", "Al", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Zn", "Ga", "Sn"),
    "heavy cation": ("Zr", "Nb", "Mo", "Hf", "Ta", "W", "Sn", "Ce", "Th", "Ru"),
    "alkali": ("Li", "Na", "K", "Cs"),
    "oxygen": ("O",),
    "light anion": ("O", "N", "C", "F"),
    "anion": ("O", "N", "C", "S", "Se", "Te", "F", "Cl", "Br", "P", "As"),
    "chalcogen": ("S", "Se", "Te"),
    "donor": ("Zn", "Cd", "Ga", "In", "Al", "Si", "Hg"),
    "acceptor": ("S", "Se", "Te", "P", "As", "Sb", "N", "O", "C"),
    "tetravalent": ("C", "Si", "Ge", "Sn"),
    "transition metal": ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Zr", "Nb", "Mo", "Hf", "W"),
    "noble metal": ("Cu", "Ag", "Au", "Pd", "Pt", "Rh", "Ir", "Ni", "Al"),
    "base metal": ("Al", "Si", "Ga", "Ge", "In", "Sn", "Zn", "Mg", "Sb"),
}
"""Elements that are found on sites of one kind."""


class Prototype(NamedTuple):
    """A structure type: space group, cell, and the role and place of each independent atom."""

    group: int
    # Å; drawn from this range.
    a: tuple[float, float]
    sites: tuple[tuple[str, float, float, float], ...]
    # Of the cell, relative to a.
    b: float = 1.0
    c: float = 1.0
    # Angles of the cell, degrees.
    beta: float = 90.0
    gamma: float = 90.0
    # Choice of the origin in the International Tables.
    setting: int = 1


_L, _R, _S, _H, _O = "large cation", "rare earth", "small cation", "heavy cation", "oxygen"
_X, _T, _N, _B, _Q = "anion", "transition metal", "noble metal", "base metal", "chalcogen"
_A = "light anion"
_THIRD, _TWO_THIRDS = 1 / 3, 2 / 3

PROTOTYPES: dict[str, Prototype] = {
    "bcc": Prototype(229, (2.8, 3.6), ((_T, 0, 0, 0),)),
    "fcc": Prototype(225, (3.5, 4.2), ((_N, 0, 0, 0),)),
    "hcp": Prototype(194, (2.5, 3.3), ((_T, _THIRD, _TWO_THIRDS, 0.25),), c=1.6, gamma=120),
    "diamond": Prototype(227, (3.6, 6.5), (("tetravalent", 0, 0, 0),)),
    "beta tin": Prototype(141, (5.5, 6.1), ((_B, 0, 0, 0),), c=0.546),
    "rocksalt": Prototype(225, (4.1, 6.4), ((_S, 0, 0, 0), (_X, 0.5, 0.5, 0.5))),
    "caesium chloride": Prototype(221, (2.9, 4.2), ((_T, 0, 0, 0), (_B, 0.5, 0.5, 0.5))),
    "zincblende": Prototype(216, (4.3, 6.5), (("donor", 0, 0, 0), ("acceptor", 0.25, 0.25, 0.25))),
    "wurtzite": Prototype(
        186,
        (3.1, 4.6),
        (("donor", _THIRD, _TWO_THIRDS, 0), ("acceptor", _THIRD, _TWO_THIRDS, 0.376)),
        c=1.62,
        gamma=120,
    ),
    "nickel arsenide": Prototype(
        194, (3.4, 4.1), ((_T, 0, 0, 0), ("acceptor", _THIRD, _TWO_THIRDS, 0.25)), c=1.4, gamma=120
    ),
    "tungsten carbide": Prototype(
        187, (2.8, 3.2), ((_T, 0, 0, 0), (_A, _THIRD, _TWO_THIRDS, 0.5)), c=0.976, gamma=120
    ),
    "aluminium boride": Prototype(
        191, (3.0, 3.3), ((_T, 0, 0, 0), (_A, _THIRD, _TWO_THIRDS, 0.5)), c=1.07, gamma=120
    ),
    "fluorite": Prototype(225, (5.0, 6.2), ((_H, 0, 0, 0), (_O, 0.25, 0.25, 0.25))),
    "antifluorite": Prototype(225, (5.6, 6.8), ((_Q, 0, 0, 0), (_S, 0.25, 0.25, 0.25))),
    "rutile": Prototype(136, (4.4, 4.9), ((_S, 0, 0, 0), (_O, 0.305, 0.305, 0)), c=0.66),
    "anatase": Prototype(141, (3.7, 4.0), ((_S, 0, 0, 0), (_O, 0, 0, 0.208)), c=2.51),
    "baddeleyite": Prototype(
        14,
        (5.0, 5.3),
        ((_H, 0.275, 0.04, 0.208), (_O, 0.07, 0.33, 0.345), (_O, 0.45, 0.757, 0.48)),
        b=1.012,
        c=1.033,
        beta=99.2,
    ),
    "pyrite": Prototype(205, (5.4, 6.1), ((_T, 0, 0, 0), (_Q, 0.385, 0.385, 0.385))),
    "corundum": Prototype(
        167, (4.7, 5.5), ((_S, 0, 0, 0.352), (_O, 0.306, 0, 0.25)), c=2.7, gamma=120
    ),
    "bixbyite": Prototype(
        206, (9.6, 11.2), ((_R, 0.25, 0.25, 0.25), (_R, 0.968, 0, 0.25), (_O, 0.391, 0.152, 0.381))
    ),
    "quartz": Prototype(
        152,
        (4.8, 5.1),
        (("tetravalent", 0.47, 0, _THIRD), (_O, 0.413, 0.266, 0.119 + _TWO_THIRDS)),
        c=1.1,
        gamma=120,
    ),
    "beta silicon nitride": Prototype(
        176,
        (7.5, 7.8),
        (
            ("tetravalent", 0.174, 0.769, 0.25),
            (_A, _THIRD, _TWO_THIRDS, 0.25),
            (_A, 0.33, 0.03, 0.25),
        ),
        c=0.383,
        gamma=120,
    ),
    "cadmium iodide": Prototype(
        164, (3.2, 4.2), ((_T, 0, 0, 0), (_Q, _THIRD, _TWO_THIRDS, 0.25)), c=1.65, gamma=120
    ),
    "2H dichalcogenide": Prototype(
        194,
        (3.1, 3.6),
        ((_T, _THIRD, _TWO_THIRDS, 0.25), (_Q, _THIRD, _TWO_THIRDS, 0.621)),
        c=3.8,
        gamma=120,
    ),
    "bismuth telluride": Prototype(
        166, (4.0, 4.4), ((_B, 0, 0, 0.4), (_Q, 0, 0, 0), (_Q, 0, 0, 0.21)), c=6.95, gamma=120
    ),
    "layered oxide": Prototype(
        166, (2.8, 3.1), (("alkali", 0, 0, 0.5), (_S, 0, 0, 0), (_O, 0, 0, 0.24)), c=5.0, gamma=120
    ),
    "delafossite": Prototype(
        166, (2.9, 3.2), ((_N, 0, 0, 0), (_S, 0, 0, 0.5), (_O, 0, 0, 0.107)), c=5.7, gamma=120
    ),
    "perovskite": Prototype(
        221, (3.8, 4.25), ((_L, 0, 0, 0), (_S, 0.5, 0.5, 0.5), (_O, 0.5, 0.5, 0))
    ),
    "tetragonal perovskite": Prototype(
        99,
        (3.85, 4.05),
        ((_L, 0, 0, 0), (_S, 0.5, 0.5, 0.54), (_O, 0.5, 0.5, 0.11), (_O, 0.5, 0, 0.62)),
        c=1.04,
    ),
    "orthorhombic perovskite": Prototype(
        62,
        (5.4, 5.8),
        ((_L, 0.03, 0.25, 0.99), (_S, 0, 0, 0.5), (_O, 0.48, 0.25, 0.08), (_O, 0.29, 0.04, 0.72)),
        b=1.39,
        c=0.98,
    ),
    "double perovskite": Prototype(
        225,
        (7.8, 8.4),
        ((_L, 0.25, 0.25, 0.25), (_S, 0, 0, 0), (_H, 0.5, 0.5, 0.5), (_O, 0.25, 0, 0)),
    ),
    "Ruddlesden-Popper": Prototype(
        139,
        (3.7, 4.0),
        ((_L, 0, 0, 0.355), (_S, 0, 0, 0), (_O, 0, 0.5, 0), (_O, 0, 0, 0.16)),
        c=3.33,
    ),
    "cuprate": Prototype(
        123,
        (3.8, 3.95),
        (
            (_R, 0.5, 0.5, 0.5),
            (_L, 0.5, 0.5, 0.184),
            (_S, 0, 0, 0),
            (_S, 0, 0, 0.355),
            (_O, 0, 0.5, 0),
            (_O, 0.5, 0, 0.378),
            (_O, 0, 0, 0.16),
        ),
        c=3.04,
    ),
    "spinel": Prototype(
        227,
        (7.9, 8.7),
        ((_S, 0.125, 0.125, 0.125), (_S, 0.5, 0.5, 0.5), (_O, 0.262, 0.262, 0.262)),
        setting=2,
    ),
    "pyrochlore": Prototype(
        227,
        (10.0, 10.7),
        ((_R, 0.5, 0.5, 0.5), (_H, 0, 0, 0), (_O, 0.33, 0.125, 0.125), (_O, 0.375, 0.375, 0.375)),
        setting=2,
    ),
    "garnet": Prototype(
        230,
        (11.6, 12.6),
        ((_R, 0.125, 0, 0.25), (_S, 0, 0, 0), (_S, 0.375, 0, 0.25), (_O, 0.97, 0.05, 0.15)),
    ),
    "olivine": Prototype(
        62,
        (10.1, 10.5),
        (
            ("alkali", 0, 0, 0),
            (_S, 0.282, 0.25, 0.975),
            ("tetravalent", 0.095, 0.25, 0.418),
            (_O, 0.097, 0.25, 0.743),
            (_O, 0.457, 0.25, 0.206),
            (_O, 0.166, 0.047, 0.285),
        ),
        b=0.582,
        c=0.454,
    ),
    "chalcopyrite": Prototype(
        122, (5.2, 5.9), ((_N, 0, 0, 0), (_B, 0, 0, 0.5), (_Q, 0.25, 0.25, 0.125)), c=1.99
    ),
    "L1_2": Prototype(221, (3.5, 4.2), ((_B, 0, 0, 0), (_N, 0, 0.5, 0.5))),
    "L1_0": Prototype(123, (2.7, 2.9), ((_T, 0, 0, 0), (_N, 0.5, 0.5, 0.5)), c=1.33),
    "D0_19": Prototype(
        194,
        (5.2, 5.9),
        ((_B, _THIRD, _TWO_THIRDS, 0.25), (_T, 5 / 6, _TWO_THIRDS, 0.25)),
        c=0.8,
        gamma=120,
    ),
    "D0_22": Prototype(
        139, (3.7, 4.0), ((_T, 0, 0, 0), (_B, 0, 0, 0.5), (_B, 0, 0.5, 0.25)), c=2.2
    ),
    "A15": Prototype(223, (4.6, 5.3), ((_B, 0, 0, 0), (_T, 0.25, 0, 0.5))),
    "cubic Laves phase": Prototype(
        227, (7.0, 7.9), ((_R, 0.125, 0.125, 0.125), (_T, 0.5, 0.5, 0.5)), setting=2
    ),
    "hexagonal Laves phase": Prototype(
        194,
        (4.8, 5.3),
        ((_H, _THIRD, _TWO_THIRDS, 0.062), (_T, 0, 0, 0), (_T, 0.83, 0.66, 0.25)),
        c=1.63,
        gamma=120,
    ),
    "half-Heusler": Prototype(
        216, (5.6, 6.3), ((_T, 0, 0, 0), (_S, 0.25, 0.25, 0.25), (_B, 0.5, 0.5, 0.5))
    ),
    "Heusler": Prototype(
        225, (5.6, 6.3), ((_B, 0, 0, 0), (_T, 0.25, 0.25, 0.25), (_S, 0.5, 0.5, 0.5))
    ),
    "hexaboride": Prototype(221, (4.0, 4.3), ((_R, 0, 0, 0), (_A, 0.2, 0.5, 0.5))),
    "MAX 211": Prototype(
        194,
        (2.9, 3.3),
        ((_T, _THIRD, _TWO_THIRDS, 0.086), (_B, _THIRD, _TWO_THIRDS, 0.75), (_A, 0, 0, 0)),
        c=4.4,
        gamma=120,
    ),
    "MAX 312": Prototype(
        194,
        (3.0, 3.2),
        (
            (_T, 0, 0, 0),
            (_T, _THIRD, _TWO_THIRDS, 0.135),
            (_B, 0, 0, 0.25),
            (_A, _THIRD, _TWO_THIRDS, 0.572),
        ),
        c=5.75,
        gamma=120,
    ),
}
"""Structure types by name; coordinates as in the International Tables and in R. W. G. Wyckoff,
Crystal Structures, 2nd ed. (1963)."""

BETWEEN = 1.7
"""Least distance of two atoms of a random cell (Å): that of a short bond to a metal."""

ACROSS = 0.9
"""Least distance of two columns of a random cell (Å): nearer ones cannot be told apart."""


def prototype_cell(rng: np.random.Generator, name: str) -> Atoms:
    """Return a cell of a structure type, elements drawn, and a, b, c, off by up to 1.5 %."""
    from ase.spacegroup import crystal

    kind = PROTOTYPES[name]
    a = rng.uniform(*kind.a)
    lengths = a * np.array([1, kind.b, kind.c])
    if kind.b != 1 or kind.c != 1:
        lengths *= rng.uniform(0.985, 1.015) if kind.b == 1 else rng.uniform(0.985, 1.015, 3)
        lengths[:2] = lengths[0] if kind.b == 1 else lengths[:2]
    # Atoms of one role on different sites are of one element half of the time.
    alike = rng.random() < 0.5
    drawn: dict[str, str] = {}
    symbols = []
    for role, *_ in kind.sites:
        if role not in drawn or not alike:
            drawn[role] = str(rng.choice(ROLES[role]))
        symbols.append(drawn[role])
    return crystal(
        symbols,
        [site[1:] for site in kind.sites],
        spacegroup=kind.group,
        setting=kind.setting,
        cellpar=[*lengths, 90, kind.beta, kind.gamma],
    )


def random_cell(rng: np.random.Generator) -> Atoms:
    """Return an oblique cell of one to six columns of any elements: none is known by heart."""
    # The columns are along its third axis; each has one or two atoms a period.
    from ase import Atoms

    period = rng.uniform(2.5, 5.5)
    while True:
        wanted = int(rng.integers(1, 7))
        # A column takes 2 to 14 Å² in common crystals.
        a, b = rng.uniform(2.2, 7.5, 2)
        gamma = np.radians(rng.choice([90.0, 120.0, rng.uniform(60, 120)], p=[0.4, 0.2, 0.4]))
        if 2.0 * wanted <= a * b * np.sin(gamma) <= 14.0 * wanted:
            break
    cell = np.array([[a, 0, 0], [b * np.cos(gamma), b * np.sin(gamma), 0], [0, 0, period]])
    palette = rng.integers(5, 93, int(rng.integers(1, 4)))
    numbers: list[int] = []
    positions: list[np.ndarray] = []
    images = (
        np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ cell
    )
    for _ in range(60):
        place = np.append(rng.random(2), 0) @ cell
        z = rng.random() * period + np.arange(
            2 if period > 2 * BETWEEN and rng.random() < 0.4 else 1
        ) * (period / 2)
        column = place + np.outer(z, [0, 0, 1])
        if positions:
            apart = column[:, None, None] - np.array(positions)[:, None] + images
            if (
                np.linalg.norm(apart, axis=-1).min() < BETWEEN
                or np.linalg.norm(apart[..., :2], axis=-1).min() < ACROSS
            ):
                continue
        positions.extend(column)
        numbers.extend(
            rng.choice(palette, len(column))
            if rng.random() < 0.2
            else [rng.choice(palette)] * len(column)
        )
        wanted -= 1
        if not wanted:
            break
    return Atoms(np.array(numbers, int), positions=positions, cell=cell, pbc=True)


def cell_of_file(file: str) -> Atoms:
    """Read the unit cell of a CIF or any other file that ASE reads."""
    from ase.io import read

    try:
        atoms = read(file)
    except Exception as error:
        raise ValueError(f"{file} cannot be read by ASE as a crystal: {error}") from error
    if not atoms.cell.rank == 3 or len(atoms) == 0:
        raise ValueError(f"{file} holds no crystal: expected atoms in a cell of three vectors.")
    return atoms
