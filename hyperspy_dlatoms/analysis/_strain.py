# SPDX-License-Identifier: GPL-3.0-or-later
"""Strain and rotation at each atom from the positions of its neighbours, with errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import chdtri

from hyperspy_dlatoms.analysis._cell_fit import TOLERANCE, usable_sigma
from hyperspy_dlatoms.analysis._grains import Grains, nearest_distance
from hyperspy_dlatoms.analysis.matching import match

# Translations to neighbours, in lengths of the cell's longer one: the first shell, six in a
# hexagonal lattice and eight in a square one, and the second, 18 and 12.
_SHELLS = (1.45, 2.05)
# The smallest eigenvalue of the moments of a neighbourhood at which they are taken to determine
# gradient and curvature; a full first shell has about 0.1.
_DETERMINED = 4e-3
# Probability of smaller deviations from the errors alone, above which the errors do not explain
# them.
_CHANCE = 0.99
# Rms deviation from the fit, in its unit of length, that then is not strain but another lattice.
_BROKEN = 0.08
_TERMS = 6  # The terms of a fit: of the second order in two directions.
# For two frames, distances of nearest neighbours within which an atom is the same one, and within
# which surrounding atoms are its neighbours: the third shell of a hexagonal lattice.
_SAME = 0.45
_AROUND = 2.5
# For two frames of a crystal: how many nearest atoms of the other frame may be the same atom; how
# many atoms show which displacement they all share; within how many neighbour distances they share
# it; and for the shortest displacement, how nearly as many must share it, given edges and
# vacancies.
_NEAREST = 7
_ASKED = 100
_SHARED = 0.25
_AS_MANY = 0.98


class Deformation(NamedTuple):
    """How the neighbourhood of each atom is deformed against a reference.

    Attributes
    ----------
    gradient : numpy.ndarray
        Of the positions with respect to those in the reference, along (x, y): the unit matrix if
        nothing is deformed, shape (n, 2, 2). NaN if there are too few neighbours.
    covariance : numpy.ndarray
        Of its x row and of its y row, which are independent, shape (n, 2, 2, 2).
    """

    gradient: np.ndarray
    covariance: np.ndarray

    def of(self, atoms: np.ndarray) -> Deformation:
        """Return the deformation of some of the atoms, by their numbers."""
        return Deformation(self.gradient[atoms], self.covariance[atoms])

    def against(self, change: np.ndarray, covariance: np.ndarray | None = None) -> Deformation:
        """Return the deformation against a reference that is itself deformed by a gradient (2, 2).

        The covariance of the rows of that gradient, shape (2, 2, 2), is added.
        """
        inverse = np.linalg.inv(change)
        spread = self.covariance if covariance is None else self.covariance + covariance
        return Deformation(self.gradient @ inverse, inverse.T @ spread @ inverse)


class Strain(NamedTuple):
    """Strain of each atom, each array of shape (n,), NaN where it is not known.

    Attributes
    ----------
    e_xx, e_yy, e_xy : numpy.ndarray
        Along the axes of the image; `e_xy` is half the engineering shear.
    rotation : numpy.ndarray
        Rad, from x to y.
    e_xx_sigma, e_yy_sigma, e_xy_sigma, rotation_sigma : numpy.ndarray
        Their standard deviations.
    """

    e_xx: np.ndarray
    e_yy: np.ndarray
    e_xy: np.ndarray
    rotation: np.ndarray
    e_xx_sigma: np.ndarray
    e_yy_sigma: np.ndarray
    e_xy_sigma: np.ndarray
    rotation_sigma: np.ndarray


def deformation(positions: np.ndarray, sigma: np.ndarray | None, grains: Grains) -> Deformation:
    """Return the deformation of the lattice around each atom against the cell of its grain.

    Around each atom the positions of the atoms of its sublattice are fitted by a second-order
    polynomial in their places in the ideal lattice, weighted by the errors of the positions; its
    gradient is the deformation. As the atom itself is included in the fit, the independent errors
    are those of the positions, not of the vectors between them. The second order costs nothing in a
    full shell of neighbours, where it does not change the gradient, and keeps the gradient right at
    edges, where all neighbours lie on one side [1]_: there the second shell is used as well.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    sigma : numpy.ndarray or None
        Their standard deviations in the same unit, shape (n, 2). If the neighbours deviate from the
        fit by more than these explain, as near a dislocation, their rms deviation over the length
        of a translation is added to the errors of the gradient; without sigma, the errors of all
        atoms follow from the deviations.
    grains : Grains
        From :func:`find_grains`.

    Returns
    -------
    Deformation

    References
    ----------
    .. [1] J. Fan and I. Gijbels, Local Polynomial Modelling and Its Applications (1996), section
       3.3: of odd order above that of the derivative, there is no bias of first order at edges.

    Examples
    --------
    >>> from hyperspy_dlatoms.analysis import find_grains
    >>> rows, columns = np.mgrid[:7, :7]
    >>> places = np.column_stack([3.0 * rows.ravel(), 2.0 * columns.ravel()])
    >>> found = deformation(places, np.full((49, 2), 0.05), find_grains(places))
    >>> found.gradient[24].round(6) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    known = usable_sigma(sigma)
    spread = np.ones((len(positions), 2)) if known is None else known
    gradient = np.full((len(positions), 2, 2), np.nan)
    covariance = np.full((len(positions), 2, 2, 2), np.nan)
    for grain, cell in enumerate(grains.cells):
        for sublattice in np.unique(grains.sublattices[grains.labels == grain]):
            some = grains.members(grain, sublattice)
            fit = _of_lattice(positions[some], spread[some], cell)
            gradient[some], covariance[some] = _believed(fit, known is not None)
    return Deformation(gradient, covariance)


