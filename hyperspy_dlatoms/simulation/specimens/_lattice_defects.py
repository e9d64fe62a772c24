# SPDX-License-Identifier: GPL-3.0-or-later
"""Point and line defects of a layer whose sites hold one or more atoms above each other."""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens._monolayer import NONMETALS, Monolayer
from hyperspy_dlatoms.simulation.specimens.regions import smooth_field

ANTISITE = "antisite"

PATCH = 10.0  # Shortest wavelength in the density of clustered defects (Å).


@dataclass
class Lattice:
    """Sites of a flat layer and the atoms that they hold, changed in place by the defects."""

    cell: Monolayer
    # x, y (n, 2), Å, and which site of the cell each one is.
    points: np.ndarray
    site: np.ndarray
    # Atomic numbers, 0 for none, and z (Å), (n, m).
    numbers: np.ndarray = field(init=False)
    heights: np.ndarray = field(init=False)
    # Kind of each site that holds a foreign atom, else empty.
    foreign: np.ndarray = field(init=False)
    neighbours: csr_array = field(init=False)

    def __post_init__(self) -> None:
        """Fill every site, and find the neighbours."""
        n = len(self.points)
        self.numbers = self.cell.numbers[self.site]
        self.heights = self.cell.heights[self.site]
        self.foreign = np.full(n, "", dtype=object)
        pairs = cKDTree(self.points).query_pairs(self.cell.reach, output_type="ndarray")
        ends = np.concatenate([pairs, pairs[:, ::-1]])
        self.neighbours = csr_array((np.ones(len(ends)), ends.T), shape=(n, n))

    @property
    def metallic(self) -> np.ndarray:
        """Which sites belong to the metal, shape (n,), bool."""
        return self.cell.metallic[self.site]

    @property
    def occupied(self) -> np.ndarray:
        """Which sites hold any atom, shape (n,), bool."""
        return np.any(self.numbers > 0, axis=1)

    @property
    def perfect(self) -> np.ndarray:
        """Which sites hold what belongs there, shape (n,), bool."""
        return (self.numbers == self.cell.numbers[self.site]).all(axis=1)

    @property
    def lacking(self) -> np.ndarray:
        """Which sites lack some or all of their atoms and hold no foreign one, shape (n,), bool."""
        return ~self.perfect & (self.foreign == "")

    def labels(self) -> list[str]:
        """Return the kind of each site: complete, a vacancy, or what is there instead."""
        names = [self.cell.names[i] for i in self.site]
        return [
            str(other) or (f"{name} vacancy" if lacks else name)
            for name, lacks, other in zip(names, self.lacking, self.foreign, strict=True)
        ]


def _full(cell: Monolayer) -> tuple[np.ndarray, np.ndarray]:
    """Count the first and second neighbours of each site of a perfect layer."""
    points, site = cell.lattice(0.0, np.zeros(2), -30.0, 30.0)
    patch = Lattice(cell, points, site)
    away = np.hypot(*points.T)
    rows = [np.argmin(np.where(site == one, away, np.inf)) for one in range(len(cell.points))]
    first = np.asarray(patch.neighbours.sum(axis=1))[rows]
    return first, np.asarray(_second(patch).sum(axis=1))[rows]


def _second(lattice: Lattice) -> csr_array:
    """Return 1 for each pair of sites that share a neighbour but are not neighbours themselves."""
    two = (lattice.neighbours @ lattice.neighbours).tocoo()
    rows, columns = two.coords
    apart = rows != columns
    pairs = csr_array((np.ones(apart.sum()), (rows[apart], columns[apart])), shape=two.shape)
    return ((pairs > 0).astype(float) - lattice.neighbours > 0).astype(float)


def trim(lattice: Lattice, least: float = 0.5) -> None:
    """Empty the sites that have lost too many of their neighbours, step by step."""
    needed = least * _full(lattice.cell)[0][lattice.site]
    while True:
        loose = lattice.occupied & (lattice.neighbours @ lattice.occupied.astype(float) < needed)
        if not loose.any():
            return
        lattice.numbers[loose] = 0
        lattice.foreign[loose] = ""


def surroundings(lattice: Lattice) -> np.ndarray:
    """Return the share of first or second neighbours that are present, whichever is smaller."""
    first, second = _full(lattice.cell)
    occupied = lattice.occupied.astype(float)
    near = lattice.neighbours @ occupied / first[lattice.site]
    far = _second(lattice) @ occupied / np.maximum(second[lattice.site], 1)
    return np.minimum(near, far)


