# SPDX-License-Identifier: GPL-3.0-or-later
"""Lattice constants of grains with their errors, next to those of known materials."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis._grains import Grains, find_grains
from hyperspy_dlatoms.analysis.lattice import Cell, cells_by_species, cells_of

if TYPE_CHECKING:
    import ase

# Logarithm of the ratio of lengths, and half that of its largest and smallest value over all
# directions, up to which a lattice may be that of a material: a calibration that is wrong by 10 %,
# and a shear by drift of 10 %. [110] and [100] of fcc metals differ by 0.17.
_SIZE, _SHAPE = 0.1, 0.05
# Either of these between a lattice and translations that are taken for its shortest ones: more than
# a calibration can be wrong by, less than for translations of which it has only every second one.
_FAR = 0.25
# Logarithm of the ratio of sizes by which calibrations are off: it cannot tell silver from gold.
_SAME_SIZE = 0.01
# Every other choice of the shortest translations of a lattice: whole numbers, determinant 1 or -1.
_SETTINGS = [
    np.array(one).reshape(2, 2)
    for one in itertools.product((-1, 0, 1), repeat=4)
    if abs(one[0] * one[3] - one[1] * one[2]) == 1
]
_CONSTANTS = ("a", "b", "gamma")
# How far an atom may lie from where a translation leads, in lengths of the shorter one: near
# dislocations the lattice is strained by more than a tenth. In their cores atoms are farther off.
TOLERANCE = 0.35


class CellFit(NamedTuple):
    """The translations of a grain, from the positions of all of its atoms.

    Attributes
    ----------
    cell : numpy.ndarray
        a and b, (y, x), shape (2, 2).
    covariance : numpy.ndarray
        Of a and b along y, and along x, shape (2, 2, 2); the two axes are independent.
    origins : numpy.ndarray
        The sites of the cell with the indices 0, 0, (y, x), shape (sublattices, 2); NaN around a
        dislocation, where they depend on the path.
    n : int
        The number of atoms.
    scatter : float
        Rms deviation of the atoms from the lattice in units of their sigma, or around a dislocation
        of the vectors between them: 1 for a perfect crystal, more for a strained one; NaN if no
        sigma is known.
    """

    cell: np.ndarray
    covariance: np.ndarray
    origins: np.ndarray
    n: int
    scatter: float


def usable_sigma(sigma: np.ndarray | None) -> np.ndarray | None:
    """Return the standard deviations (n, 2), the median where not known; None if none is."""
    if sigma is None:
        return None
    sigma = np.asarray(sigma, float)
    known = np.isfinite(sigma) & (sigma > 0)
    if not known.any():
        return None
    return np.where(known, sigma, np.median(sigma[known]))


def fit_cell(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    grains: Grains,
    grain: int,
    among: np.ndarray | None = None,
) -> CellFit:
    """Fit a lattice to the atoms of a grain by weighted least squares.

    Around a dislocation, or in a low-angle boundary, atoms have no unique place in a lattice: there
    a and b are the mean vectors between the atoms that they connect.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, shape (n, 2).
    sigma : numpy.ndarray or None
        Their standard deviations in the same unit, shape (n, 2). The errors of atoms count as
        independent. Where the atoms deviate from the lattice by more than these, because the
        crystal is strained, all errors are scaled up by the ratio; without sigma they follow from
        the deviations alone.
    grains : Grains
        From :func:`find_grains`.
    grain : int
        The number of the grain.
    among : numpy.ndarray, optional
        The atoms to use, bool, shape (n,); by default all in the grain.

    Returns
    -------
    CellFit

    Raises
    ------
    ValueError
        If there are fewer than four atoms, or all lie in one row.

    Examples
    --------
    >>> rows, columns = np.mgrid[:6, :5]
    >>> places = np.column_stack([3.0 * rows.ravel(), 2.0 * columns.ravel()])
    >>> fit = fit_cell(places, np.full((30, 2), 0.05), find_grains(places), 0)
    >>> np.linalg.norm(fit.cell, axis=1).round(6), fit.covariance[0].diagonal().round(6)
    (array([2., 3.]), array([4.2e-05, 2.9e-05]))
    """
    use = grains.members(grain)
    if among is not None:
        use = use[np.asarray(among, bool)[use]]
    sublattices = np.unique(grains.sublattices[use])
    index, value = grains.indices[use], positions[use]
    design = np.column_stack([grains.sublattices[use, None] == sublattices, index]).astype(float)
    sigma = usable_sigma(sigma)
    variance = np.ones((len(use), 2)) if sigma is None else sigma[use] ** 2.0
    start, end, step = _steps(value, grains.sublattices[use], grains.cells[grain])
    dislocated = bool((index[end] - index[start] != step).any())
    if dislocated:
        design, value = step.astype(float), value[end] - value[start]
        variance = variance[end] + variance[start]
    if len(use) < 4 or np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            f"The {len(use)} atoms of grain {grain} are too few, or lie in one row: expected four "
            "or more, not in one row."
        )
    found, covariances, squares = [], [], 0.0
    for axis in range(2):
        weighted = design.T / variance[:, axis]
        covariances.append(np.linalg.inv(weighted @ design))
        found.append(covariances[-1] @ (weighted @ value[:, axis]))
        squares += float(((value[:, axis] - design @ found[-1]) ** 2 / variance[:, axis]).sum())
    free = 2 * (len(value) - design.shape[1])
    per_one = squares / free if free else np.nan
    scale = per_one if sigma is None else np.fmax(per_one, 1.0)
    places = np.column_stack(found)
    origins = np.full((sublattices.max() + 1, 2), np.nan)
    if not dislocated:
        origins[sublattices] = places[:-2]
    return CellFit(
        places[-2:],
        np.array([one[-2:, -2:] for one in covariances]) * scale,
        origins,
        len(use),
        np.nan if sigma is None else float(np.sqrt(per_one)),
    )


def _steps(
    points: np.ndarray, sublattices: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which atoms of a sublattice a and b lead from and to, and how many of each (m, 2)."""
    near = TOLERANCE * float(np.linalg.norm(cell, axis=1).min())
    # Sublattices farther apart than this do not meet.
    apart = np.column_stack([points, 2 * near * sublattices])
    leads = apart[:, None] + np.column_stack([cell, np.zeros(2)])
    distance, ends = cKDTree(apart).query(leads, distance_upper_bound=near)
    start, vector = np.nonzero(np.isfinite(distance))
    return start, ends[start, vector], np.eye(2, dtype=int)[vector]


