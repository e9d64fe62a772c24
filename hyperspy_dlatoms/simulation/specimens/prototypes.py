# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit cells: structure prototypes with random elements, and cells without a prototype."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms._warnings import DLAtomsWarning, warn

if TYPE_CHECKING:
    from ase import Atoms
    from ase.io.cif import CIFBlock

# Elements found on the same kind of site.
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


class Prototype(NamedTuple):
    """A structure type: space group, cell, and role and position of each independent atom."""

    group: int
    # Å; drawn from this range.
    a: tuple[float, float]
    sites: list[tuple[str, float, float, float]]
    # Of the cell, relative to a.
    b: float = 1.0
    c: float = 1.0
    # Angles of the cell, degrees.
    beta: float = 90.0
    gamma: float = 90.0
    setting: int = 1  # Choice of the origin in the International Tables.


# Structure types by name; coordinates as in the International Tables and in R. W. G. Wyckoff,
# Crystal Structures, 2nd ed. (1963).
PROTOTYPES = {
    name: Prototype(**one | {"a": tuple(one["a"])})
    for name, one in json.loads(
        Path(__file__).with_name("prototypes.json").read_text("utf-8")
    ).items()
}
BETWEEN = 1.7  # Least distance between atoms of a random cell (Å): a short bond to a metal.
# Least distance between columns of a random cell (Å): closer ones cannot be told apart.
ACROSS = 0.9

# Å: atoms closer than this are images of a split site; in crystals only those of H2 are closer.
_NEAREST = 0.7
_FULL = 0.995  # Occupancies above this count as full: the rest is rounding in a refinement.
# Symmetry entries of a CIF that leave no doubt about the axes and the origin.
_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
)
_SETTING = "_symmetry_space_group_setting"
_SYMBOLS = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
_ORTHORHOMBIC = range(16, 75)  # Their symbols tell the order of the axes, their numbers do not.
_SAME_SITE = 1e-3  # Fractions of the cell within which ASE takes two positions as one site.
_SAME_METRIC = 0.01  # Relative deviation of a cell's metric tensor allowed from its symmetry.


def prototype_cell(rng: np.random.Generator, name: str) -> Atoms:
    """Return a unit cell of a structure type, with elements and lattice constants drawn."""
    # The constants a, b and c deviate by up to 1.5 % from the prototype's ratios.
    from ase.spacegroup import crystal

    kind = PROTOTYPES[name]
    a = rng.uniform(*kind.a)
    lengths = a * np.array([1, kind.b, kind.c])
    if kind.b != 1 or kind.c != 1:
        lengths *= rng.uniform(0.985, 1.015) if kind.b == 1 else rng.uniform(0.985, 1.015, 3)
        lengths[:2] = lengths[0] if kind.b == 1 else lengths[:2]
    # Half of the time, atoms with the same role on different sites are the same element.
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
    """Return an oblique cell of one to six columns of any elements, so that none is memorised."""
    # The columns run along its third axis; each has one or two atoms per period.
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
    images = np.array(list(product((-1, 0, 1), repeat=3))) @ cell
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
    from ase.io.cif import parse_cif
    from ase.io.formats import filetype
    from ase.neighborlist import neighbor_list

    try:
        atoms = read(file)
    except Exception as error:
        raise ValueError(f"{file} cannot be read by ASE as a crystal: {error}") from error
    if not atoms.cell.rank == 3 or len(atoms) == 0:
        raise ValueError(f"{file} holds no crystal: expected atoms in a cell with three vectors.")
    doubt = ""
    if filetype(file) == "cif":
        *_, block = (one for one in parse_cif(file) if one.has_structure())
        doubt = _doubt_of_setting(block, atoms)
        _sum_shares(block, atoms)
    pairs, apart = neighbor_list("id", atoms, _NEAREST)
    if len(pairs):
        element, nearest = atoms.symbols[pairs[0]], apart.min()
        raise ValueError(
            f"{file} has atoms {nearest:.2f} Å apart, of {element} for instance: expected one atom "
            f"per position, {_NEAREST:g} Å or more from the next. "
            f"{doubt or 'Write a cell without split sites.'}"
        )
    if doubt:
        warn(f"{file}: {doubt}", DLAtomsWarning)
    mixed = [
        " ".join(f"{element} {share:g}" for element, share in sorted(site.items()))
        for site in _mixed_sites(atoms).values()
    ]
    if mixed:
        warn(
            f"{file} has sites that are partly occupied ({', '.join(dict.fromkeys(mixed))}): each "
            "occupant is drawn at random by these shares, except in scanned cells (waves.method: "
            "cells), where it is the most frequent element.",
            DLAtomsWarning,
        )
    return atoms


