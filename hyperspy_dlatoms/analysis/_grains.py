# SPDX-License-Identifier: GPL-3.0-or-later
"""Grains: atoms that repeat by a common pair of translations, found from positions alone."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.lattice import FEWEST

# Atoms around a seed that vote for its translations, and that these may lead to: eight cells of
# YBa2Cu3O7 along [100], three times as long as wide.
_VOTERS = 24
_ENDS = 120
# Share of the voters that have a partner at a translation. In a honeycomb half of them have a
# partner along the bond from one sublattice to the other; at an edge, a third of the atoms have
# none.
_AGREE = 0.65
# How far an atom may lie from where a translation leads, in distances of nearest neighbours: less
# than half, where the next atom may begin; and in lengths of the shorter translation.
_NEAR = 0.33
_TOLERANCE = 0.25
# Relative to the best translation: how many voters another one needs, or it leads to vacancies, as
# in a lattice with one place in three or four empty; and how far it may miss the atoms, which it
# does by their position errors, known from 24 voters to 11 %. Translations along a zigzag miss by
# more.
_AS_OFTEN = 0.8
_AS_NEAR = 1.7
# The same, in distances of nearest neighbours: what strain adds, and less than the 0.23 of chance.
_EXACT = 0.02
_CHANCE = 0.19
# Deviation of the lattice around an atom from that of its grain, strain or rotation: 0.1 is 6°.
# Neighbouring grains rotated by more count as two.
_BENT = 0.1
# Shortest distance of two atoms of a sublattice, in lengths of the shorter translation.
_CROWDED = 0.7
# Share of the six nearest translations that lead to an atom of the grain, averaged over its atoms:
# 0.64 for a crystal of three by four atoms.
_FILLED = 0.6
# Vectors whose lengths differ by less than this may be equal apart from noise and strain.
_SAME_LENGTH = 0.03
# Atoms of another sublattice, relative to those of the first one.
_SHARE = 0.3
_MOST_SUBLATTICES = 24
# Steps to the six nearest cells, for a cell with an angle of 60 to 90°.
_STEPS = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, -1], [-1, 1]])
_ROUNDS = 3  # Of growing a grain with its own refined cell; it no longer changes after that.


class Grains(NamedTuple):
    """Which grain each atom belongs to, and where in its lattice.

    Attributes
    ----------
    labels : numpy.ndarray
        The grain of each atom, from 0 for the largest, -1 for none, int, shape (n,).
    sublattices : numpy.ndarray
        Its site in the cell, from 0 for the one with the most atoms, -1 outside grains, int, shape
        (n,).
    indices : numpy.ndarray
        Its cell, as numbers of translations a and b, int, shape (n, 2). Around a dislocation they
        depend on the path.
    cells : list of numpy.ndarray
        The translations a and b of each grain, (y, x) in the unit of the positions, shape (2, 2):
        the shortest ones, at 60 to 90°; around a dislocation, their means.
    """

    labels: np.ndarray
    sublattices: np.ndarray
    indices: np.ndarray
    cells: list[np.ndarray]

    def members(self, grain: int, sublattice: int | None = None) -> np.ndarray:
        """Return the numbers of the atoms of a grain, or of one of its sublattices."""
        inside = self.labels == grain
        if sublattice is not None:
            inside &= self.sublattices == sublattice
        return np.flatnonzero(inside)


def find_grains(positions: np.ndarray, kinds: np.ndarray | None = None) -> Grains:
    """Find the grains of an image and index their atoms.

    Around a seed atom, the translations are the vectors to other atoms that also lead from its
    neighbours to atoms. From there the grain grows, atom by atom, as long as the lattice around the
    atoms is strained or rotated by less than 0.1 (6°) from its mean. Atoms in between that repeat
    by the same translations form its other sublattices. A seed among the remaining atoms starts the
    next grain: a twin, the support, or another crystal.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x of the atoms, shape (n, 2), in any unit.
    kinds : numpy.ndarray, optional
        The species of each atom, int, shape (n,): translations lead to atoms of the same species.
        By default all count as alike, as those of SrTiO3 along [100] are by position alone.

    Returns
    -------
    Grains
        Fewer than 12 atoms, or atoms without two translations, form no grain, such as random sheets
        and single rows.

    Examples
    --------
    >>> rows, columns = np.mgrid[:6, :5]
    >>> grains = find_grains(np.column_stack([3.0 * rows.ravel(), 2.0 * columns.ravel()]))
    >>> grains.cells[0].round(6)
    array([[0., 2.],
           [3., 0.]])
    >>> set(grains.labels)
    {np.int64(0)}
    """
    positions = np.asarray(positions, float)[:, :2]
    number = len(positions)
    kinds = np.zeros(number, int) if kinds is None else np.asarray(kinds)
    labels, sublattices = np.full(number, -1), np.full(number, -1)
    indices = np.zeros((number, 2), int)
    cells: list[np.ndarray] = []
    spacing = nearest_distance(positions)
    tried = np.zeros(number, bool)
    if spacing > 0:
        everything = cKDTree(positions)
        crowd = everything.query_ball_point(positions, 3 * spacing, return_length=True)
        free, tree = np.arange(number), everything
        for seed in np.argsort(-crowd, kind="stable"):
            if len(free) < FEWEST:
                break
            if tried[seed] or labels[seed] >= 0:
                continue
            at = int(np.searchsorted(free, seed))
            found = _grain(positions[free], kinds[free], tree, at, spacing)
            if found is None:
                tried[everything.query_ball_point(positions[seed], 1.1 * spacing)] = True
                continue
            sites, places, cell = found
            inside = sites >= 0
            labels[free[inside]] = len(cells)
            sublattices[free], indices[free] = sites, places
            cells.append(cell)
            free = free[~inside]
            tree = cKDTree(positions[free])
    sizes = np.bincount(labels[labels >= 0], minlength=len(cells))
    order = np.argsort(-sizes, kind="stable")
    rank = np.append(np.argsort(order), -1)
    return Grains(rank[labels], sublattices, indices, [cells[one] for one in order])


def nearest_distance(positions: np.ndarray) -> float:
    """Return the median distance of nearest neighbours; 0 for fewer than two atoms."""
    if len(positions) < 2:
        return 0.0
    return float(np.median(cKDTree(positions).query(positions, k=2)[0][:, 1]))


def reduced(cell: np.ndarray) -> np.ndarray:
    """Return the shortest translations (2, 2) of a lattice, at 60 to 90°."""
    # If several are equally short apart from noise, a is the one closest to +x and b follows from
    # it by the angle alone, so that noise does not choose the shortest.
    a, b = sorted(np.asarray(cell, float), key=np.linalg.norm)
    # Lagrange and Gauss: subtract the shorter from the longer as often as it fits. Until this is no
    # shorter: halfway, as in a hexagonal cell, rounding could go on for ever.
    while np.linalg.norm(rest := b - np.rint(a @ b / (a @ a)) * a) < (1 - 1e-9) * np.linalg.norm(b):
        a, b = sorted((a, rest), key=np.linalg.norm)
    number = np.mgrid[-1:2, -1:2].reshape(2, -1).T
    vectors = number[number.any(axis=1)] @ np.array([a, b])
    length = np.linalg.norm(vectors, axis=1)
    short = vectors[length < length.min() * (1 + _SAME_LENGTH)]
    a = short[np.arctan2(np.abs(short[:, 0] - 1e-9), short[:, 1]).argmin()]
    across = np.abs(_cross(a, vectors)) > 0.3 * np.linalg.norm(a) * length
    vectors, length = vectors[across], length[across]
    short = vectors[length < length.min() * (1 + _SAME_LENGTH)]
    cosine = short @ a / np.linalg.norm(a) / np.linalg.norm(short, axis=1)
    # Among those at about the same acute angle, the one anticlockwise from a in (x, y).
    cost = np.where(cosine > -0.05, 0.0, 1.0) + np.where(_cross(a, short) > 0, 0.0, 0.5)
    return np.array([a, short[cost.argmin()]])


def _cross(a: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the cross product of (y, x) vectors, positive from +x to +y."""
    return a[1] * vectors[:, 0] - a[0] * vectors[:, 1]


