# SPDX-License-Identifier: GPL-3.0-or-later
"""The lattices that the sites of known materials make, seen along the beam."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import ase

REACH = 2.3
"""Nearest distances to the farthest neighbours that are counted: the third shell of a honeycomb, a
square and a centred rectangle, which tell them apart."""

SHEETS = {
    "graphene": 2.46,
    "BN": 2.504,
    "MoS2": 3.160,
    "WS2": 3.153,
    "MoSe2": 3.288,
    "WSe2": 3.282,
}
"""Lattice constants (Å) of honeycombs: carbon and boron nitride, and those of W. J. Schutte, J. L.
De Boer and F. Jellinek, Journal of Solid State Chemistry 70, 207 (1987), with the values that they
collect for molybdenum."""

_HONEYCOMB = np.array([[1, 0], [0.5, np.sqrt(0.75)]]), np.array([[0, 0], [1 / 3, 1 / 3]])
_FCC = {
    "[110]": (np.array([[1, 0], [0.5, 1 / np.sqrt(8)]]), np.zeros((1, 2))),
    "[100]": (np.array([[0.5, 0], [0, 0.5]]), np.zeros((1, 2))),
}
"""Cells in lattice constants, and the sites in them."""

# Å, within which atoms along the beam are one column: below the resolution of the microscope.
_SAME_COLUMN = 0.3
# Relative difference of distances that are the same but for rounding in lattice constants.
_ALIKE = 2e-3


class Lattice(NamedTuple):
    """How far apart the sites of a lattice are, whatever its size and orientation."""

    zone: str
    """The direction along the beam, or the kind of lattice."""
    distances: np.ndarray
    """Of the neighbours of a site, the nearest at 1, ascending, up to ``REACH``, shape (m,)."""
    counts: np.ndarray
    """How many neighbours a site has at each of them, shape (m,)."""
    nearest: dict[str, float]
    """Distance of nearest neighbours (Å) in each material with this lattice."""

    def samplings(self, nearest: float) -> dict[str, float]:
        """Return the sampling (Å/px) in each material, from the distance of neighbours (px)."""
        return {name: distance / nearest for name, distance in self.nearest.items()}

    def mismatch(self, nearest: float, sampling: float) -> float:
        """Return the logarithm of a sampling over the nearest of those `samplings`."""
        return min(abs(math.log(sampling / one)) for one in self.samplings(nearest).values())


def with_lattices(materials: Iterable[str], elements: Collection[str] = ()) -> tuple[str, ...]:
    """Return the materials whose lattice is known by their name, see `lattices_of`.

    Where any of them consist of certain elements, only those.
    """
    known = tuple(filter(_has_lattice, materials))
    return tuple(name for name in known if _elements_of(name) <= set(elements)) or known


def lattices_of(materials: Sequence[str | ase.Atoms]) -> tuple[Lattice, ...]:
    """Return the lattices of some materials, each once.

    Chemical symbols of fcc metals, seen along [110] and [100]; names of two-dimensional materials;
    or crystals of ASE, seen along z, of which each column is a site.
    """
    found: list[Lattice] = []
    for material in materials:
        for lattice in _lattices(material):
            same = next((at for at, one in enumerate(found) if _alike(one, lattice)), None)
            if same is None:
                found.append(lattice)
            else:
                nearest = found[same].nearest | lattice.nearest
                found[same] = found[same]._replace(nearest=nearest)
    return tuple(found)


# Every result is compared with the lattices of all that its network knows.
@lru_cache(maxsize=64)
def _named(material: str) -> tuple[Lattice, ...]:
    if material in SHEETS:
        cell, sites = _HONEYCOMB
        return (_lattice("honeycomb", material, SHEETS[material] * cell, sites),)
    a = _fcc_constant(material)
    return tuple(_lattice(zone, material, a * cell, sites) for zone, (cell, sites) in _FCC.items())


def _has_lattice(material: str) -> bool:
    try:
        return bool(_named(material))
    except ValueError:
        return False


def _elements_of(material: str) -> set[str]:
    """Return the chemical symbols in the name of a material."""
    return {"C"} if material == "graphene" else set(re.findall("[A-Z][a-z]?", material))


def _lattices(material: str | ase.Atoms) -> Sequence[Lattice]:
    if isinstance(material, str):
        return _named(material)
    if not hasattr(material, "get_chemical_formula"):
        raise TypeError(
            f"material is {material!r}: expected a name such as 'Pt' or 'graphene', or an "
            "ase.Atoms, seen along z."
        )
    cell = np.asarray(material.cell)[:2, :2]
    if abs(np.linalg.det(cell)) < 1e-6:
        raise ValueError(
            f"The crystal {material.get_chemical_formula()!r} has the cell {material.cell[:]!r}: "
            "expected two periods across z."
        )
    sites = np.unique(material.positions[:, :2] @ np.linalg.inv(cell) % 1, axis=0)
    kept: list[np.ndarray] = []
    for site in sites:
        apart = [(site - other + 0.5) % 1 - 0.5 for other in kept]
        if all(np.linalg.norm(one @ cell) > _SAME_COLUMN for one in apart):
            kept.append(site)
    return [_lattice("along z", material.get_chemical_formula(), cell, np.array(kept))]


def _lattice(zone: str, material: str, cell: np.ndarray, sites: np.ndarray) -> Lattice:
    """Count the neighbours of a site; the cell in Å, the sites in fractions of it."""
    heights = abs(np.linalg.det(cell)) / np.linalg.norm(cell, axis=1)
    nearest, reach = np.inf, 1.01 * np.linalg.norm(cell, axis=1).min()
    # The first round finds the nearest neighbour, which decides how far the second has to look.
    for _ in range(2):
        number = int(np.ceil(reach / heights.min())) + 1
        cells = np.mgrid[-number : number + 1, -number : number + 1].reshape(2, -1).T
        apart = (sites[:, None, None] - sites[:, None]).reshape(-1, 1, 2) + cells
        distance = np.linalg.norm(apart.reshape(-1, 2) @ cell, axis=1)
        distance = np.sort(distance[(distance > 1e-6) & (distance < reach * (1 + 1e-9))])
        nearest = distance[0]
        reach = REACH * nearest
    relative = distance / nearest
    starts = np.flatnonzero(np.diff(relative, prepend=0) > _ALIKE)
    shells = np.add.reduceat(relative, starts)
    counts = np.diff(np.append(starts, len(relative)))
    return Lattice(zone, shells / counts, counts / len(sites), {material: round(float(nearest), 4)})


def _alike(one: Lattice, other: Lattice) -> bool:
    return (
        one.zone == other.zone
        and one.distances.shape == other.distances.shape
        and np.allclose(one.distances, other.distances, rtol=_ALIKE)
        and np.allclose(one.counts, other.counts)
    )


def _fcc_constant(element: str) -> float:
    from ase.data import atomic_numbers, reference_states

    state = reference_states[atomic_numbers[element]] if element in atomic_numbers else None
    if not state or state.get("symmetry") != "fcc":
        raise ValueError(
            f"The material {element!r} is not known: expected the symbol of an fcc metal, one of "
            f"{', '.join(SHEETS)}, or an ase.Atoms, seen along z."
        )
    return float(state["a"])
