# SPDX-License-Identifier: GPL-3.0-or-later
"""Rings of bonds: the hexagons of a honeycomb, and the pentagons and heptagons of its defects."""

from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms._near import connected
from hyperspy_dlatoms.analysis._neighbours import bonds, fans


class Rings(NamedTuple):
    """The rings of a sheet, in the order of their centres along y.

    Attributes
    ----------
    sizes : numpy.ndarray
        The number of atoms in each, int, shape (r,).
    centres : numpy.ndarray
        The mean y, x of these, shape (r, 2).
    areas : numpy.ndarray
        In the unit of the positions squared, shape (r,).
    members : list of numpy.ndarray
        The numbers of the atoms around each ring, in sequence.
    """

    sizes: np.ndarray
    centres: np.ndarray
    areas: np.ndarray
    members: list[np.ndarray]


def find_rings(
    positions: np.ndarray, pairs: np.ndarray | None = None, *, largest: int = 12
) -> Rings:
    """Find the rings that bonds enclose.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    pairs : numpy.ndarray, optional
        The bonds, shape (m, 2), by default those of :func:`bonds`; each may be listed twice, from
        either end. No two may cross.
    largest : int, optional
        Larger rings are taken for holes and left out, like the outside. A missing atom in a
        honeycomb leaves a ring of 12, or of 9 if two of its neighbours are bonded.

    Returns
    -------
    Rings

    Examples
    --------
    >>> angle = np.arange(6) * np.pi / 3
    >>> rings = find_rings(1.42 * np.column_stack([np.sin(angle), np.cos(angle)]))
    >>> rings.sizes, rings.areas.round(2)
    (array([6]), array([5.24]))
    """
    positions = np.asarray(positions, float)[:, :2]
    pairs = bonds(positions) if pairs is None else np.unique(np.sort(pairs), axis=0)
    # Dangling atoms, and chains of them, are in no ring.
    while len(pairs):
        count = np.bincount(pairs.ravel(), minlength=len(positions))
        inner = (count[pairs] > 1).all(axis=1)
        if inner.all():
            break
        pairs = pairs[inner]
    none = Rings(np.empty(0, int), np.empty((0, 2)), np.empty(0), [])
    if not len(pairs):
        return none
    fan = fans(positions, pairs)
    number = len(fan.start)
    before = np.argsort(fan.following)
    # Along a bond, then on along the next one in angle, on the side of the ring.
    onward = before[fan.opposite]
    ring = connected(np.column_stack([np.arange(number), onward]), number)
    y, x = (positions[fan.start] - positions.mean(axis=0)).T
    y_end, x_end = y[onward], x[onward]
    area = np.bincount(ring, x * y_end - x_end * y) / 2
    size = np.bincount(ring)
    # The outside is traversed the other way round.
    good = np.flatnonzero((area > 0) & (size <= largest))
    order = np.argsort(ring, kind="stable")
    starts = np.searchsorted(ring[order], good)
    members = []
    for at in starts:
        way = [order[at]]
        while (following := onward[way[-1]]) != way[0]:
            way.append(following)
        members.append(fan.start[way])
    # A ring that touches itself is a hole with a bridge across.
    simple = [len(np.unique(one)) == len(one) for one in members]
    good = good[simple]
    members = [one for one, keep in zip(members, simple, strict=True) if keep]
    if not members:
        return none
    centres = np.array([positions[one].mean(axis=0) for one in members])
    order = np.lexsort(centres.T[::-1])
    return Rings(
        size[good][order], centres[order], area[good][order], [members[one] for one in order]
    )
