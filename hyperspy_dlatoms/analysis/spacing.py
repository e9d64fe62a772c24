# SPDX-License-Identifier: GPL-3.0-or-later
"""The distance of neighbours in a list of sites, from the lattice that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.lattice import REACH

if TYPE_CHECKING:
    from hyperspy_dlatoms.analysis.lattice import Lattice

FEWEST = 12
"""Sites that a lattice needs: those of three cells a side of a square one, and some to spare."""

# Sites that are used of a large frame: their lattice is known to 0.1 %.
_MOST = 20_000
# Of the logarithm of a distance, so relative: the bins; the width of a shell of neighbours, from
# noise and strain; and how far the distance of neighbours in the lattice may be from that of the
# sites, which strays make shorter, gaps longer.
_STEP = 0.005
_WIDTH = 0.025
_SEARCH = 0.6
# Nearest distances that the histograms begin at.
_BELOW = 0.7
# Twice and three times the width of a shell: the distances that refine its place, and neighbours.
_ON_SHELL = 0.05
_BOND = 0.08
# Of the refinement, after which it no longer changes.
_ROUNDS = 4


class Spacing(NamedTuple):
    """How well some sites make a lattice, and of what size."""

    nearest: float
    """Distance of nearest neighbours in the unit of the positions."""
    likeness: float
    """Correlation of the distances between the sites with those of the lattice: 1 for a crystal,
    about 0.5 or less for sites at random."""
    neighbours: float
    """How many nearest neighbours a site has, relative to the lattice: less than 1 for a small
    crystal, and small where most sites are alone."""


def fit_spacing(positions: np.ndarray, lattice: Lattice) -> Spacing | None:
    """Fit the size of a lattice to sites, (y, x) of shape (n, 2), sorted by y, in any unit.

    The distances between all neighbours make a histogram of which a crystal, in whatever
    orientation and in however many grains, has one of its own but for its size. On a logarithmic
    scale the size is a shift, found by correlation with the histogram of the lattice, then refined
    as the median over the distances near those of the lattice. None for fewer than ``FEWEST``.
    """
    positions = positions[:_MOST]
    if len(positions) < FEWEST:
        return None
    tree = cKDTree(positions)
    usual = float(np.median(tree.query(positions, k=2)[0][:, 1]))
    if usual <= 0:
        return None
    template = _template(lattice)
    start = np.log(usual * _BELOW) - _SEARCH
    bins = len(template) + 2 * round(_SEARCH / _STEP)
    pairs = tree.query_pairs(np.exp(start + bins * _STEP), output_type="ndarray")
    distance = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    logarithm = np.log(np.maximum(distance, np.exp(start) / 2))
    logarithm = logarithm[logarithm >= start]
    index = np.minimum(((logarithm - start) / _STEP).astype(int), bins - 1)
    # The farther, the more neighbours: weighed so that sites anywhere make a flat histogram.
    histogram = np.bincount(index, np.exp(-2 * (logarithm - start)), minlength=bins)
    likeness = _correlation(gaussian_filter1d(histogram, 0.8 * _WIDTH / _STEP), template)
    best = int(likeness.argmax())
    nearest = start + best * _STEP - np.log(_BELOW)
    shells = np.log(lattice.distances)
    for _ in range(_ROUNDS):
        apart = logarithm - nearest
        apart -= shells[_nearest(apart, shells)]
        near = np.abs(apart) < _ON_SHELL
        if not near.any():
            return None
        nearest += float(np.median(apart[near]))
    bonds = np.count_nonzero(np.abs(logarithm - nearest) < _BOND)
    neighbours = 2 * bonds / len(positions) / lattice.counts[0]
    return Spacing(float(np.exp(nearest)), float(likeness[best]), float(neighbours))


def _template(lattice: Lattice) -> np.ndarray:
    """Return the histogram of a lattice, of the logarithm of distances from ``_BELOW``."""
    logarithm = np.arange(np.log(_BELOW), np.log(REACH), _STEP)
    apart = (logarithm[:, None] - np.log(lattice.distances)) / _WIDTH
    return np.exp(-(apart**2) / 2) @ (lattice.counts / lattice.distances**2)


def _correlation(histogram: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Correlate a template with each part of a histogram, each centred and scaled."""
    parts = np.lib.stride_tricks.sliding_window_view(histogram, len(template))
    parts = parts - parts.mean(axis=1, keepdims=True)
    template = template - template.mean()
    norm = np.sqrt((parts**2).sum(axis=1) * (template**2).sum())
    return parts @ template / np.maximum(norm, 1e-30)


def _nearest(values: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return the index of the nearest of some ascending marks."""
    between = (marks[1:] + marks[:-1]) / 2
    return np.searchsorted(between, values)