def deformation_between(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    reference: np.ndarray,
    reference_sigma: np.ndarray | None,
) -> tuple[Deformation, np.ndarray]:
    """Return the deformation around each atom against another frame, and its displacement.

    As :func:`deformation`, with all atoms within 2.5 nearest-neighbour distances, so no lattice is
    needed. Both frames have errors. Atoms are the same if they lie within 0.45 of that distance of
    each other, after the median displacement is subtracted; and the median gradient too if more
    atoms match then, as for frames rotated or stretched relative to each other.

    Parameters
    ----------
    positions, reference : numpy.ndarray
        y, x, shape (n, 2) and (m, 2).
    sigma, reference_sigma : numpy.ndarray or None
        Their standard deviations, of the same shapes.

    Returns
    -------
    Deformation
        For each of `positions`.
    numpy.ndarray
        The displacements (y, x) without their median, shape (n, 2); NaN for atoms that the
        reference lacks.

    Examples
    --------
    >>> rows, columns = np.mgrid[:7, :7]
    >>> places = np.column_stack([3.0 * rows.ravel(), 2.0 * columns.ravel()])
    >>> spread = np.full((49, 2), 0.05)
    >>> found, _ = deformation_between(places * [1.0, 1.02], spread, places, spread)
    >>> found.gradient[24].round(6) + 0.0
    array([[1.02, 0.  ],
           [0.  , 1.  ]])
    """
    number = len(positions)
    displacement = np.full((number, 2), np.nan)
    gradient, covariance = np.full((number, 2, 2), np.nan), np.full((number, 2, 2, 2), np.nan)
    spacing = nearest_distance(reference)
    pairs = _paired(positions, reference, spacing) if spacing else np.empty((0, 2), int)
    if not len(pairs):
        return Deformation(gradient, covariance), displacement
    frames = positions, sigma, reference, reference_sigma
    around = _of_pairs(*frames, pairs, spacing)
    known = np.isfinite(around[0]).all(axis=(1, 2))
    if known.any():
        # A neighbourhood gives the gradient even if all of it is paired with the next atoms.
        change = np.median(around[0][known], axis=0)[::-1, ::-1]
        undone = positions @ np.linalg.inv(change).T
        undone -= np.median(undone[pairs[:, 0]] - reference[pairs[:, 1]], axis=0)
        undone -= _shared_shift(undone, reference, spacing)
        again = _paired(undone, reference, spacing)
        if len(again) > len(pairs):
            pairs, around = again, _of_pairs(*frames, again, spacing)
    ours, theirs = pairs.T
    apart = positions[ours] - reference[theirs]
    displacement[ours] = apart - np.median(apart, axis=0)
    gradient[ours], covariance[ours] = around
    return Deformation(gradient, covariance), displacement


