# SPDX-License-Identifier: GPL-3.0-or-later
"""Projected lattices of known materials, and fits of their size to the sites found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    import ase

# Nearest-neighbour distances to the farthest neighbours counted: the third shell of a honeycomb,
# the fourth of a square lattice.
_REACH = 2.3

# Lattice constants (Å) of honeycombs: carbon and boron nitride, and those of W. J. Schutte, J. L.
# De Boer and F. Jellinek, Journal of Solid State Chemistry 70, 207 (1987), with the values that
# they collect for molybdenum; MoTe2 by D. Puotinen and R. E. Newnham, Acta Cryst. 14, 691 (1961).
# WTe2 is not a honeycomb.
SHEETS = {
    "graphene": 2.46,
    "BN": 2.504,
    "MoS2": 3.160,
    "WS2": 3.153,
    "MoSe2": 3.288,
    "WSe2": 3.282,
    "MoTe2": 3.519,
}
_HONEYCOMB = np.array([[1, 0], [0.5, np.sqrt(0.75)]]), np.array([[0, 0], [1 / 3, 1 / 3]])
# Cells in lattice constants, and the sites in them.
_FCC = {
    "[110]": (np.array([[1, 0], [0.5, 1 / np.sqrt(8)]]), np.zeros((1, 2))),
    "[100]": (np.array([[0.5, 0], [0, 0.5]]), np.zeros((1, 2))),
}
# Å, within which atoms along the beam are one column: below the resolution of the microscope.
_SAME_COLUMN = 0.3
# Relative difference of distances that are equal apart from rounding in lattice constants.
_ALIKE = 2e-3

_POWER = 1.7  # Of the atomic number, with which the signal of a column grows in annular dark field.
# How much of the strongest column's signal a column needs to be certainly visible: oxygen beside
# strontium has 0.07, titanium with oxygen 0.5.
_LIGHT = 0.25
# Sites that a lattice needs: those of three by three square cells, and some to spare.
FEWEST = 12
_MOST = 20_000  # Sites used in a large frame: they give the lattice to 0.1 %.
# In the logarithm of a distance, so relative: the bins; the width of a shell of neighbours, from
# noise and strain; and how far the neighbour distance of the lattice may be from that of the sites,
# which stray sites shorten and gaps lengthen.
_STEP = 0.005
_WIDTH = 0.025
_SEARCH = 0.6
# Nearest-neighbour distances at which the histograms begin.
_BELOW = 0.7
_LOGARITHMS = np.arange(np.log(_BELOW), np.log(_REACH), _STEP)
# Twice and three times the width of a shell: the distances that refine its place, and neighbours.
_ON_SHELL = 0.05
_BOND = 0.08
_ROUNDS = 4  # Of the refinement; then it no longer changes.


class Cell(NamedTuple):
    """The projected cell of a material."""

    material: str
    zone: str  # The direction along the beam, or the kind of lattice.
    vectors: np.ndarray  # Its shortest translations (Å), shape (2, 2), in any orientation.


class Lattice(NamedTuple):
    """The distances between the sites of a lattice, independent of its size and orientation."""

    zone: str  # The direction along the beam, or the kind of lattice.
    # To the neighbours of a site, in units of the nearest, ascending up to 2.3, shape (m,).
    distances: np.ndarray
    counts: np.ndarray  # How many neighbours a site has at each distance, shape (m,).
    # Distance of nearest neighbours (Å) in each material with this lattice.
    nearest: dict[str, float]

    def samplings(self, nearest: float) -> dict[str, float]:
        """Return the sampling (Å/px) for each material from the distance of neighbours (px)."""
        return {name: distance / nearest for name, distance in self.nearest.items()}

    def mismatch(self, nearest: float, sampling: float) -> float:
        """Return the logarithm of a sampling over the closest of `samplings`."""
        return min(abs(math.log(sampling / one)) for one in self.samplings(nearest).values())


class Spacing(NamedTuple):
    """How well sites fit a lattice, and its size."""

    nearest: float  # Distance of nearest neighbours in the unit of the positions.
    # Correlation of the distances between the sites with those of the lattice: 1 for a crystal,
    # about 0.5 or less for sites at random.
    likeness: float
    # How many nearest neighbours a site has, relative to the lattice: less than 1 for a small
    # crystal, and small if most sites are isolated.
    neighbours: float


def with_lattices(materials: Iterable[str], elements: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the materials with a lattice known by name, only those of the elements if any are."""
    known = tuple(name for name in materials if name in SHEETS or _fcc_constant(name))
    elements = set(elements)
    return tuple(name for name in known if _elements_of(name) <= elements) or known


