# SPDX-License-Identifier: GPL-3.0-or-later
"""Square lattices that are not those of the atoms, told by the image.

A square lattice holds another one, larger by the square root of two, in every second of its sites,
and is half of a third one, smaller by as much, which has a site in each hollow as well. A network
that takes an image to be finer or coarser by that factor may find either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.graphs import two_colouring

if TYPE_CHECKING:
    from hyperspy_dlatoms.analysis.lattice import Lattice

# In distances of neighbours: the blur, and how far a pair may be from a neighbour or a diagonal.
_BLUR = 0.15
_ABOUT = 0.15
_DIAGONAL = np.sqrt(2)
# The image in a hollow is as in a site, relative to between them; or one side's sites differ from
# the other's by more than all else in the image does.
_EQUAL = 0.28
_DIFFERENT = 1.0


class Levels(NamedTuple):
    """The image in and between the sites of a square lattice.

    The mean between two neighbours, and between four, less that in the sites next to them; and the
    mean in every second site less that in the others.
    """

    bridge: float
    hollow: float
    difference: float

    @property
    def is_sublattice(self) -> bool:
        """Whether the hollows look like sites, so that half of these are missing."""
        return abs(self.hollow) < _EQUAL * abs(self.bridge)

    @property
    def has_hollows(self) -> bool:
        """Whether every second site looks like no site."""
        return abs(self.difference) > _DIFFERENT * max(abs(self.bridge), abs(self.hollow))


def is_square(lattice: Lattice) -> bool:
    """Whether a lattice is square, with one site in a cell."""
    return np.allclose(lattice.counts[:2], 4) and np.isclose(lattice.distances[1], _DIAGONAL)


def square_levels(image: np.ndarray, sites: np.ndarray, nearest: float) -> Levels:
    """Measure an image (H, W) in and between sites (n, 2) of a square lattice, distances in px.

    All is 0 where there is nothing to measure.
    """
    image = gaussian_filter(np.asarray(image, np.float32), _BLUR * nearest)

    def level(positions: np.ndarray) -> np.ndarray:
        return map_coordinates(image, positions.T, order=1, mode="nearest")

    pairs = cKDTree(sites).query_pairs((_DIAGONAL + _ABOUT) * nearest, output_type="ndarray")
    first, second = pairs.T
    distance = np.linalg.norm(sites[first] - sites[second], axis=1) / nearest
    bridges, hollows = np.abs(distance - 1) < _ABOUT, np.abs(distance - _DIAGONAL) < _ABOUT
    here = level(sites)
    between = level((sites[first] + sites[second]) / 2) - (here[first] + here[second]) / 2
    side, part = two_colouring(pairs[bridges], len(sites))
    largest = part == np.bincount(part).argmax()
    halves = [here[largest & (side == one)] for one in (0, 1)]
    if not (bridges.any() and hollows.any() and all(map(len, halves))):
        return Levels(0.0, 0.0, 0.0)
    return Levels(
        float(between[bridges].mean()),
        float(between[hollows].mean()),
        float(halves[0].mean() - halves[1].mean()),
    )