def choose(
    rng: np.random.Generator,
    lattice: Lattice,
    candidates: np.ndarray,
    fraction: float,
    clustering: float = 0.0,
) -> np.ndarray:
    """Choose a share of the sites, evenly or in patches."""
    may = np.flatnonzero(candidates)
    count = rng.binomial(len(may), fraction)
    order = rng.random(len(may))
    if clustering > 0:
        low = lattice.points.min(axis=0)
        span = float((lattice.points.max(axis=0) - low).max())
        order += clustering * smooth_field(rng, span, PATCH)(lattice.points[may] - low)
    return may[np.argsort(order)[:count]]


def vacate(
    rng: np.random.Generator,
    lattice: Lattice,
    candidates: np.ndarray,
    fraction: float,
    clustering: float = 0.0,
) -> None:
    """Remove all atoms from a fraction of the sites, see :func:`choose`."""
    chosen = choose(rng, lattice, candidates & lattice.perfect, fraction, clustering)
    lattice.numbers[chosen] = 0


def lose_one(
    rng: np.random.Generator, lattice: Lattice, fraction: float, clustering: float = 0.0
) -> None:
    """Remove one random atom from a fraction of the multi-atom sites, see :func:`choose`."""
    several = lattice.perfect & ((lattice.numbers > 0).sum(axis=1) > 1)
    for one in choose(rng, lattice, several, fraction, clustering):
        lattice.numbers[one, rng.choice(np.flatnonzero(lattice.numbers[one]))] = 0


def rows_of_vacancies(rng: np.random.Generator, lattice: Lattice, size: float) -> None:
    """Remove one atom, or all, from each site in a row of nonmetal sites within the box."""
    # H.-P. Komsa et al., From point to extended defects in two-dimensional MoS2: Evolution of
    # atomic structure under electron irradiation, Phys. Rev. B 88 (2013) 035301.
    inside = ((lattice.points > 0) & (lattice.points < size)).all(axis=1)
    may = np.flatnonzero(~lattice.metallic & lattice.perfect & inside)
    length, whole = int(rng.integers(3, 13)), bool(rng.random() < 0.3)
    if len(may) == 0:
        return
    start = int(rng.choice(may))
    alike = np.flatnonzero(lattice.site == lattice.site[start])
    tree = cKDTree(lattice.points[alike])
    _, near = tree.query(lattice.points[start], k=min(7, len(alike)))
    if len(np.atleast_1d(near)) < 2:
        return
    step = lattice.points[alike[rng.choice(near[1:])]] - lattice.points[start]
    distance, row = tree.query(lattice.points[start] + np.arange(length)[:, None] * step)
    for one in np.unique(alike[row[distance < 0.5]]):
        there = np.flatnonzero(lattice.numbers[one])
        if len(there) and lattice.foreign[one] == "":
            lattice.numbers[one, there if whole else rng.choice(there)] = 0


def antisites(rng: np.random.Generator, lattice: Lattice, fraction: float) -> None:
    """Place antisites (atoms of the other kind) on a fraction of the sites."""
    kinds = [np.flatnonzero(lattice.cell.metallic), np.flatnonzero(~lattice.cell.metallic)]
    if not all(len(kind) for kind in kinds):
        return
    for one in choose(rng, lattice, lattice.perfect, fraction):
        other = rng.choice(kinds[1] if lattice.metallic[one] else kinds[0])
        lattice.numbers[one] = lattice.cell.numbers[other]
        lattice.heights[one] = lattice.cell.heights[other]
        lattice.foreign[one] = ANTISITE


def substitute(rng: np.random.Generator, lattice: Lattice, symbol: str, fraction: float) -> None:
    """Substitute a foreign element on a fraction of the sites of similar elements."""
    from ase.data import atomic_numbers

    if symbol not in atomic_numbers or symbol == "X":
        raise ValueError(f"substituent {symbol!r} is not an element: give a symbol such as 'W'.")
    alike = lattice.metallic if symbol not in NONMETALS else ~lattice.metallic
    for one in choose(rng, lattice, alike & lattice.perfect, fraction):
        there = np.flatnonzero(lattice.numbers[one])
        some = there if rng.random() < 0.35 else rng.choice(there, 1)
        lattice.numbers[one, some] = atomic_numbers[symbol]
        lattice.foreign[one] = symbol