def propagated(
    function: Callable[[np.ndarray], np.ndarray], fit: CellFit
) -> tuple[np.ndarray, np.ndarray]:
    """Return a function (k,) of the cell, and its standard deviations to first order."""
    step = 1e-5 * np.linalg.norm(fit.cell[0])
    moved = step * np.eye(4).reshape(4, 2, 2)
    slope = [(function(fit.cell + one) - function(fit.cell - one)) / (2 * step) for one in moved]
    # Entry (vector, axis) of the cell is number 2 vector + axis.
    covariance = np.zeros((2, 2, 2, 2))
    for axis in range(2):
        covariance[:, axis, :, axis] = fit.covariance[axis]
    jacobian = np.array(slope).T
    spread = jacobian @ covariance.reshape(4, 4) @ jacobian.T
    return function(fit.cell), np.sqrt(np.maximum(spread.diagonal(), 0))


def constants(cell: np.ndarray) -> np.ndarray:
    """Return the lengths a and b of a cell and the angle between them in degrees."""
    a, b = np.linalg.norm(cell, axis=1)
    return np.array([a, b, np.degrees(np.arccos(np.clip(cell[0] @ cell[1] / (a * b), -1, 1)))])


def _mean_length(cell: np.ndarray) -> np.ndarray:
    """Return the square root of the area of a cell."""
    return np.sqrt(np.abs([np.linalg.det(cell)]))


def known_cell(
    cell: np.ndarray, materials: Sequence[str | ase.Atoms]
) -> tuple[Cell, np.ndarray] | None:
    """Return the material and zone that fit a lattice (Å) best, and its cell turned onto it."""
    # The shape decides the zone, then the size decides the material; others within 1 % are named
    # too. None if the size is more than 10 % off, or the shape too different.
    fits: list[tuple[float, float, int, Cell, np.ndarray]] = []
    for one in (cell for name in materials for cell in cells_of(name) + cells_by_species(name)):
        turned = _turned(one.vectors, cell)
        size, shape = misfit(turned, cell)
        if abs(size) <= _SIZE and shape <= _SHAPE:
            fits.append((round(shape, 3), abs(size), len(fits), one, turned))
    if not fits:
        return None
    fits.sort(key=lambda fit: fit[:3])
    shape, size, _, best, turned = fits[0]
    alike = [fit[3].material for fit in fits if fit[0] == shape and fit[1] < size + _SAME_SIZE]
    return best._replace(material=" or ".join(alike)), turned


