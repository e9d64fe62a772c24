# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of atoms in plots and pictures."""

from __future__ import annotations

import numpy as np

#: Where nothing tells atoms apart.
PLAIN = "#ff2d55"
# Okabe and Ito, "Color Universal Design" (2008), without black; the brightest first, since images
# are grey.
_PALETTE = ("#56b4e9", "#f0e442", "#d55e00", "#cc79a7", "#009e73", "#e69f00", "#0072b2")


def colours_of_species(species: np.ndarray) -> np.ndarray:
    """Return the colour of each species, one that all who see colours differently tell apart.

    Parameters
    ----------
    species : numpy.ndarray
        Indices of species, shape (n,).

    Returns
    -------
    numpy.ndarray
        Red, green, blue and opacity, shape (n, 4); after seven species they come again.

    Examples
    --------
    >>> colours_of_species(np.array([0, 7])).round(2)
    array([[0.34, 0.71, 0.91, 1.  ],
           [0.34, 0.71, 0.91, 1.  ]])
    """
    from matplotlib.colors import to_rgba_array

    return to_rgba_array(_PALETTE)[np.asarray(species, int) % len(_PALETTE)]


def colours_of_fractions(fractions: np.ndarray) -> np.ndarray:
    """Return a colour for each number from 0 to 1, from cyan for 0 to magenta for 1.

    Parameters
    ----------
    fractions : numpy.ndarray
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Red, green, blue and opacity, shape (n, 4).

    Examples
    --------
    >>> colours_of_fractions(np.array([0.0, 1.0]))
    array([[0., 1., 1., 1.],
           [1., 0., 1., 1.]])
    """
    from matplotlib import colormaps

    return colormaps["cool"](np.asarray(fractions))
