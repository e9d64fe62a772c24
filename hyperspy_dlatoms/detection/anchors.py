# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubtful sites, of which those count that hang together with one that is likely.

Atoms come in crystals and sheets. At low doses a network is sure of some of their atoms and has a
fair idea of the others, while what it takes for an atom in amorphous carbon or noise is alone, or
as doubtful as what is around it. So two thresholds tell more than one: a low one for the sites, and
a high one, that of an anchor, for the likeliest of those that touch each other.

References
----------
J. Canny, "A computational approach to edge detection", IEEE Transactions on Pattern Analysis and
Machine Intelligence 8, 679-698 (1986), section VIII, for two thresholds and what connects.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

TOUCHING = 2.0
"""How far apart two sites may be that touch, in the least distance of two sites."""


def likeliest_joined(positions: np.ndarray, probability: np.ndarray, reach: float) -> np.ndarray:
    """Give the probability of the likeliest site that a chain of touching sites leads to.

    Parameters
    ----------
    positions : numpy.ndarray
        (y, x) of the sites, shape (n, 2).
    probability : numpy.ndarray
        Of each, shape (n,).
    reach : float
        Distance up to which two sites touch, in the unit of the positions.

    Returns
    -------
    numpy.ndarray
        Shape (n,); of a site that is alone its own.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.anchors import likeliest_joined
    >>> row = np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 4.0], [0.0, 9.0]])
    >>> likeliest_joined(row, np.array([0.5, 0.4, 0.9, 0.6]), reach=2.5).tolist()
    [0.9, 0.9, 0.9, 0.6]
    """
    n = len(positions)
    if n == 0:
        return np.empty(0)
    first, second = cKDTree(positions).query_pairs(reach, output_type="ndarray").T
    touching = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    _, cluster = connected_components(touching, directed=False)
    best = np.zeros(cluster.max() + 1)
    np.maximum.at(best, cluster, probability)
    return best[cluster]


def anchored(
    positions: np.ndarray, probability: np.ndarray, anchor: float | None, reach: float
) -> np.ndarray:
    """Tell which sites hang together with one that is likely.

    Parameters
    ----------
    positions, probability, reach
        As for `likeliest_joined`.
    anchor : float or None
        Least probability of the likeliest one; None where each site stands for itself.

    Returns
    -------
    numpy.ndarray
        Bool, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.anchors import anchored
    >>> row = np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 9.0]])
    >>> anchored(row, np.array([0.5, 0.9, 0.6]), anchor=0.8, reach=2.5).tolist()
    [True, True, False]
    """
    likely = np.ones(len(positions), bool) if anchor is None else probability >= anchor
    if likely.all():
        return likely
    return likeliest_joined(positions, probability, reach) >= anchor
