# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals that were read as two lattices, each in a part of them.

Where the contrast inverts within a crystal, because it is thick or the defocus changes, a network
may take the places between the columns for columns in one part of it and not in the other. No
crystal is like that: its columns are all on one lattice. Such a crystal is torn, and the image is
worth a second look at its negative, in which columns are where the contrast has them elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.graphs import LATTICE, sides
from hyperspy_dlatoms.analysis.lattice import SHEETS
from hyperspy_dlatoms.detection.sites import PROBABILITY, X, Y, keep_best

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hyperspy_dlatoms.networks.card import ModelCard
    from hyperspy_dlatoms.networks.maps import SiteMaps
    from hyperspy_dlatoms.networks.network import AtomNetwork

# In distances of nearest neighbours: how far pairs are looked at, and the steps of a cell are
# looked for; and how far apart two like steps, or a site and where the lattice has it, may be.
_REACH = 2.2
_CELL = 1.7
_ALIKE = 0.12
_ON_LATTICE = 0.13
# Of the sites, from how many a step of their lattice leads to another one.
_COMMON = 0.15
_SINE = 0.4
# Of the sites of a crystal, those on the weaker lattice; and how much better whole the negative has
# to be, since most images are read as they are.
_TORN = 0.03
_BETTER = 1.6
# Sites of the largest crystal that is looked at again: a nanoparticle. Frames that one larger
# crystal fills are large, and a second look takes as long as the first.
_LARGEST = 1000
# Sites from which the cell is looked for.
_MOST = 100


class Negated:
    """A network that looks at the negative of images.

    Parameters
    ----------
    network : AtomNetwork or Symmetrised
        The network.
    """

    def __init__(self, network: AtomNetwork) -> None:
        self.network = network
        self.card = network.card
        self.grid_multiple = network.grid_multiple

    def maps(self, batch: np.ndarray) -> SiteMaps:
        """Give the maps of the negatives of a batch, see `AtomNetwork.maps`."""
        return self.network.maps(-batch)


class Grains(NamedTuple):
    """Which sites belong to one crystal, and to which of two lattices in it.

    Attributes
    ----------
    grain : numpy.ndarray
        Number of the crystal of each site, shape (n,).
    side : numpy.ndarray
        Which of two lattices, each in the middle of the cells of the other, shape (n,): 0 or 1.
    """

    grain: np.ndarray
    side: np.ndarray

    def support(self, weight: np.ndarray) -> np.ndarray:
        """Add up a weight over the sites of each crystal and lattice, shape (grains, 2)."""
        n = 2 * (self.grain.max(initial=-1) + 1)
        return np.bincount(2 * self.grain + self.side, weight, minlength=n).reshape(-1, 2)