def strain_of(found: Deformation) -> Strain:
    """Return strain and rotation of a deformation, the gradient F = R (1 + e).

    R is a rotation and e is symmetric (polar decomposition), so a pure rotation of any size is no
    strain.

    Parameters
    ----------
    found : Deformation
        The deformation of n atoms.

    Returns
    -------
    Strain
        With the standard deviations to first order in those of the gradient.

    Examples
    --------
    >>> gradient = np.array([[[1.02, 0.0], [0.0, 1.0]]])
    >>> strain_of(Deformation(gradient, np.zeros((1, 2, 2, 2)))).e_xx.round(6)
    array([0.02])
    """
    f = found.gradient
    sine, cosine = f[:, 1, 0] - f[:, 0, 1], f[:, 0, 0] + f[:, 1, 1]
    angle = np.arctan2(sine, cosine)
    c, s = np.cos(angle), np.sin(angle)
    # The rotation back by the angle, and its derivative by the angle.
    back = np.array([[c, s], [-s, c]]).transpose(2, 0, 1)
    slope = np.array([[-s, c], [-c, -s]]).transpose(2, 0, 1)
    e = back @ f - np.eye(2)
    # Derivatives by the entries (row, column) of the gradient, shape (n, 2, 2).
    size = (sine**2 + cosine**2)[:, None, None]
    by_sine = np.array([[0.0, -1.0], [1.0, 0.0]]) * cosine[:, None, None]
    turned = (by_sine - np.eye(2) * sine[:, None, None]) / size
    stretch = slope @ f
    jacobians = {"rotation": turned}
    for name, i, j in (("e_xx", 0, 0), ("e_yy", 1, 1), ("e_xy", 0, 1)):
        direct = np.zeros_like(f)
        direct[:, :, j] = back[:, i]
        jacobians[name] = direct + stretch[:, i, j, None, None] * turned
    sigma = {
        f"{name}_sigma": np.sqrt(np.einsum("nri,nrij,nrj->n", one, found.covariance, one))
        for name, one in jacobians.items()
    }
    return Strain(e[:, 0, 0], e[:, 1, 1], e[:, 0, 1], angle, **sigma)


class _Fit(NamedTuple):
    gradient: np.ndarray
    covariance: np.ndarray
    # Of the deviations of the positions from the fit, in units of `unit`, shape (n,).
    rms: np.ndarray
    # Of the squared deviations from the fit to those expected, 1 for errors alone, shape (n,).
    ratio: np.ndarray
    free: np.ndarray  # Degrees of freedom of these, shape (n,).