def _grain(
    points: np.ndarray, kinds: np.ndarray, tree: cKDTree, seed: int, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the sublattice (n,) and cell (n, 2) of each atom in the grain of a seed, and a, b."""
    cell = _translations(points, kinds, tree, seed, spacing)
    if cell is None:
        return None
    alike = kinds == kinds[seed]
    member = np.zeros(len(points), bool)
    for _ in range(_ROUNDS):
        cell = reduced(cell)
        near = min(_TOLERANCE * float(np.linalg.norm(cell[0])), _NEAR * spacing)
        member, index = _grow(points, tree, seed, cell, near, alike)
        if member.sum() < 4:
            return None
        allowed = member.copy()
        allowed[member] = _straight(points[member], cell, near)
        if not allowed[seed]:
            return None
        member, index = _grow(points, tree, seed, cell, near, allowed)
        if member.sum() < 4:
            return None
        cell = _fitted(points[member], index[member])
        if abs(np.linalg.det(cell)) < 0.3 * spacing**2:
            return None
    cell = reduced(cell)
    near = min(_TOLERANCE * float(np.linalg.norm(cell[0])), _NEAR * spacing)
    member, index = _grow(points, tree, seed, cell, near, member)
    inside, numbers = points[member], index[member]
    _, ends = _partners(inside, cKDTree(inside), cell, near)
    met = ends < len(inside)
    if len(inside) < 4 or met.mean() < _FILLED:
        return None
    start, step = np.nonzero(met)
    if (numbers[ends[met]] - numbers[start] != _STEPS[step]).any():
        # Around a dislocation the numbers depend on the path: the cell is the mean step.
        cell = np.linalg.lstsq(_STEPS[step], inside[ends[met]] - inside[start], rcond=None)[0]
    sites = _sublattices(points, kinds, member, index, cell, near)
    return (sites, index, cell) if (sites >= 0).sum() >= FEWEST else None


def _translations(
    points: np.ndarray, kinds: np.ndarray, tree: cKDTree, seed: int, spacing: float
) -> np.ndarray | None:
    """Return two translations (2, 2) that lead from the atoms around a seed to others, or None."""
    order = tree.query(points[seed], k=min(_ENDS, len(points)))[1]
    voters = order[:_VOTERS]
    vectors = points[order[1:]] - points[seed]
    if len(voters) < FEWEST:
        return None
    agree, missed = np.zeros((2, len(vectors)))
    for _ in range(2):
        there = points[voters] + vectors[:, None]
        distance, end = tree.query(there, distance_upper_bound=_NEAR * spacing)
        met = np.isfinite(distance)
        end = np.where(met, end, 0)
        met &= kinds[end] == kinds[voters]
        apart = np.where(met[..., None], points[end] - there, 0)
        count = np.maximum(met.sum(axis=1), 1)
        mean = apart.sum(axis=1) / count[:, None]
        apart = np.where(met[..., None], apart - mean[:, None], 0)
        missed = np.sqrt((apart**2).sum(axis=(1, 2)) / count)
        agree = met.mean(axis=1)
        vectors = vectors + mean
    length = np.linalg.norm(vectors, axis=1)
    agreed = (agree >= _AGREE) & (missed < _CHANCE * spacing) & (length > 0.7 * spacing)
    agreed &= agree >= _AS_OFTEN * agree.max(where=agreed, initial=0)
    exact = max(_AS_NEAR * missed.min(where=agreed, initial=np.inf), _EXACT * spacing)
    good = np.flatnonzero(agreed & (missed <= exact))
    good = good[np.argsort(length[good], kind="stable")]
    if not len(good):
        return None
    a = vectors[good[0]]
    across = np.abs(_cross(a, vectors[good])) > 0.3 * np.linalg.norm(a) * length[good]
    return np.array([a, vectors[good[across][0]]]) if across.any() else None


def _grow(
    points: np.ndarray, tree: cKDTree, seed: int, cell: np.ndarray, near: float, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Follow the translations from a seed; return which atoms they reach, and their cells."""
    number = len(points)
    # The last entry stands for no atom.
    member, index = np.zeros(number + 1, bool), np.zeros((number, 2), int)
    free = np.append(allowed, False)
    front = np.array([seed])
    member[seed], free[seed] = True, False
    # Two atoms of one sublattice are no closer than a translation: otherwise, in the core of a
    # dislocation, one sublattice would continue as another.
    crowded = _CROWDED * np.linalg.norm(cell, axis=1).min()
    beside = min(_MOST_SUBLATTICES, number)
    while len(front):
        distance, ends = _partners(points[front], tree, cell, near)
        start, step = np.nonzero(free[ends])
        # Only around atoms that are reached: a small grain in a large frame takes little work.
        met, way = np.unique(ends[start, step], return_inverse=True)
        _, close = tree.query(points[met], k=beside, distance_upper_bound=crowded)
        order = np.argsort(distance[start, step], kind="stable")
        order = order[~member[close].any(axis=1)[way[order]]]
        # Of several paths to an atom, the one that misses it least.
        way, first = np.unique(way[order], return_index=True)
        reached, best = met[way], order[first]
        index[reached] = index[front[start[best]]] + _STEPS[step[best]]
        member[reached], free[reached] = True, False
        front = reached
    return member[:-1], index


def _partners(
    points: np.ndarray, tree: cKDTree, cell: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far off the atoms at the six steps are, inf if there is none, and which."""
    return tree.query(points[:, None] + _STEPS @ cell, distance_upper_bound=near)


def _straight(inside: np.ndarray, cell: np.ndarray, near: float) -> np.ndarray:
    """Return where the lattice, averaged over neighbours, is close to that of the grain, bool."""
    number = len(inside)
    distance, ends = _partners(inside, cKDTree(inside), cell, near)
    met = np.isfinite(distance)
    ends = np.where(met, ends, 0)
    apart = np.where(met[..., None], inside[ends] - inside[:, None] - _STEPS @ cell, 0)
    # Least squares of the change of the cell, from the steps that lead to an atom.
    normal = np.einsum("ns,si,sj->nij", met.astype(float), _STEPS, _STEPS)
    known = np.linalg.det(normal) > 0.5
    normal[~known] = np.eye(2)
    change = np.linalg.solve(normal, np.einsum("si,nsj->nij", _STEPS, apart))
    bend = np.linalg.inv(cell) @ change
    bend[~known] = 0
    weight = known.astype(float)
    total = bend + np.where(met[..., None, None], bend[ends], 0).sum(axis=1)
    count = weight + np.where(met, weight[ends], 0).sum(axis=1)
    mean = total / np.maximum(count, 1)[:, None, None]
    return (count > 0) & (np.linalg.norm(mean.reshape(number, 4), axis=1) < np.sqrt(2) * _BENT)


def _fitted(inside: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the cell that fits the atoms of one sublattice best."""
    design = np.column_stack([np.ones(len(index)), index])
    return np.linalg.lstsq(design, inside, rcond=None)[0][1:]


def _sublattices(
    points: np.ndarray,
    kinds: np.ndarray,
    member: np.ndarray,
    index: np.ndarray,
    cell: np.ndarray,
    near: float,
) -> np.ndarray:
    """Return the sublattice of each atom, -1 for none; the cells in `index` are filled in."""
    sites = np.where(member, 0, -1)
    inside = np.flatnonzero(member)
    left = np.flatnonzero(~member)
    reach = np.linalg.norm(cell, axis=1).max()
    distance, nearest = cKDTree(points[inside]).query(points[left], distance_upper_bound=reach)
    left, nearest = left[distance < reach], inside[nearest[distance < reach]]
    # The places of the others in the cell of the nearest atom of the first sublattice.
    place = (points[left] - points[nearest]) @ np.linalg.inv(cell)
    offset, kind = np.zeros(2), kinds[inside[0]]
    for site in range(_MOST_SUBLATTICES):
        if site:
            if len(left) < 4:
                break
            offset, kind, count = _densest(place, kinds[left], cell, near)
            if count < max(4, _SHARE * len(inside)):
                break
        apart, whole = _apart(place, offset, cell)
        these = (apart < near) & (kinds[left] == kind)
        sites[left[these]] = site
        index[left[these]] = index[nearest[these]] + whole[these]
        left, nearest, place = left[~these], nearest[~these], place[~these]
    counts = np.bincount(sites[sites >= 0])
    rank = np.append(np.argsort(np.argsort(-counts, kind="stable")), -1)
    return rank[sites]


def _apart(
    place: np.ndarray, offset: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of places in the cell from an offset, and how many cells lie between."""
    whole = np.rint(place - offset)
    return np.linalg.norm((place - offset - whole) @ cell, axis=1), whole.astype(int)


def _densest(
    place: np.ndarray, kinds: np.ndarray, cell: np.ndarray, near: float
) -> tuple[np.ndarray, int, int]:
    """Return where in the cell most atoms of a kind lie, the kind, and how many."""
    # A few dozen atoms are enough to find a sublattice with a fair share of them.
    some = range(0, len(place), max(len(place) // 60, 1))

    def beside(offset: np.ndarray, kind: int) -> np.ndarray:
        return (_apart(place, offset, cell)[0] < near) & (kinds == kind)

    best = max(some, key=lambda one: np.count_nonzero(beside(place[one], int(kinds[one]))))
    offset, kind = place[best], int(kinds[best])
    for _ in range(2):
        _, whole = _apart(place, offset, cell)
        offset = (place - whole)[beside(offset, kind)].mean(axis=0)
    return offset, kind, int(np.count_nonzero(beside(offset, kind)))
