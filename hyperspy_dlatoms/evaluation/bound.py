# SPDX-License-Identifier: GPL-3.0-or-later
"""The Cramér-Rao bound: how well the electrons of an image allow its sites to be located."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
from scipy.spatial import cKDTree

from hyperspy_dlatoms.data.benchmark.waves import SAMPLING, displaced, resting_wave
from hyperspy_dlatoms.simulation.imaging.camera import record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.lens import image_intensity

if TYPE_CHECKING:
    from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

FOOTPRINT = 5.0
"""The image of a column is taken to end at this distance from it (Å)."""

STEP = 0.02
"""How far columns are moved (Å)."""

FINEST = 0.2
"""Å/px: no image of HRTEM carries more than fits on such pixels, so finer ones tell no more."""


def fisher(mean: np.ndarray, derivatives: np.ndarray | scipy.sparse.sparray) -> np.ndarray:
    r"""Compute the Fisher information of parameters from an image of counted electrons.

    For independent Poisson counts of mean λ it is, over the pixels,

    .. math:: F_{ij} = \sum \frac{1}{λ} \frac{∂λ}{∂θ_i} \frac{∂λ}{∂θ_j}.

    The information of several independent images, such as a focal series, is the sum of theirs.

    Parameters
    ----------
    mean : numpy.ndarray
        Expected electrons of each pixel, shape (n,), positive.
    derivatives : numpy.ndarray or scipy.sparse.sparray
        Derivative of `mean` by each parameter, shape (k, n).

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
    An isolated Gaussian column of small contrast c at dose D is located to sqrt(2 / (pi D)) / c
    along each axis, whatever its width:

    >>> import numpy as np
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
            f"The least expected count is {np.min(mean)}: expected positive ones in every pixel."
        )
    information = derivatives @ scipy.sparse.diags_array(1 / np.ravel(mean)) @ derivatives.T
    return information.toarray() if scipy.sparse.issparse(information) else information


def deviations(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn Fisher information into the least standard deviations of positions.

    They are infinite where the image tells nothing.

    Parameters
    ----------
    information : numpy.ndarray
        Of y and x of one site after the other, shape (2 n, 2 n).

    Returns
    -------
    own : numpy.ndarray
        Of y and x of each site where all the others are known, shape (n, 2).
    joint : numpy.ndarray
        The same where none is known.
    """
    yy, xx = information.diagonal().reshape(-1, 2).T
    yx = information.diagonal(1)[::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.stack([yy - yx**2 / xx, xx - yx**2 / yy], axis=1) ** -0.5
    try:
        variance = np.linalg.inv(information).diagonal().reshape(-1, 2)
    except np.linalg.LinAlgError:
        variance = np.full(own.shape, np.inf)
    joint = np.sqrt(np.where(variance > 0, variance, np.inf))
    return np.nan_to_num(own, nan=np.inf, posinf=np.inf), joint


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How an exit wave answers when columns move.

    Parameters
    ----------
    wave : numpy.ndarray
        Exit wave of the atoms at rest, complex64, shape (N, N).
    slopes : numpy.ndarray
        Derivatives of the wave, 1/Å, complex64, shape (colours, 2, N, N): along y and x, all
        columns of one colour moving together.
    positions : numpy.ndarray
        y, x of all sites (Å), shape (n, 2).
    colours : numpy.ndarray
        Colour of each site, int, shape (n,); -1 for those that were not moved.
    inner : numpy.ndarray
        The sites whose bound is wanted, bool, shape (n,); the others that were moved are their
        neighbours.
    """

    wave: np.ndarray
    slopes: np.ndarray
    positions: np.ndarray
    colours: np.ndarray
    inner: np.ndarray


def sensitivity(specimen: Specimen, energy: float, reach: float = 14.0) -> Sensitivity:
    """Move the columns of a specimen, and see how its exit wave changes.

    Columns that lie at least two footprints apart are moved together, so that some tens of
    multislice calculations give the derivatives of all. Instead of many thermal snapshots there is
    one wave of thermally blurred potentials.

    Parameters
    ----------
    specimen : Specimen
        The atoms at rest.
    energy : float
        Of the electrons (eV).
    reach : float, optional
        The bounds of sites within this distance from the middle of all sites are wanted (Å).

    Returns
    -------
    Sensitivity
    """
    positions = specimen.sites()[:, :2]
    from_middle = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    colours = colour(positions, 2 * FOOTPRINT, from_middle <= reach + FOOTPRINT)
    slopes = []
    for one in range(colours.max(initial=-1) + 1):
        moves = np.isin(specimen.column, np.flatnonzero(colours == one))[:, None]
        for axis in ([0, 1, 0], [1, 0, 0]):
            ahead, behind = (
                resting_wave(displaced(specimen, way * STEP * moves * axis), energy)
                for way in (1, -1)
            )
            slopes.append((ahead - behind) / (2 * STEP))
    wave = resting_wave(specimen, energy)
    shape = (-1, 2, *wave.shape)
    return Sensitivity(wave, np.reshape(slopes, shape), positions, colours, from_middle <= reach)


def colour(positions: np.ndarray, distance: float, chosen: np.ndarray) -> np.ndarray:
    """Colour points so that those of one colour keep a distance.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape (n, 2).
    distance : float
        Least distance of two points of one colour.
    chosen : numpy.ndarray
        Which points to colour, bool, shape (n,).

    Returns
    -------
    numpy.ndarray
        Colours from 0, int, shape (n,); -1 for points not chosen.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.column_stack([np.arange(5.0), np.zeros(5)])
    >>> colour(row, 2.0, np.ones(5, dtype=bool)).tolist()
    [0, 1, 0, 1, 0]
    """
    colours = np.full(len(positions), -1)
    near = cKDTree(positions).query_ball_point(positions, distance * (1 - 1e-9))
    for index in np.flatnonzero(chosen):
        used = set(colours[near[index]])
        colours[index] = next(one for one in range(len(positions)) if one not in used)
    return colours


def site_bounds(moved: Sensitivity, energy: float, conditions: Conditions) -> np.ndarray:
    """Compute the Cramér-Rao bound of the sites of an image.

    Lens, camera and dose are taken as known, and so are the heights of the columns. The change of
    the image with a column is cut off at ``FOOTPRINT``, which loses a little of the information at
    large defocus; the noise is that of the electrons alone.

    Parameters
    ----------
    moved : Sensitivity
        Of the specimen.
    energy : float
        Of the electrons (eV).
    conditions : Conditions
        What the image is taken under; a dose that is not finite counts as 1 e/Å².

    Returns
    -------
    numpy.ndarray
        Standard deviations in Å, shape (n, 4): of y and x where the neighbours are known, then
        where the positions of all sites are unknown; NaN for sites that are not wanted.

    Raises
    ------
    ValueError
        If the camera passes the noise through its transfer function, which correlates it.
    """
    camera = conditions.camera
    if camera.noise_transfer:
        raise ValueError("noise_transfer is 1: the bound is known for white noise only, give 0.")
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
    centres = np.stack(np.mgrid[: len(mean), : len(mean)], axis=-1).reshape(-1, 2) * exact
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