def _believed(fit: _Fit, known: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return gradients, NaN without a fit, and covariances including deviations beyond chance."""
    free, usual = np.maximum(fit.free, 1), 1.0
    if not known:
        # So far the positions had errors of 1. Most deviate by these alone.
        over = fit.free > 0
        usual = float(np.median(fit.ratio[over])) if over.any() else np.nan
        # The median of chi-squared is less than its mean, by Wilson and Hilferty's cube.
        usual /= (1 - 2 / (9 * np.median(free[over]))) ** 3 if over.any() else 1
    with np.errstate(invalid="ignore"):
        beyond = (fit.ratio / usual > chdtri(free, 1 - _CHANCE) / free) & (fit.free > 0)
        broken = beyond & (fit.rms > _BROKEN)
    gradient = np.where(broken[:, None, None], np.nan, fit.gradient)
    # Such deviations are not independent: over one length they may be the whole gradient.
    bias = np.where(beyond, fit.rms, 0.0) ** 2 + 0 * gradient[:, 0, 0]
    return gradient, fit.covariance * usual + bias[:, None, None, None] * np.eye(2)


def _paired(positions: np.ndarray, reference: np.ndarray, spacing: float) -> np.ndarray:
    """Return the pairs of the same atoms (k, 2), given a drift of less than half a spacing."""
    drift = np.zeros(2)
    for _ in range(2):
        pairs = match(positions - drift, reference, _SAME * spacing)
        if not len(pairs):
            break
        drift = np.median(positions[pairs[:, 0]] - reference[pairs[:, 1]], axis=0)
    return pairs


def _shared_shift(positions: np.ndarray, reference: np.ndarray, spacing: float) -> np.ndarray:
    """Return the vector to positions from nearby ones of a reference that most of them share."""
    number = min(_NEAREST, len(reference))
    _, near = cKDTree(reference).query(positions, k=range(1, number + 1))
    vectors = positions[:, None] - reference[near]
    tree = cKDTree(vectors.reshape(-1, 2))
    asked = vectors[:: len(positions) // _ASKED + 1].reshape(-1, 2)
    shared = tree.query_ball_point(asked, _SHARED * spacing, return_length=True)
    asked = asked[shared >= _AS_MANY * shared.max()]
    shortest = asked[np.linalg.norm(asked, axis=1).argmin()]
    common = tree.query_ball_point(shortest, _SHARED * spacing)
    return np.median(tree.data[common], axis=0)


def _of_pairs(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    reference: np.ndarray,
    reference_sigma: np.ndarray | None,
    pairs: np.ndarray,
    spacing: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and covariance, of `Deformation`, around the atoms of each pair."""
    ours, theirs = pairs.T
    squared = np.zeros((len(pairs), 2))
    for one, some in ((usable_sigma(sigma), ours), (usable_sigma(reference_sigma), theirs)):
        squared += 0.0 if one is None else one[some] ** 2
    unknown = not squared.any()
    total = np.ones_like(squared) if unknown else np.sqrt(squared)
    there = reference[theirs]
    lists = cKDTree(there).query_ball_point(there, _AROUND * spacing, return_sorted=True)
    width = max(len(one) for one in lists)
    neighbours = np.array([one + [-1] * (width - len(one)) for one in lists])
    offsets = (there[neighbours] - there[:, None])[..., ::-1] / spacing
    return _believed(_fit(positions[ours], total, neighbours, offsets, spacing), not unknown)


def _of_lattice(points: np.ndarray, spread: np.ndarray, cell: np.ndarray) -> _Fit:
    """Fit the surroundings of each atom of one sublattice."""
    length = np.linalg.norm(cell, axis=1)
    cells = np.mgrid[-4:5, -4:5].reshape(2, -1).T
    far = np.linalg.norm(cells @ cell, axis=1) / length[1]
    first, both = cells[far <= _SHELLS[0]], cells[far <= _SHELLS[1]]
    # The first shell before the second, headed by the atom itself, number 0 0.
    order = np.argsort(far[far <= _SHELLS[1]], kind="stable")
    both = both[order]
    leads = points[:, None] + both @ cell
    distance, ends = cKDTree(points).query(leads, distance_upper_bound=TOLERANCE * length[0])
    met = np.isfinite(distance)
    neighbours = np.where(met, ends, -1)
    offsets = np.broadcast_to((both @ cell)[:, ::-1] / length[1], (len(points), len(both), 2))
    wide = _fit(points, spread, neighbours, offsets, length[1])
    pairs = cKDTree(points).query_pairs(_SHELLS[1] * length[1], output_type="ndarray")
    place = (points[pairs[:, 1]] - points[pairs[:, 0]]) @ np.linalg.inv(cell)
    apart = np.linalg.norm((place - np.rint(place)) @ cell, axis=1)
    broken = np.zeros(len(points), bool)
    broken[pairs[apart > TOLERANCE * length[0]]] = True
    whole = met[:, : len(first)].all(axis=1)
    neighbours[:, len(first) :] = -1
    near = _fit(points, spread, neighbours, offsets, length[1])
    # The second shell shows how far strain varies in another way, even if it is not needed.
    gradient = np.where(whole[:, None, None], near.gradient, wide.gradient)
    return wide._replace(
        gradient=np.where(broken[:, None, None], np.nan, gradient),
        covariance=np.where(whole[:, None, None, None], near.covariance, wide.covariance),
    )


def _fit(
    points: np.ndarray, spread: np.ndarray, neighbours: np.ndarray, offsets: np.ndarray, unit: float
) -> _Fit:
    """Fit a polynomial to the neighbours (n, m; -1 for none) at offsets (n, m, 2) in `unit`s."""
    met = neighbours >= 0
    x, y = np.moveaxis(offsets, -1, 0)
    design = np.stack([np.ones_like(x), x, y, x**2 / 2, x * y, y**2 / 2], axis=-1)
    design = design * met[..., None]
    moments = np.swapaxes(design, 1, 2) @ design / met.sum(axis=1)[:, None, None]
    determined = np.linalg.eigvalsh(moments)[:, 0] > _DETERMINED
    number = len(points)
    gradient = np.full((number, 2, 2), np.nan)
    covariance = np.full((number, 2, 2, 2), np.nan)
    design, neighbours, met = design[determined], neighbours[determined], met[determined]
    squares = np.zeros(int(determined.sum()))
    apart = np.zeros_like(squares)
    for row, axis in enumerate((1, 0)):
        value = (points[neighbours, axis] - points[determined, None, axis]) * met
        weight = spread[neighbours, axis] ** -2.0 * met
        weighted = np.swapaxes(design * weight[..., None], 1, 2)
        inverse = np.linalg.inv(weighted @ design)
        terms = inverse @ (weighted @ value[..., None])
        gradient[determined, row] = terms[:, 1:3, 0] / unit
        covariance[determined, row] = inverse[:, 1:3, 1:3] / unit**2
        deviation = (value - (design @ terms)[..., 0]) ** 2
        squares += (weight * deviation).sum(axis=1)
        apart += (met * deviation).sum(axis=1)
    rms, ratio = np.full((2, number), np.nan)
    free = np.zeros(number, int)
    free[determined] = 2 * (met.sum(axis=1) - _TERMS)
    of_each = np.maximum(free[determined], 1)
    rms[determined], ratio[determined] = np.sqrt(apart / of_each) / unit, squares / of_each
    return _Fit(gradient, covariance, rms, ratio, free)
