# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbours: bonds, their lengths and angles, coordination, order, and edges."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import Delaunay, QhullError, cKDTree

# Neighbours among which the first shell is sought: two shells of a hexagonal lattice.
_SEARCHED = 18
# In the logarithm of a distance: the bins, and the width of a shell from noise and strain. Shells
# 15 % apart, as the four and two neighbours of fcc metals along [110], merge.
_STEP, _WIDTH = 0.01, 0.06
# The first shell ends where the histogram falls below this share of its peak, and at 1.6 nearest
# distances at most: the second shell of a honeycomb begins at 1.73.
_GAP, _END = 0.1, 1.6
# Share of the mean side length of an atom's Voronoi cell, below which two cells only touch.
_TOUCH = 0.35
_BETWEEN = 120.0  # Degrees: an atom that sees two others farther apart than this is between them.
# Degrees between the directions of neighbours: a honeycomb has 120, the straight edge of a lattice
# 180, an atom beside a vacancy of a hexagonal lattice 120.
_OPEN = 150.0


class Neighbourhoods(NamedTuple):
    """What is around each atom, each array of shape (n,).

    Attributes
    ----------
    coordination : numpy.ndarray
        The number of neighbours.
    distance, distance_sigma : numpy.ndarray
        Their mean distance and its standard deviation; NaN without neighbours or sigma.
    psi_4, psi_6 : numpy.ndarray
        Bond-orientational order: the absolute mean of exp(4i θ) and exp(6i θ) over the directions
        of the neighbours, 1 for a square or a hexagonal lattice; NaN without neighbours.
    edge : numpy.ndarray
        1 for an atom at the edge of the specimen, with 150° or more of its surroundings empty, 0
        for any other; NaN where the specimen ends only at the edge of the image.
    """

    coordination: np.ndarray
    distance: np.ndarray
    distance_sigma: np.ndarray
    psi_4: np.ndarray
    psi_6: np.ndarray
    edge: np.ndarray


def bonds(
    positions: np.ndarray, cutoff: float | None = None, *, voronoi: bool = False
) -> np.ndarray:
    """Return the pairs of neighbouring atoms.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    cutoff : float, optional
        The longest bond, in the unit of the positions; by default the end of the first shell of
        neighbours, see :func:`first_shell`, or twice that with `voronoi`.
    voronoi : bool, optional
        Whether neighbours are the atoms whose Voronoi cells share a side that is longer than about
        a third of the mean side and with no atom between them, instead of all within the cut-off.

    Returns
    -------
    numpy.ndarray
        Their numbers, the lower first, int, shape (m, 2), sorted.

    Raises
    ------
    ValueError
        If the cut-off is not a positive distance.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> bonds(square)
    array([[0, 1],
           [0, 2],
           [1, 3],
           [2, 3]])
    """
    if cutoff is not None and not (np.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"cutoff is {cutoff}: expected a positive distance in Å.")
    positions = np.asarray(positions, float)[:, :2]
    if len(positions) < 2:
        return np.empty((0, 2), int)
    if cutoff is None:
        cutoff = first_shell(positions) * (2 if voronoi else 1)
    if not voronoi:
        pairs = cKDTree(positions).query_pairs(cutoff, output_type="ndarray")
    else:
        pairs = _voronoi_pairs(positions)
        apart = np.linalg.norm(np.subtract(*positions[pairs.T]), axis=1)
        pairs = pairs[apart <= cutoff]
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort(pairs.T[::-1])].astype(int)


def first_shell(positions: np.ndarray) -> float:
    """Return where the first shell of neighbours ends: the first gap in their distances.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).

    Returns
    -------
    float
        In the unit of the positions; at most 1.6 times the distance of nearest neighbours. 0 for
        fewer than two atoms.

    Examples
    --------
    >>> rows, columns = np.mgrid[:6, :6]
    >>> round(first_shell(2.0 * np.column_stack([rows.ravel(), columns.ravel()])), 1)
    2.4
    """
    number = min(_SEARCHED + 1, len(positions))
    if number < 2:
        return 0.0
    return shell_limit(cKDTree(positions).query(positions, k=number)[0][:, 1:])


def shell_limit(distances: np.ndarray) -> float:
    """Return where the first shell ends, from ascending distances of neighbours, shape (n, k)."""
    distances = np.where(np.isfinite(distances), distances, np.nan)
    nearest = float(np.nanmedian(distances[:, 0]))
    if not nearest > 0:
        return 0.0
    edges = np.arange(-1.0, np.log(2.2), _STEP)
    # Closer ones are one atom found twice, whose weights would exceed those of all others.
    apart = distances[distances > nearest * np.exp(edges[0])]
    logarithm = np.log(apart / nearest)
    # In two dimensions the number of neighbours grows with the square of the distance, in
    # logarithmic bins.
    counts, _ = np.histogram(logarithm, edges, weights=np.exp(-2 * logarithm))
    density = gaussian_filter1d(counts, _WIDTH / _STEP, mode="constant")
    middle = (edges[1:] + edges[:-1]) / 2
    peak = density[np.abs(middle) < 0.15].max()
    end = np.log(_END)
    after = np.flatnonzero((middle > 0.08) & (density < _GAP * peak) & (middle < end))
    if not len(after):
        within = np.flatnonzero((middle > 0.08) & (middle < end))
        return nearest * float(np.exp(middle[within[density[within].argmin()]]))
    start = after[0]
    filled = np.flatnonzero((density >= _GAP * peak) & (middle > middle[start]))
    stop = middle[filled[0]] if len(filled) else end
    return nearest * float(np.exp((middle[start] + min(stop, end)) / 2))


