# SPDX-License-Identifier: GPL-3.0-or-later
"""The Cramér-Rao bound on site positions in an image of counted electrons."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse
from scipy.spatial import cKDTree

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan
from hyperspy_dlatoms.data.benchmark.frames import KEPT
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING, displaced, resting_wave
from hyperspy_dlatoms.simulation.imaging.camera import record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

# The image of a column is taken to end this far from it (Å), at some ten times its width.
FOOTPRINT = 5.0
STEP = 0.02  # Displacement of columns (Å): well below their width, and well above rounding errors.
FINEST = 0.2  # Å/px: finer pixels would add no information to an HRTEM image.


def fisher(mean: np.ndarray, derivatives: np.ndarray | scipy.sparse.sparray) -> np.ndarray:
    r"""Compute the Fisher information of parameters from an image of counted electrons.

    For independent Poisson counts of mean λ, it is the sum over the pixels

    .. math:: F_{ij} = \sum \frac{1}{λ} \frac{∂λ}{∂θ_i} \frac{∂λ}{∂θ_j}.

    The information from several independent images, such as a focal series, adds up.

    Parameters
    ----------
    mean : numpy.ndarray
        Expected electrons in each pixel, shape (n,), positive.
    derivatives : numpy.ndarray or scipy.sparse.sparray
        Derivative of `mean` with respect to each parameter, shape (k, n).

    Returns
    -------
    numpy.ndarray
        Shape (k, k), float64.

    Raises
    ------
    ValueError
        If a mean is not positive.

    References
    ----------
    A. van den Bos and A. J. den Dekker, Resolution reconsidered: conventional approaches and an
    alternative, Adv. Imaging Electron Phys. 117 (2001) 241.

    Examples
    --------
    An isolated Gaussian column with small contrast c at dose D can be located to
    sqrt(2 / (pi D)) / c along each axis, whatever its width:

    >>> contrast, dose, width = 0.01, 100.0, 0.7
    >>> y, x = 0.1 * np.mgrid[-60:61, -60:61]
    >>> column = contrast * np.exp(-(y**2 + x**2) / (2 * width**2))
    >>> mean = dose * 0.1**2 * (1 + column).ravel()
    >>> slopes = dose * 0.1**2 * np.stack([y * column, x * column]).reshape(2, -1) / width**2
    >>> own, _ = deviations(fisher(mean, slopes))
    >>> (own / (np.sqrt(2 / (np.pi * dose)) / contrast)).round(2)
    array([[1., 1.]])
    """
    if not np.min(mean) > 0:
        raise ValueError(
            f"The least expected count is {np.min(mean)}: it must be positive in every pixel."
        )
    information = derivatives @ scipy.sparse.diags_array(1 / np.ravel(mean)) @ derivatives.T
    return information.toarray() if scipy.sparse.issparse(information) else information


def deviations(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the Fisher information (2n, 2n) of y, x into least standard deviations (n, 2)."""
    # First with all other sites known, then with none known; infinite without information.
    yy, xx = information.diagonal().reshape(-1, 2).T
    yx = information.diagonal(1)[::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.stack([yy - yx**2 / xx, xx - yx**2 / yy], axis=1) ** -0.5
    variance = np.full(len(information), np.inf)
    # A parameter that the image does not depend on would make the matrix singular.
    some = information.diagonal() > 0
    with suppress(np.linalg.LinAlgError):
        variance[some] = np.linalg.inv(information[np.ix_(some, some)]).diagonal()
    joint = np.sqrt(np.where(variance > 0, variance, np.inf)).reshape(-1, 2)
    return np.nan_to_num(own, nan=np.inf, posinf=np.inf), joint


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The derivatives of an exit wave with respect to the positions of its columns."""

    wave: np.ndarray  # Of the atoms at rest, complex64, (N, N).
    # 1/Å, complex64, (colours, 2, N, N): along y and x, for all columns of a colour at once.
    slopes: np.ndarray
    positions: np.ndarray  # y, x of all sites (Å), (n, 2).
    colours: np.ndarray  # Colour of each site, int, (n,); -1 for sites that are not moved.
    inner: np.ndarray  # Sites whose bound is wanted, bool, (n,); other moved ones are neighbours.


def load_sensitivity(plan: Plan, directory: Path) -> Sensitivity:
    """Read the sensitivity of a specimen from a directory, or compute it and save it there."""
    path = directory / f"{plan.key}-bound.npz"
    if not path.is_file():
        computed = sensitivity(plan.build(np.random.default_rng(plan.seed)), plan.energy)
        with atomic_write(path) as draft:
            np.savez(draft, **vars(computed))
        return computed
    with np.load(path, allow_pickle=False) as stored:
        return Sensitivity(**stored)


def sensitivity(specimen: Specimen, energy: float, reach: float = 14.0) -> Sensitivity:
    """Move the columns of a specimen, and compute how its exit wave changes; energy in eV."""
    # Columns two footprints apart are moved together, so some tens of multislice calculations with
    # blurred potentials suffice. Bounds are wanted within `reach` Å of the middle of all sites.
    positions = specimen.sites()[:, :2]
    from_middle = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    colours = colour(positions, 2 * FOOTPRINT, from_middle <= reach + FOOTPRINT)
    slopes = []
    for one in range(colours.max(initial=-1) + 1):
        moves = np.isin(specimen.column, np.flatnonzero(colours == one))[:, None]
        for axis in ([0, 1, 0], [1, 0, 0]):
            ahead, behind = (
                resting_wave(displaced(specimen, sign * STEP * moves * axis), energy)
                for sign in (1, -1)
            )
            slopes.append((ahead - behind) / (2 * STEP))
    wave = resting_wave(specimen, energy)
    shape = (-1, 2, *wave.shape)
    return Sensitivity(wave, np.reshape(slopes, shape), positions, colours, from_middle <= reach)


def colour(positions: np.ndarray, distance: float, chosen: np.ndarray) -> np.ndarray:
    """Colour the chosen points (n, 2) so that equal colours lie a distance apart; -1 for others."""
    colours = np.full(len(positions), -1)
    near = cKDTree(positions).query_ball_point(positions, distance * (1 - 1e-9))
    for index in np.flatnonzero(chosen):
        used = set(colours[near[index]])
        colours[index] = next(one for one in range(len(positions)) if one not in used)
    return colours


def site_bounds(moved: Sensitivity, energy: float, conditions: Conditions) -> np.ndarray:
    """Compute the Cramér-Rao bound on the site positions in an image.

    Lens, camera, dose and the heights of the columns are taken as known. A column's effect on the
    image is cut off at ``FOOTPRINT``, which loses a little information at large defocus. The only
    noise is that of the electrons.

    Parameters
    ----------
    moved : Sensitivity
        Sensitivity of the specimen.
    energy : float
        Electron energy (eV).
    conditions : Conditions
        Imaging conditions; an infinite dose counts as 1 e/Å².

    Returns
    -------
    numpy.ndarray
        Standard deviations in Å, shape (n, 4): of y and x with the neighbours known, then with the
        positions of all sites unknown; NaN for sites whose bound is not wanted.

    Raises
    ------
    ValueError
        If the camera's transfer function acts on the noise too, which correlates it.
    """
    camera = conditions.camera
    if camera.noise_transfer:
        raise ValueError("noise_transfer is 1: the bound is only known for white noise, give 0.")
    pixel = max(camera.sampling, FINEST)

    def image(wave: np.ndarray) -> np.ndarray:
        return image_intensity(wave, SAMPLING, energy, conditions.lens)

    def recorded(intensity: np.ndarray) -> np.ndarray:
        return record(intensity, SAMPLING, replace(camera, dose=np.inf), pixel)

    mean = recorded(image(moved.wave)).astype(float)
    exact = len(moved.wave) * SAMPLING / len(mean)
    electrons = (camera.dose if np.isfinite(camera.dose) else 1.0) * exact**2
    chosen = np.flatnonzero(moved.colours >= 0)
    rows, columns, values = [], [], []
    centres = np.stack([*np.mgrid[: len(mean), : len(mean)]], axis=-1).reshape(-1, 2) * exact
    covered = cKDTree(centres).query_ball_point(moved.positions[chosen], FOOTPRINT)
    for one, both in enumerate(moved.slopes):
        members = np.flatnonzero(moved.colours[chosen] == one)
        for axis, slope in enumerate(both):
            # The intensity is quadratic in the wave, so this difference is exact.
            difference = recorded(image(moved.wave + slope) - image(moved.wave - slope)).ravel() / 2
            for member in members:
                rows.append(np.full(len(covered[member]), 2 * member + axis))
                columns.append(covered[member])
                values.append(difference[covered[member]])
    derivatives = scipy.sparse.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(2 * len(chosen), mean.size),
    )
    floor = 1e-3 * mean.mean()
    information = fisher(electrons * np.maximum(mean.ravel(), floor), electrons * derivatives)
    result = np.full((len(moved.positions), 4), np.nan)
    result[chosen] = np.hstack(deviations(information))
    result[~moved.inner] = np.nan
    return result


def frame_bounds(moved: Sensitivity, energy: float, conditions: Conditions) -> np.ndarray | None:
    """Compute the bound for the sites of a frame, as `site_bounds` does."""
    # None if there is other noise than that of the electrons, or a defocus ramp.
    camera = conditions.camera
    if not np.isfinite(camera.dose) or camera.readout or conditions.defocus_ramp:
        return None
    once = replace(conditions, camera=replace(camera, dose=1.0))
    return _bounds_at_unit_dose(moved, energy, once) / np.sqrt(camera.dose)


_bounds_at_unit_dose = lru_cache(maxsize=KEPT)(site_bounds)
