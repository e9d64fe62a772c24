# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair correlation of atoms in a frame."""

import numpy as np
from scipy.spatial import cKDTree


def pair_correlation(
    positions: np.ndarray, edges: np.ndarray, window: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pair correlation g(r) of atoms in a rectangular image.

    The pairs at a distance are divided by the number for as many random atoms in the image, which
    follows from the overlap of the image with itself, shifted by the distance in all directions
    [1]_. Thus the borders of the image leave no trace; those of a particle do, as g falls with
    distance.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    edges : numpy.ndarray
        Edges of the bins, rising from 0 to at most the shorter side of the image, shape (b + 1,).
    window : tuple of float
        Height and width of the image, in the unit of the positions.

    Returns
    -------
    g, g_sigma : numpy.ndarray
        1 for random atoms, and its standard deviation as for a sample of atoms, from how much the
        number of their neighbours varies, shape (b,); NaN for fewer than two atoms.
    pairs : numpy.ndarray
        Their number in each bin, int, shape (b,).

    Raises
    ------
    ValueError
        If the bins reach beyond the shorter side of the image.

    References
    ----------
    .. [1] J. Ohser, On estimators for the reduced second moment measure of point processes,
       Mathematische Operationsforschung und Statistik 14, 63 (1983).

    Examples
    --------
    >>> places = np.random.default_rng(0).uniform(0, 100, (2000, 2))
    >>> g, sigma, _ = pair_correlation(places, np.arange(0, 30, 5.0), (100.0, 100.0))
    >>> bool((abs(g - 1) < 4 * sigma).all())
    True
    """
    edges = np.asarray(edges, float)
    height, width = window
    if edges[-1] > min(height, width):
        raise ValueError(
            f"The largest distance is {edges[-1]:g}: expected at most {min(height, width):g}, the "
            "shorter side of the image."
        )
    number = len(positions)
    if number < 2:
        nan = np.full(len(edges) - 1, np.nan)
        return nan, nan.copy(), np.zeros(len(edges) - 1, int)
    one, other = cKDTree(positions).query_pairs(edges[-1], output_type="ndarray").T
    place = np.searchsorted(edges, np.linalg.norm(positions[one] - positions[other], axis=1)) - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    place, one, other = place[inside], one[inside], other[inside]
    pairs = np.bincount(place, minlength=len(edges) - 1)
    # The neighbours of each atom in each bin. A pair counts for both atoms.
    counts = np.bincount(
        np.concatenate([place * number + one, place * number + other]),
        minlength=(len(edges) - 1) * number,
    ).reshape(-1, number)
    variance = np.maximum(number * counts.var(axis=1) - pairs, pairs)
    # Integral of 2 pi r (h w - 2 r (h + w) / pi + r² / pi): the mean overlap over all directions.
    area = height * width
    overlap = np.pi * area * edges**2 - 4 * (height + width) * edges**3 / 3 + edges**4 / 2
    expected = number * (number - 1) / 2 * np.diff(overlap) / area**2
    return pairs / expected, np.sqrt(variance) / expected, pairs