def bond_lengths(
    positions: np.ndarray, sigma: np.ndarray | None, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lengths of bonds, their standard deviations and their directions.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    sigma : numpy.ndarray or None
        Their standard deviations, of the same shape; without them those of the lengths are NaN.
    pairs : numpy.ndarray
        From :func:`bonds`, shape (m, 2).

    Returns
    -------
    length, length_sigma : numpy.ndarray
        In the unit of the positions, shape (m,).
    direction : numpy.ndarray
        Degrees from x to y, -90 to 90, shape (m,).

    Examples
    --------
    >>> ends = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> length, sigma, direction = bond_lengths(ends, np.full((2, 2), 0.1), np.array([[0, 1]]))
    >>> length[0], sigma[0].round(4), direction[0].round(2)
    (np.float64(5.0), np.float64(0.1414), np.float64(36.87))
    """
    one, other = pairs.T
    vector = positions[other] - positions[one]
    length = np.linalg.norm(vector, axis=1)
    direction = np.degrees(np.arctan2(vector[:, 0], vector[:, 1]))
    direction = (direction + 90) % 180 - 90
    if sigma is None:
        return length, np.full(len(pairs), np.nan), direction
    with np.errstate(invalid="ignore"):
        unit = vector / length[:, None]
    return length, np.sqrt((unit**2 * (sigma[one] ** 2 + sigma[other] ** 2)).sum(1)), direction


class Fans(NamedTuple):
    """Each bond in both directions, those of an atom sorted by direction."""

    start: np.ndarray
    end: np.ndarray
    following: np.ndarray  # The next one of the same atom, from x to y, shape (2 m,).
    opposite: np.ndarray  # The same bond from the other end.


def fans(positions: np.ndarray, pairs: np.ndarray) -> Fans:
    """Sort the bonds of each atom by their direction."""
    start, end = np.concatenate([pairs, pairs[:, ::-1]]).T
    vector = positions[end] - positions[start]
    order = np.lexsort((np.arctan2(vector[:, 0], vector[:, 1]), start))
    start, end = start[order], end[order]
    first = np.searchsorted(start, start, side="left")
    last = np.searchsorted(start, start, side="right") - 1
    place = np.arange(len(start))
    following = np.where(place == last, first, place + 1)
    keys = start * len(positions) + end
    by_key = np.argsort(keys)
    opposite = by_key[np.searchsorted(keys[by_key], end * len(positions) + start)]
    return Fans(start, end, following, opposite)


def bond_angles(
    positions: np.ndarray, sigma: np.ndarray | None, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the angles between neighbouring bonds of each atom.

    Parameters
    ----------
    positions, sigma, pairs
        As for :func:`bond_lengths`.

    Returns
    -------
    atoms : numpy.ndarray
        The atom at the vertex and its two neighbours, int, shape (k, 3): as many angles as it has
        bonds, if it has two or more.
    angle, angle_sigma : numpy.ndarray
        Degrees, shape (k,); those around an atom add up to 360.

    Examples
    --------
    >>> corner = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> atoms, angle, _ = bond_angles(corner, None, np.array([[0, 1], [0, 2]]))
    >>> atoms.tolist(), angle.tolist()
    ([[0, 1, 2], [0, 2, 1]], [90.0, 270.0])
    """
    fan = fans(positions, pairs)
    many = fan.following != np.arange(len(fan.start))
    start, one, other = fan.start[many], fan.end[many], fan.end[fan.following[many]]
    directions, moves = [], []
    for end in (one, other):
        vector = positions[end] - positions[start]
        directions.append(np.arctan2(vector[:, 0], vector[:, 1]))
        # How the direction turns as the end moves along y and x.
        square = (vector**2).sum(axis=1)[:, None]
        moves.append(np.column_stack([vector[:, 1], -vector[:, 0]]) / square)
    angle = np.degrees((directions[1] - directions[0]) % (2 * np.pi))
    atoms = np.column_stack([start, one, other])
    if sigma is None:
        return atoms, angle, np.full(len(angle), np.nan)
    variance = (moves[0] * sigma[one]) ** 2 + (moves[1] * sigma[other]) ** 2
    variance += ((moves[1] - moves[0]) * sigma[start]) ** 2
    return atoms, angle, np.degrees(np.sqrt(variance.sum(axis=1)))


def neighbourhoods(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    pairs: np.ndarray,
    window: tuple[np.ndarray, np.ndarray] | None = None,
) -> Neighbourhoods:
    """Return the coordination, order and more for each atom.

    Parameters
    ----------
    positions, sigma, pairs
        As for :func:`bond_lengths`.
    window : tuple of numpy.ndarray, optional
        The first and last y, x of the image; by default the atoms end where the specimen does.

    Returns
    -------
    Neighbourhoods

    Examples
    --------
    >>> rows, columns = np.mgrid[:5, :5]
    >>> places = 2.0 * np.column_stack([rows.ravel(), columns.ravel()])
    >>> around = neighbourhoods(places, None, bonds(places))
    >>> around.coordination.reshape(5, 5)[:2].tolist(), around.psi_4[12].round(6)
    ([[2, 3, 3, 3, 2], [3, 4, 4, 4, 3]], np.float64(1.0))
    >>> int(around.edge.sum())
    16
    """
    number = len(positions)
    fan = fans(positions, pairs)
    count = np.bincount(fan.start, minlength=number)
    vector = positions[fan.end] - positions[fan.start]
    length = np.linalg.norm(vector, axis=1)
    direction = np.arctan2(vector[:, 0], vector[:, 1])

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(fan.start, values, minlength=number)

    spread = np.full(number, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(length) / count
        psi = [
            np.hypot(total(np.cos(k * direction)), total(np.sin(k * direction))) / count
            for k in (4, 6)
        ]
        if sigma is not None:
            unit = vector / length[:, None]
            ends = total(((unit * sigma[fan.end]) ** 2).sum(axis=1))
            both = np.column_stack([total(unit[:, axis]) for axis in range(2)])
            spread = np.sqrt(ends + ((both * sigma) ** 2).sum(axis=1)) / count
    return Neighbourhoods(
        count, mean, spread, psi[0], psi[1], _edge(positions, fan, direction, mean, window)
    )


def _edge(
    positions: np.ndarray,
    fan: Fans,
    direction: np.ndarray,
    mean: np.ndarray,
    window: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """Return which atoms are at an edge of the specimen, NaN for those cut off by the image."""
    number = len(positions)
    gap = (direction[fan.following] - direction) % (2 * np.pi)
    gap[fan.following == np.arange(len(gap))] = 2 * np.pi
    edge = np.zeros(number)
    alone = np.bincount(fan.start, minlength=number) == 0
    edge[alone] = 1
    wide = gap > np.radians(_OPEN)
    edge[fan.start[wide]] = 1
    if window is None:
        return edge
    first, last = window
    # The next neighbours in the open directions may lie outside the image.
    turns = gap[wide, None] * np.array([0.25, 0.5, 0.75])
    towards = direction[wide, None] + turns
    reach = mean[fan.start[wide], None]
    ahead = positions[fan.start[wide], None] + np.stack(
        [np.sin(towards) * reach, np.cos(towards) * reach], axis=-1
    )
    outside = ((ahead < first) | (ahead > last)).any(axis=(1, 2))
    edge[fan.start[wide][outside]] = np.nan
    # The neighbours that a lone atom would have at the usual distance, if it is known.
    reach = np.median(mean[~alone]) if not alone.all() else 0.0
    near = (positions - reach < first) | (positions + reach > last)
    edge[alone & near.any(axis=1)] = np.nan
    return edge


def _voronoi_pairs(positions: np.ndarray) -> np.ndarray:
    """Return pairs of atoms, none between them, whose Voronoi cells share no short side."""
    try:
        mesh = Delaunay(positions)
    except (QhullError, ValueError):
        # With fewer than three atoms, or all in one row, neighbours are those next to each other.
        order = np.lexsort(positions.T)
        return np.column_stack([order[:-1], order[1:]])
    corners = positions[mesh.simplices]
    a, b, c = corners.transpose(1, 0, 2)
    ab, ac = b - a, c - a
    (ab_y, ab_x), (ac_y, ac_x) = ab.T, ac.T
    cross = 2 * (ab_y * ac_x - ab_x * ac_y)
    ab_squared, ac_squared = (ab**2).sum(axis=1), (ac**2).sum(axis=1)
    y, x = ac_x * ab_squared - ab_x * ac_squared, ab_y * ac_squared - ac_y * ab_squared
    centre = a + np.column_stack([y, x]) / cross[:, None]
    # The side between two cells joins the centres of the circles through the triangles beside it,
    # and extends to infinity if there is only one triangle.
    side = np.linalg.norm(centre[:, None] - centre[mesh.neighbors], axis=2)
    side[mesh.neighbors < 0] = np.inf
    inside = side[np.isfinite(side) & (side > 0)]
    touching = side < _TOUCH * (np.median(inside) if len(inside) else 0.0)
    # Triangles at a straight border may be long and flat: one atom lies between the two others.
    one, other = (np.roll(corners, -k, axis=1) - corners for k in (1, 2))
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    between = (one * other).sum(axis=2) < np.cos(np.radians(_BETWEEN)) * lengths
    ends = np.sort(np.stack([np.roll(mesh.simplices, -k, axis=1) for k in (1, 2)], axis=2), axis=2)
    keys = ends @ [len(positions), 1]
    return np.unique(ends[~touching & ~np.isin(keys, keys[between])], axis=0)