def lattices_of(materials: Sequence[str | ase.Atoms]) -> tuple[Lattice, ...]:
    """Return the lattices of materials, as from `cells_of`, each once; each column is a site."""
    if all(isinstance(material, str) for material in materials):
        return _lattices_of_names(tuple(materials))
    return _each_once(materials)


def _each_once(materials: Sequence[str | ase.Atoms]) -> tuple[Lattice, ...]:
    found: list[Lattice] = []
    for material in materials:
        for lattice in (_lattice(*one) for one in _crystal(material)):
            same = next((at for at, one in enumerate(found) if _alike(one, lattice)), None)
            if same is None:
                found.append(lattice)
            else:
                nearest = found[same].nearest | lattice.nearest
                found[same] = found[same]._replace(nearest=nearest)
    return tuple(found)


# Every result is compared with all lattices that its network knows.
_lattices_of_names = lru_cache(maxsize=16)(_each_once)


def without_light_columns(material: str | ase.Atoms) -> ase.Atoms | None:
    """Return a crystal without columns that may be invisible; None for a name or if none are."""
    if isinstance(material, str) or not hasattr(material, "get_chemical_formula"):
        return None
    (_, _, cell, sites), *_ = _crystal(material)
    column = _column_of_each(material, cell, sites)
    signal = np.bincount(column, material.numbers**_POWER, len(sites))
    seen = signal[column] > _LIGHT * signal.max()
    return None if seen.all() else material[seen]


def cells_of(material: str | ase.Atoms) -> tuple[Cell, ...]:
    """Return the cells of a material: an fcc metal along [110] and [100], a sheet, or along z."""
    # They have the shortest translations between columns, whatever their species: for SrTiO3 along
    # [100] the square with titanium at the corners and strontium in the middle, or half of it.
    return tuple(
        Cell(name, zone, _primitive(cell, sites)) for zone, name, cell, sites in _crystal(material)
    )


def cells_by_species(material: str | ase.Atoms) -> tuple[Cell, ...]:
    """Return the cell by places and elements of the columns if larger than that of `cells_of`.

    For SrTiO3 along [100] it is a square with titanium at the corners and strontium in the middle.
    """
    if isinstance(material, str):
        return ()
    ((zone, name, cell, sites),) = _crystal(material)
    column = _column_of_each(material, cell, sites)
    elements = [set(material.numbers[column == one]) for one in range(len(sites))]
    kinds = np.array([elements.index(one) for one in elements])
    vectors = _primitive(cell, sites, kinds)
    areas = np.abs(np.linalg.det([vectors, _primitive(cell, sites)]))
    return (Cell(name, zone, vectors),) if areas[0] > 1.5 * areas[1] else ()


def best_fit(positions: np.ndarray, lattices: Sequence[Lattice]) -> tuple[Lattice, Spacing] | None:
    """Return the lattice that sites resemble most, fitted by `fits_of`; None for too few sites."""
    return max(fits_of(positions, lattices), key=lambda fit: fit[1].likeness, default=None)