def occupied(rng: np.random.Generator, atoms: Atoms, sites: np.ndarray) -> np.ndarray:
    """Draw the atomic numbers at positions of a cell, by their atoms (n,); 0 where empty."""
    from ase.data import atomic_numbers

    numbers = atoms.numbers[sites]
    for kind, occupancies in _mixed_sites(atoms).items():
        here = np.flatnonzero(atoms.arrays["spacegroup_kinds"][sites] == int(kind))
        shares = np.array(list(occupancies.values()))
        empty = 1 - shares.sum() if shares.sum() < _FULL else 0.0
        shares = np.append(shares, empty)
        there = [atomic_numbers[element] for element in occupancies] + [0]
        numbers[here] = rng.choice(there, len(here), p=shares / shares.sum())
    return numbers


def _mixed_sites(atoms: Atoms) -> dict[str, dict[str, float]]:
    """Return the element shares at each kind of site not fully occupied by one element."""
    return {
        kind: site
        for kind, site in atoms.info.get("occupancy", {}).items()
        if len(site) > 1 or min(site.values()) < _FULL
    }


def _sum_shares(block: CIFBlock, atoms: Atoms) -> None:
    """Add up the shares of an element that a CIF lists twice at a site, as Fe2+ and Fe3+."""
    # Of these ASE keeps the last. Its kinds of sites are numbered as the positions of the file.
    given = block.get("_atom_site_occupancy")
    if given is None:
        return
    listed = block.get_unsymmetrized_structure()
    places = listed.get_scaled_positions(wrap=False)
    # What a file leaves open is 1, and what a refinement leaves below 0 is none.
    shares = [1.0 if isinstance(share, str) else max(float(share), 0.0) for share in given]
    for kind, site in atoms.info["occupancy"].items():
        here = np.linalg.norm(places - places[int(kind)], axis=1) < _SAME_SITE
        for element in site:
            there = np.flatnonzero(here & (listed.symbols == element))
            site[element] = sum(shares[one] for one in there)


def _same_axes(symbol: str, other: str) -> bool:
    """Whether two symbols of an orthorhombic space group are the same."""
    # The letter e of later tables stands for either of two glide planes.
    first, second = (re.sub("[ _]|:.*", "", one).lower() for one in (symbol, other))
    alike = (a == b or "e" in (a, b) for a, b in zip(first, second, strict=False))
    return len(first) == len(second) and all(alike)


def _doubt_of_setting(block: CIFBlock, atoms: Atoms) -> str:
    """Return what is uncertain about the axes and origin that ASE took for a CIF, "" if nothing."""
    from ase.spacegroup import Spacegroup
    from ase.spacegroup.spacegroup import SpacegroupNotFoundError

    if any(block.get(name) for name in (*_OPERATIONS, _SETTING)):
        return ""
    group = atoms.info["spacegroup"]
    symbol = next(filter(None, map(block.get, _SYMBOLS)), group.symbol)
    if group.no in _ORTHORHOMBIC and not _same_axes(symbol, group.symbol):
        return (
            f"It lists no symmetry operations and was read with the axes of {group.symbol} "
            f"(no. {group.no}), as {atoms.get_chemical_formula()} per cell. Its positions refer to "
            f"those of {symbol}: write the file with its symmetry operations."
        )
    metric = atoms.cell.array @ atoms.cell.array.T

    def fits(one: Spacegroup) -> bool:
        turned = np.swapaxes(one.rotations, 1, 2) @ metric @ one.rotations
        return bool(np.abs(turned - metric).max() < _SAME_METRIC * metric.max())

    try:
        other = Spacegroup(group.no, 3 - group.setting)
    except SpacegroupNotFoundError:
        return ""
    if fits(group) and not fits(other):
        return ""
    return (
        f"It lists no symmetry operations and was read in setting {group.setting} of the space "
        f"group {group.symbol} (no. {group.no}), as {atoms.get_chemical_formula()} per cell. If "
        f"its positions refer to another origin or other axes, add the line `{_SETTING} "
        f"{other.setting}`, or write the file with its symmetry operations; if not, add "
        f"`{_SETTING} {group.setting}`."
    )
