# SPDX-License-Identifier: GPL-3.0-or-later
"""From the maps of a network to a list of sites."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.graphs import outvoted
from hyperspy_dlatoms.networks.maps import SiteMaps, peaks, score
from hyperspy_dlatoms.networks.resampling import Grid

Y, X, PROBABILITY, Y_SIGMA, X_SIGMA, SPECIES, SCORE = range(7)
"""Columns of an array of candidates. Then follow the probability of each class, where there is more
than one; the height and its sigma, where the network tells; and what each member of an ensemble
says there."""

MOSTLY = 0.5
"""Share of masked pixels from which a place is mostly masked."""


def candidates(
    maps: SiteMaps,
    stride: int,
    threshold: float,
    reach: float,
    core: tuple[slice, slice] | None = None,
) -> np.ndarray:
    """Find the cells that stand for a site: local maxima of the score.

    The score is the probability of a site of any class, times a Gaussian of the length of the
    offset, so that among the cells around a site the nearest one speaks. Of its position those
    around it speak as well, see `positions_of`.

    Parameters
    ----------
    maps : SiteMaps
        Maps of one frame or tile: probability (h, w, K), offset and sigma (h, w, 2).
    stride : int
        Working px per cell.
    threshold : float
        Lowest probability of a site of any class.
    reach : float
        Standard deviation of the Gaussian in working px.
    core : tuple of slice, optional
        Cells that are asked, all unless told.

    Returns
    -------
    numpy.ndarray
        Float64 array (k, 7): y, x, probability, y_sigma, x_sigma, index of the most probable class,
        score; lengths in working px, from the first pixel of the maps. More columns for the
        probability of each of several classes, and for the height and its sigma.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.sites import candidates
    >>> from hyperspy_dlatoms.networks.maps import SiteMaps
    >>> probability = np.zeros((8, 8, 1), np.float32)
    >>> probability[3, 4] = 0.9
    >>> offset = np.full((8, 8, 2), 0.25, np.float32)
    >>> maps = SiteMaps(probability, offset, np.ones_like(offset))
    >>> [float(value) for value in candidates(maps, stride=2, threshold=0.5, reach=2.0)[0, :2]]
    [6.75, 8.75]
    """
    from keras.ops import convert_to_numpy

    if maps.peak is None:
        peak = peaks(maps.each(lambda part: part[None]), reach)
        maps = maps._replace(peak=convert_to_numpy(peak)[0])
    probability = maps.probability.sum(axis=-1)
    best = maps.peak & (probability >= threshold)
    if core is not None:
        inside = np.zeros_like(best)
        inside[core] = True
        best &= inside
    here = np.nonzero(best)
    return np.column_stack(
        [
            positions_of(np.stack(here, axis=1), probability, maps, stride),
            probability[here],
            maps.sigma[here],
            maps.probability[here].argmax(axis=-1),
            convert_to_numpy(score(probability[here], maps.offset[here], reach)),
            *([maps.probability[here]] if maps.probability.shape[-1] > 1 else []),
            *([maps.height[here]] if maps.height is not None else []),
        ]
    ).astype(np.float64)


def positions_of(
    cells: np.ndarray, probability: np.ndarray, maps: SiteMaps, stride: int
) -> np.ndarray:
    """Give the positions of sites, as the nine cells at each of them have it.

    Each cell says where the nearest site is, with an error of its own: the mean of those that mean
    the same site, weighed by their probabilities and inverse variances, is a bit better than what
    the middle one says.

    Parameters
    ----------
    cells : numpy.ndarray
        Rows and columns of the cells that stand for a site, shape (k, 2).
    probability : numpy.ndarray
        Of a site of any class, shape (h, w).
    maps : SiteMaps
        Maps of one frame or tile.
    stride : int
        Working px per cell.

    Returns
    -------
    numpy.ndarray
        (y, x) in working px, from the first pixel of the maps, float64, shape (k, 2).

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.maps import SiteMaps
    >>> offset = np.zeros((4, 4, 2), np.float32)
    >>> offset[1, 1], offset[1, 2] = [0.5, 0.8], [0.5, -0.8]
    >>> maps = SiteMaps(None, offset, np.ones_like(offset))
    >>> positions_of(np.array([[1, 1]]), np.full((4, 4), 0.9), maps, stride=2).round(2).tolist()
    [[3.0, 3.5]]
    """
    (rows, columns), chances = probability.shape, probability.ravel()
    offset, sigma = (part.reshape(-1, 2) for part in (maps.offset, maps.sigma))
    own = offset[cells @ [columns, 1]].astype(np.float64)
    total, weights = np.zeros_like(own), np.zeros_like(own)
    for step in itertools.product((-1, 0, 1), repeat=2):
        y, x = (cells + step).T
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        at = np.where(inside, y * columns + x, 0)
        places = offset[at] + np.multiply(step, stride)
        same = inside & (((places - own) ** 2).sum(axis=1) < (stride / 2) ** 2)
        weight = (same * chances[at])[:, np.newaxis] / sigma[at] ** 2
        total += weight * places
        weights += weight
    return cells * stride + (stride - 1) / 2 + total / weights


def probability_at(positions: np.ndarray, maps: SiteMaps, stride: int) -> np.ndarray:
    """Read the probability of a site of any class from a map.

    Parameters
    ----------
    positions : numpy.ndarray
        (y, x) in working px, from the first pixel of the maps, shape (k, 2).
    maps : SiteMaps
        Maps of one frame or tile.
    stride : int
        Working px per cell.

    Returns
    -------
    numpy.ndarray
        Shape (k,), that of the nearest cell.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.maps import SiteMaps
    >>> probability = np.zeros((8, 8, 1), np.float32)
    >>> probability[3, 4] = 0.75
    >>> maps = SiteMaps(probability, None, None)
    >>> probability_at(np.array([[6.75, 8.75], [6.75, 99.0]]), maps, stride=2).tolist()
    [0.75, 0.0]
    """
    cells = np.rint((positions - (stride - 1) / 2) / stride).astype(np.intp)
    y, x = np.clip(cells, 0, np.array(maps.probability.shape[:2]) - 1).T
    return maps.probability[y, x].sum(axis=-1)


def keep_best(sites: np.ndarray, score: np.ndarray, distance: float) -> np.ndarray:
    """Choose among sites that are closer than two sites can be.

    The best-scored site stays and those within `distance` of it go, then the best-scored of the
    rest stays, and so on.

    Parameters
    ----------
    sites : numpy.ndarray
        Positions, shape (k, 2).
    score : numpy.ndarray
        Score of each, shape (k,); the earlier of two equal ones is the better.
    distance : float
        In the unit of the positions.

    Returns
    -------
    numpy.ndarray
        Boolean array of shape (k,), True for the sites that stay.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.sites import keep_best
    >>> sites = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    >>> keep_best(sites, np.array([0.9, 0.8, 0.7]), 1.5).tolist()
    [True, False, True]
    """
    rank = np.empty(len(sites), np.intp)
    rank[np.argsort(-np.asarray(score), kind="stable")] = np.arange(len(sites))
    keep = np.zeros(len(sites), bool)
    if len(sites) == 0:
        return keep
    pairs = cKDTree(sites).query_pairs(distance, output_type="ndarray")
    better = np.where(rank[pairs[:, 0]] < rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    worse = pairs.sum(axis=1) - better
    undecided = np.ones(len(sites), bool)
    # Each round decides all sites without an undecided better neighbour: a few rounds, whatever
    # the number of sites.
    while undecided.any():
        beaten = np.zeros(len(sites), bool)
        beaten[worse[undecided[better]]] = True
        winners = undecided & ~beaten
        keep |= winners
        undecided &= beaten
        undecided[worse[winners[better]]] = False
    return keep


def masked_fraction(
    positions: np.ndarray, mask: np.ndarray, radius: float, samples: int = 13
) -> np.ndarray:
    """Share of masked pixels around each of some positions.

    Parameters
    ----------
    positions : numpy.ndarray
        (y, x) in px, shape (k, 2).
    mask : numpy.ndarray
        Boolean image, shape (H, W).
    radius : float
        Radius of the disc in px; parts of it outside the image do not count.
    samples : int
        The disc is looked at on a grid of `samples` x `samples` points.

    Returns
    -------
    numpy.ndarray
        Shape (k,), from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.sites import masked_fraction
    >>> mask = np.zeros((20, 20), bool)
    >>> mask[:, :10] = True
    >>> masked_fraction(np.array([[10.0, 4.0], [10.0, 15.0]]), mask, radius=3).tolist()
    [1.0, 0.0]
    """
    steps = np.linspace(-radius, radius, samples)
    dy, dx = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))
    disc = np.hypot(dy, dx) <= radius * (1 + 1e-9)
    y = np.rint(positions[:, :1] + dy[disc]).astype(np.intp)
    x = np.rint(positions[:, 1:2] + dx[disc]).astype(np.intp)
    inside = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
    hit = mask[np.where(inside, y, 0), np.where(inside, x, 0)] & inside
    return hit.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)


def select(
    found: np.ndarray,
    shape: tuple[int, int],
    grid: Grid,
    minimum_distance: float,
    n_classes: int,
    mask: np.ndarray | None,
    disc: float,
) -> np.ndarray:
    """Turn candidates into the sites of a frame.

    Parameters
    ----------
    found : numpy.ndarray
        Candidates (k, 7) in working px, see `candidates`; more columns are kept as they are.
    shape : tuple of int
        Shape of the frame in its own pixels.
    grid : Grid
        Where the working pixels lie on it.
    minimum_distance : float
        Working px that two sites have at least.
    n_classes : int
        Number of classes.
    mask : numpy.ndarray or None
        Bad pixels of the frame, shape `shape`.
    disc : float
        Radius in px of the frame of the disc that is not to be mostly masked around a site.

    Returns
    -------
    numpy.ndarray
        Float64 array (k, 5) of y, x, probability, y_sigma, x_sigma in pixels of the frame, or
        (k, 6) with the index of the class if there is more than one; then the columns that the
        candidates had more, which are kept as they are. Sorted by y, then x.
    """
    found = found[~outvoted(found[:, :2], found[:, PROBABILITY], minimum_distance)]
    found = found[keep_best(found[:, :2], found[:, SCORE], minimum_distance)]
    sites = np.delete(found, [SPECIES, SCORE] if n_classes == 1 else SCORE, axis=1)
    sites[:, :2] = grid.to_native(sites[:, :2])
    sites[:, [Y_SIGMA, X_SIGMA]] *= grid.scale
    inside = ((sites[:, :2] >= -0.5) & (sites[:, :2] <= np.array(shape) - 0.5)).all(axis=1)
    sites = sites[inside]
    if mask is not None:
        sites = sites[masked_fraction(sites[:, :2], mask, disc) <= MOSTLY]
    return sites[np.lexsort((sites[:, X], sites[:, Y]))]