def fits_of(positions: np.ndarray, lattices: Sequence[Lattice]) -> list[tuple[Lattice, Spacing]]:
    """Fit the size of each lattice to sites (n, 2), sorted by y, in any unit; none if too few."""
    # Apart from its size, which is a shift, the histogram of log distances is that of the crystal:
    # found by correlation, then refined by the distances near those of the lattice.
    positions = positions[:_MOST]
    if len(positions) < FEWEST or not lattices:
        return []
    tree = cKDTree(positions)
    usual = float(np.median(tree.query(positions, k=2)[0][:, 1]))
    if usual <= 0:
        return []
    start = np.log(usual * _BELOW) - _SEARCH
    bins = len(_LOGARITHMS) + 2 * round(_SEARCH / _STEP)
    pairs = tree.query_pairs(np.exp(start + bins * _STEP), output_type="ndarray")
    distance = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    logarithm = np.log(np.maximum(distance, np.exp(start) / 2))
    logarithm = logarithm[logarithm >= start]
    index = np.minimum(((logarithm - start) / _STEP).astype(int), bins - 1)
    # The farther, the more neighbours: weighted so that random sites give a flat histogram.
    histogram = np.bincount(index, np.exp(-2 * (logarithm - start)), minlength=bins)
    histogram = gaussian_filter1d(histogram, 0.8 * _WIDTH / _STEP)
    fits = []
    for lattice in lattices:
        likeness = _correlation(histogram, _template(lattice))
        best = int(likeness.argmax())
        nearest = start + best * _STEP - np.log(_BELOW)
        if (refined := _refined(nearest, logarithm, lattice)) is not None:
            bonds = np.count_nonzero(np.abs(logarithm - refined) < _BOND)
            neighbours = 2 * bonds / len(positions) / lattice.counts[0]
            spacing = Spacing(float(np.exp(refined)), float(likeness[best]), float(neighbours))
            fits.append((lattice, spacing))
    return fits


def _refined(nearest: float, logarithm: np.ndarray, lattice: Lattice) -> float | None:
    """Refine the logarithm of the nearest distance by all distances (n,); None if none is near."""
    shells = np.log(lattice.distances)
    between = (shells[1:] + shells[:-1]) / 2
    for _ in range(_ROUNDS):
        apart = logarithm - nearest
        apart -= shells[np.searchsorted(between, apart)]
        near = np.abs(apart) < _ON_SHELL
        if not near.any():
            return None
        nearest += float(np.median(apart[near]))
    return nearest


def _elements_of(material: str) -> set[str]:
    """Return the chemical symbols in the name of a material."""
    return {"C"} if material == "graphene" else set(re.findall("[A-Z][a-z]?", material))


def _crystal(material: str | ase.Atoms) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Return zone, name, cell (Å) and sites, in fractions of it, of a material."""
    if isinstance(material, str) and material in SHEETS:
        cell, sites = _HONEYCOMB
        return [("honeycomb", material, SHEETS[material] * cell, sites)]
    if isinstance(material, str):
        a = _fcc_constant(material)
        if a is None:
            raise ValueError(
                f"The material {material!r} is not known: expected the symbol of an fcc metal, one "
                f"of {', '.join(SHEETS)}, or an ase.Atoms, viewed along z."
            )
        return [(zone, material, a * cell, sites) for zone, (cell, sites) in _FCC.items()]
    if not hasattr(material, "get_chemical_formula"):
        raise TypeError(
            f"material is {material!r}: expected a name such as 'Pt' or 'graphene', or an "
            "ase.Atoms, viewed along z."
        )
    cell = np.asarray(material.cell)[:2, :2]
    if abs(np.linalg.det(cell)) < 1e-6:
        raise ValueError(
            f"The crystal {material.get_chemical_formula()!r} has the cell {material.cell[:]!r}: "
            "expected two cell vectors that span the plane perpendicular to z."
        )
    sites = np.unique(material.positions[:, :2] @ np.linalg.inv(cell) % 1, axis=0)
    kept: list[np.ndarray] = []
    for site in sites:
        apart = [(site - other + 0.5) % 1 - 0.5 for other in kept]
        if all(np.linalg.norm(one @ cell) > _SAME_COLUMN for one in apart):
            kept.append(site)
    return [("along z", material.get_chemical_formula(), cell, np.array(kept))]


def _column_of_each(material: ase.Atoms, cell: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Return on which site (fractions of a cell) each atom of a crystal lies, int, (n,)."""
    places = material.positions[:, :2] @ np.linalg.inv(cell)
    apart = (places[:, None] - sites + 0.5) % 1 - 0.5
    return np.linalg.norm(apart @ cell, axis=2).argmin(axis=1)


