# SPDX-License-Identifier: GPL-3.0-or-later
"""Confusion matrices for kinds of sites, and scores by kind."""

from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.matching import match

# Largest distance in a pair (Å): below half the shortest projected bond of MoS2, 1.84 Å.
TOLERANCE = 0.7
# Sites nearer than this to an edge (Å) are left out, since drift may move them in or out.
MARGIN = 5.0


class Labelled(NamedTuple):
    """Positions (n, 2; y, x in Å) of sites, and the index of each one's kind, int, (n,)."""

    positions: np.ndarray
    kinds: np.ndarray


def confusion(
    found: Labelled,
    true: Labelled,
    kinds: int,
    extent: tuple[float, float],
    *,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
) -> np.ndarray:
    """Count which kind each kind of true site is found as.

    Sites are matched one to one by position alone.

    Parameters
    ----------
    found, true : Labelled
        Sites of a frame.
    kinds : int
        Number of kinds.
    extent : tuple of float
        Height and width of the frame (Å).
    tolerance : float, optional
        Largest distance in a pair (Å).
    margin : float, optional
        Sites nearer than this to an edge (Å) are left out, after matching; in a pair, the true
        site decides.

    Returns
    -------
    numpy.ndarray
        Counts, int, shape (kinds + 1, kinds + 1): true kinds by found kinds. The last row holds
        found sites that are not real, the last column true sites that were not found.

    Raises
    ------
    ValueError
        If the index of a kind is out of range.

    Examples
    --------
    >>> true = Labelled(np.array([[5.0, 5.0], [5.0, 7.0]]), np.array([0, 1]))
    >>> found = Labelled(np.array([[5.0, 5.1], [8.0, 8.0]]), np.array([1, 0]))
    >>> confusion(found, true, 2, (12.0, 12.0))
    array([[0, 1, 0],
           [0, 0, 1],
           [0, 0, 0]])
    >>> confusion(found, true, 2, (14.0, 14.0))
    array([[0, 1, 0],
           [0, 0, 1],
           [1, 0, 0]])
    """
    for sites in (found, true):
        _check(sites, kinds)
    pairs = match(found.positions, true.positions, tolerance)
    of_true = np.full(len(true.positions), kinds)
    of_true[pairs[:, 1]] = found.kinds[pairs[:, 0]]
    stray = np.ones(len(found.positions), dtype=bool)
    stray[pairs[:, 0]] = False
    stray &= inner(found.positions, extent, margin)
    counted = inner(true.positions, extent, margin)
    result = np.zeros((kinds + 1, kinds + 1), dtype=int)
    np.add.at(result, (true.kinds[counted], of_true[counted]), 1)
    np.add.at(result, (np.full(stray.sum(), kinds), found.kinds[stray]), 1)
    return result


def counts_by_kind(
    found: Labelled,
    true: Labelled,
    kinds: int,
    extent: tuple[float, float],
    *,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
) -> np.ndarray:
    """Count hits, false sites and misses of each kind.

    A site counts as found if a site of the same kind was found within the tolerance, one to one.

    Parameters
    ----------
    found, true, kinds, extent, tolerance, margin
        As for `confusion`, but each site of a pair is left out on its own.

    Returns
    -------
    numpy.ndarray
        Found, false and missed sites of each kind, int, shape (kinds, 3).

    Raises
    ------
    ValueError
        If the index of a kind is out of range.

    Examples
    --------
    >>> true = Labelled(np.array([[6.0, 6.0], [6.0, 8.0]]), np.array([0, 1]))
    >>> found = Labelled(np.array([[6.0, 6.1], [6.0, 8.0]]), np.array([0, 0]))
    >>> counts_by_kind(found, true, 2, (14.0, 14.0))
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    for sites in (found, true):
        _check(sites, kinds)
    hit = right_sites(true, found, tolerance=tolerance)
    false = ~right_sites(found, true, tolerance=tolerance)
    false &= inner(found.positions, extent, margin)
    counted = inner(true.positions, extent, margin)
    parts = true.kinds[hit & counted], found.kinds[false], true.kinds[~hit & counted]
    return np.stack([np.bincount(one.astype(int), minlength=kinds) for one in parts], axis=1)


def right_sites(found: Labelled, true: Labelled, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return which found sites match a true one of the same kind, one to one, bool (n,)."""
    right = np.zeros(len(found.kinds), dtype=bool)
    for kind in np.unique(found.kinds):
        ours = np.flatnonzero(found.kinds == kind)
        theirs = true.positions[true.kinds == kind]
        right[ours[match(found.positions[ours], theirs, tolerance)[:, 0]]] = True
    return right


def inner(
    positions: np.ndarray, extent: tuple[float, float] | np.ndarray, margin: float = MARGIN
) -> np.ndarray:
    """Return which positions y, x (Å), (n, 2), lie away from the edges of a frame, bool (n,)."""
    return np.all((positions >= margin) & (positions <= np.asarray(extent) - margin), axis=1)


def _check(sites: Labelled, kinds: int) -> None:
    wrong = (sites.kinds < 0) | (sites.kinds >= kinds)
    if wrong.any():
        raise ValueError(
            f"There is a site of kind {sites.kinds[wrong][0]}: expected 0 to {kinds - 1}."
        )