def in_setting_of(cell: np.ndarray, reference: np.ndarray) -> np.ndarray | None:
    """Return the translations of a reference closest to a cell; None for another lattice.

    The reference may be a cell with several of these, such as the cubic cell of a metal.
    """
    whole = np.rint(reference @ np.linalg.inv(cell))
    number = abs(round(float(np.linalg.det(whole))))
    if number == 0:
        return None
    nearest = np.linalg.solve(whole, reference)
    size, shape = misfit(nearest, cell)
    # Large cells are close to some multiple of any other cell.
    largest = (_FAR, _FAR) if number == 1 else (_SIZE, _SHAPE)
    return None if abs(size) > largest[0] or shape > largest[1] else nearest


def misfit(reference: np.ndarray, cell: np.ndarray) -> tuple[float, float]:
    """Return the logarithm of the ratio of lengths of two cells, and how much it varies."""
    logarithm = np.log(np.linalg.svd(np.linalg.solve(reference, cell), compute_uv=False))
    return float(logarithm.mean()), float(logarithm[0] - logarithm[1]) / 2


def _turned(reference: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the cell of a material rotated, or mirrored, onto a measured one."""
    best = np.inf, cell
    for setting in _SETTINGS:
        other = setting @ cell
        # Polar decomposition: what is left between them is a strain without rotation.
        left, _, right = np.linalg.svd(np.linalg.solve(reference, other))
        turned = reference @ left @ right
        size, shape = misfit(turned, other)
        cost = float(np.hypot(size, shape)) + 1e-9 * np.abs(turned - other).sum()
        if cost < best[0]:
            best = cost, np.linalg.solve(setting, turned)
    return best[1]


def lattice_rows(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    materials: Sequence[str | ase.Atoms],
    kinds: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each grain of a frame, in Å: see `AtomPositions.lattice`."""
    grains = find_grains(positions, kinds)
    rows = []
    for grain in range(len(grains.cells)):
        fit = fit_cell(positions, sigma, grains, grain)
        values, spread = propagated(constants, fit)
        row: dict[str, Any] = {"grain": grain, "n": fit.n}
        for name, value, error in zip(_CONSTANTS, values, spread, strict=True):
            row |= {name: value, f"{name}_sigma": error}
        row["orientation"] = float(np.degrees(np.arctan2(*fit.cell[0])))
        row |= {"sublattices": len(fit.origins), "scatter": fit.scatter}
        row |= {"material": "", "zone": ""}
        known = known_cell(fit.cell, materials)
        if known is not None:
            kind, own = known
            row |= {"material": kind.material, "zone": kind.zone}
            row |= {f"{n}_material": v for n, v in zip(_CONSTANTS, constants(own), strict=True)}
            (length,), (error,) = propagated(_mean_length, fit)
            row["scale"] = float(length / _mean_length(own)[0])
            row["scale_sigma"] = float(error / _mean_length(own)[0])
        rows.append(row)
    return rows


COLUMNS = ["grain", "n"]
COLUMNS += [f"{name}{end}" for name in _CONSTANTS for end in ("", "_sigma")]
COLUMNS += ["orientation", "sublattices", "scatter", "material", "zone"]
COLUMNS += [*(f"{name}_material" for name in _CONSTANTS), "scale", "scale_sigma"]


def shear_of_drift(cell: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 2) that positions (y, x) are multiplied by to undo a steady drift."""
    # During a scan, line by line along x, drift displaces each line: y' = (1 + s) y, x' = x + t y.
    # Both follow from a lattice of known shape in any orientation and size; the scale of lines
    # stays. cell = turned @ rotation @ [[1 + s, t], [0, 1]], so the rotation drops out of the
    # product.
    change = np.linalg.solve(_turned(reference, cell), cell)
    distortion = np.linalg.cholesky(change.T @ change).T
    return np.linalg.inv(distortion / distortion[1, 1])