def _primitive(cell: np.ndarray, sites: np.ndarray, kinds: np.ndarray | None = None) -> np.ndarray:
    """Return the shortest translations that take each site (fractions of a cell) to its like."""
    kinds = np.zeros(len(sites)) if kinds is None else kinds

    def is_period(shift: np.ndarray) -> bool:
        apart = (sites[:, None] + shift - sites + 0.5) % 1 - 0.5
        alike = kinds[:, None] == kinds
        near = np.linalg.norm(apart @ cell, axis=2) < _SAME_COLUMN
        return bool((near & alike).any(axis=1).all())

    shifts = [one for one in sites - sites[0] if is_period(one)]
    cells = np.mgrid[-2:3, -2:3].reshape(2, -1).T
    vectors = (np.array(shifts)[:, None] + cells).reshape(-1, 2) @ cell
    vectors = vectors[np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")]
    vectors = vectors[np.linalg.norm(vectors, axis=1) > _SAME_COLUMN]
    a = vectors[0]
    across = np.abs(np.linalg.det(np.stack([np.broadcast_to(a, vectors.shape), vectors], 1)))
    return np.array([a, vectors[across > 0.1 * np.linalg.norm(a) ** 2][0]])


def _lattice(zone: str, material: str, cell: np.ndarray, sites: np.ndarray) -> Lattice:
    """Count the neighbours of a site; the cell in Å, the sites in fractions of it."""
    heights = abs(np.linalg.det(cell)) / np.linalg.norm(cell, axis=1)
    nearest, reach = np.inf, 1.01 * np.linalg.norm(cell, axis=1).min()
    # The first round finds the nearest neighbour, which decides how far the second must search.
    for _ in range(2):
        number = int(np.ceil(reach / heights.min())) + 1
        cells = np.mgrid[-number : number + 1, -number : number + 1].reshape(2, -1).T
        apart = (sites[:, None, None] - sites[:, None]).reshape(-1, 1, 2) + cells
        distance = np.linalg.norm(apart.reshape(-1, 2) @ cell, axis=1)
        distance = np.sort(distance[(distance > 1e-6) & (distance < reach * (1 + 1e-9))])
        nearest = distance[0]
        reach = _REACH * nearest
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


def _fcc_constant(element: str) -> float | None:
    """Return the lattice constant of an fcc metal (Å), None for anything else."""
    from ase.data import atomic_numbers, reference_states

    state = reference_states[atomic_numbers[element]] if element in atomic_numbers else None
    return float(state["a"]) if state and state.get("symmetry") == "fcc" else None


def _template(lattice: Lattice) -> np.ndarray:
    """Return the histogram of a lattice, of the logarithm of distances from ``_BELOW``."""
    apart = (_LOGARITHMS[:, None] - np.log(lattice.distances)) / _WIDTH
    return np.exp(-(apart**2) / 2) @ (lattice.counts / lattice.distances**2)


def _correlation(histogram: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Correlate a template with each part of a histogram, each centred and scaled."""
    parts = np.lib.stride_tricks.sliding_window_view(histogram, len(template))
    parts = parts - parts.mean(axis=1, keepdims=True)
    template = template - template.mean()
    norm = np.sqrt((parts**2).sum(axis=1) * (template**2).sum())
    return parts @ template / np.maximum(norm, 1e-30)