def cell(sites: np.ndarray) -> np.ndarray | None:
    """Find the two shortest steps of the lattice that most sites are on.

    Parameters
    ----------
    sites : numpy.ndarray
        Positions, shape (n, 2).

    Returns
    -------
    numpy.ndarray or None
        The steps, one a row, in the unit of the positions; None where there is no lattice.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.torn import cell
    >>> sites = np.argwhere(np.ones((6, 6))) @ np.array([[2.0, 0.0], [0.5, 3.0]])
    >>> np.abs(cell(sites)).round(3).tolist()
    [[2.0, 0.0], [0.5, 3.0]]
    """
    if len(sites) < 2 * LATTICE:
        return None
    tree = cKDTree(sites)
    nearest = float(np.median(tree.query(sites, k=2)[0][:, 1]))
    some = sites[:: len(sites) // _MOST + 1]
    ends = tree.query_ball_point(some, _CELL * nearest)
    start = np.repeat(np.arange(len(some)), [len(one) for one in ends])
    steps = sites[np.concatenate(ends).astype(np.intp)] - some[start]
    start, steps = (part[np.any(steps != 0, axis=1)] for part in (start, steps))
    first, members = _most_common(steps, _ALIKE * nearest)
    if len(members) < _COMMON * len(some):
        return None
    # Both steps are to be of one crystal.
    same = np.isin(start, start[members])
    across = np.abs(steps @ [-first[1], first[0]]) > _SINE * np.linalg.norm(steps, axis=1) * (
        np.linalg.norm(first)
    )
    if not (same & across).any():
        return None
    second, others = _most_common(steps[same & across], _ALIKE * nearest)
    if len(others) < len(members) / 2:
        return None
    return _shortest(first, second)


def grains(sites: np.ndarray, steps: np.ndarray) -> Grains:
    """Tell which sites are on one lattice, and which in the middle of its cells.

    Pairs of sites that are nearly a whole number of steps apart are on the same lattice, those that
    are half a step more apart along both on the two that lie between each other. Both hold from
    site to site, so that a crystal may be bent.

    Parameters
    ----------
    sites : numpy.ndarray
        Positions, shape (n, 2).
    steps : numpy.ndarray
        The two shortest steps of the lattice, shape (2, 2).

    Returns
    -------
    Grains

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.torn import grains
    >>> sites = np.array([[0, 0], [0, 2], [0, 4], [3, 3], [3, 5], [9, 9.0]])
    >>> found = grains(sites, np.array([[0, 2.0], [2.0, 0]]))
    >>> found.grain.tolist(), found.side.tolist()
    ([0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 0])
    """
    n = len(sites)
    nearest = np.linalg.norm(steps, axis=1).min()
    pairs = cKDTree(sites).query_pairs(_REACH * nearest, output_type="ndarray")
    first, second = pairs.T.astype(np.int32)
    apart = (sites[second] - sites[first]) @ np.linalg.inv(steps)

    def off(shift: float) -> np.ndarray:
        rest = apart - shift
        return np.linalg.norm((rest - np.rint(rest)) @ steps, axis=1) / nearest

    same, other = off(0.0) < _ON_LATTICE, off(0.5) < _ON_LATTICE
    part = _parts(first[same], second[same], n)
    a, b = part[first[other]], part[second[other]]
    side, grain = sides(a[a != b], b[a != b], part.max(initial=-1) + 1)
    return Grains(grain[part], side[part].astype(np.int32))


def torn(found: Grains) -> np.ndarray:
    """Tell which crystals are torn.

    Parameters
    ----------
    found : Grains
        Of all sites of a frame.

    Returns
    -------
    numpy.ndarray
        Of each crystal, bool; never of one larger than a nanoparticle.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.torn import Grains, torn
    >>> torn(Grains(np.array([0] * 20 + [1] * 20), np.array([1] * 10 + [0] * 30))).tolist()
    [True, False]
    """
    numbers = found.support(np.ones(len(found.grain)))
    less, all_of_it = numbers.min(axis=1), numbers.sum(axis=1)
    return (less >= LATTICE) & (less > _TORN * all_of_it) & (all_of_it <= _LARGEST)


def torn_crystals(sites: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Go through the lattices of some sites, one orientation after another.

    Parameters
    ----------
    sites : numpy.ndarray
        Positions, shape (n, 2).

    Yields
    ------
    steps : numpy.ndarray
        Of the lattice that most of the sites are on, shape (2, 2), then of those not on it.
    members : numpy.ndarray
        Indices of the sites of crystals of that lattice that are torn; of most lattices none.
    """
    left = np.arange(len(sites))
    while (steps := cell(sites[left])) is not None:
        found = grains(sites[left], steps)
        yield steps, left[torn(found)[found.grain]]
        large = np.bincount(found.grain) >= 2 * LATTICE
        if not large.any():
            return
        left = left[~large[found.grain]]


def may_tear(cards: Sequence[ModelCard]) -> bool:
    """Tell whether what some networks look for has a lattice that can be taken for another one.

    Parameters
    ----------
    cards : sequence of ModelCard
        Of the networks.

    Returns
    -------
    bool
        Not in the honeycombs of two-dimensional materials, where no site is in the middle of a
        cell, nor where the sites are told apart, or the images are focal series.
    """
    card, known = cards[0], {name for card in cards for name in card.materials}
    if len(card.classes) > 1 or card.images > 1:
        return False
    return not known or any(name not in SHEETS for name in known)


def is_torn(sites: np.ndarray) -> bool:
    """Tell whether a crystal among the sites of a frame is torn.

    Parameters
    ----------
    sites : numpy.ndarray
        As `find_sites` gives them, shape (n, k).

    Returns
    -------
    bool
    """
    return any(len(members) for _, members in torn_crystals(sites[:, : X + 1]))


def mend(sites: np.ndarray, again: np.ndarray, distance: float) -> np.ndarray:
    """Take crystals that are torn from the negative of the image, where they are whole in it.

    What a crystal is worth in either is how much the support of the one lattice, the sum of the
    probabilities of its sites, is above that of the other.

    Parameters
    ----------
    sites, again : numpy.ndarray
        As found in the image and in its negative, shapes (n, k) and (m, k): y, x and the
        probability first.
    distance : float
        The least distance of two sites, in the unit of the positions.

    Returns
    -------
    numpy.ndarray
        Shape (l, k), sorted by y, then x.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.torn import mend
    >>> square = 2.0 * np.argwhere(np.ones((6, 6)))
    >>> square = np.column_stack([square, np.full(36, 0.9)])
    >>> between = square + [1.0, 1.0, 0.0]
    >>> as_it_is = np.concatenate([square[:18], between[18:30]])
    >>> bool((mend(as_it_is, square, 1.5) == square).all())
    True
    >>> bool((mend(as_it_is, as_it_is, 1.5) == as_it_is).all())
    True
    """
    both, n = np.concatenate([sites, again]), len(sites)
    negative = np.arange(len(both)) >= n
    kept = ~negative
    for steps, members in torn_crystals(sites[:, : X + 1]):
        found = grains(both[:, : X + 1], steps)
        worth, worth_again = (
            np.abs(np.diff(found.support(both[:, PROBABILITY] * which), axis=1))[:, 0]
            for which in (~negative, negative)
        )
        changed = np.zeros(len(worth), bool)
        changed[found.grain[members]] = True
        changed &= worth_again > _BETTER * worth
        kept = np.where(changed[found.grain], negative, kept)
    if kept[:n].all():
        return sites
    both = both[kept]
    both = both[keep_best(both[:, : X + 1], both[:, PROBABILITY], distance)]
    return both[np.lexsort((both[:, X], both[:, Y]))]


def _most_common(steps: np.ndarray, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean of the steps about the most common one, and which they are."""
    near = cKDTree(steps)
    best = int(near.query_ball_point(steps, apart, return_length=True).argmax())
    members = near.query_ball_point(steps[best], apart)
    return steps[members].mean(axis=0), np.array(members)


def _shortest(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the two shortest steps of a lattice, from any two, as Gauss reduces them."""
    while True:
        if second @ second < first @ first:
            first, second = second, first
        times = round(float(first @ second / (first @ first)))
        if not times:
            return np.stack([first, second])
        second = second - times * first


def _parts(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    return connected_components(graph, directed=False)[1]
