# SPDX-License-Identifier: GPL-3.0-or-later
"""One image, or a focal series, from an exit wave under given conditions."""

from __future__ import annotations

import numpy as np

from hyperspy_dlatoms.simulation.imaging.camera import count_electrons, record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.illumination import blend, uneven
from hyperspy_dlatoms.simulation.imaging.lens import Lens, image_intensity, series_intensities

RAMP_STEP = 20.0
"""Most defocus (Å) between the images that a ramp is blended from. The contrast of an HRTEM image
inverts within some 100 Å, and the mean of two images either side of that shows less than either."""


def take_image(
    rng: np.random.Generator,
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions,
    pixel: float | None = None,
) -> tuple[np.ndarray, float]:
    """
    Image an exit wave: lens, illumination, camera, noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    wave : numpy.ndarray
        Exit wave (N, N), complex, periodic.
    sampling : float
        Of the wave, Å/px.
    energy : float
        Of the electrons, eV.
    conditions : Conditions
        What the image is taken under.
    pixel : float, optional
        Sampling asked of the image, Å/px; by default that of the camera.

    Returns
    -------
    counts : numpy.ndarray
        (M, M) float32, electrons a pixel.
    pixel : float
        The image's exact sampling, ``N * sampling / M`` Å/px.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
    >>> from hyperspy_dlatoms.simulation.imaging.image import take_image
    >>> rng = np.random.default_rng(0)
    >>> counts, pixel = take_image(rng, np.ones((64, 64), complex), 0.2, 300e3, Conditions())
    >>> counts.shape, pixel
    ((128, 128), 0.1)
    """
    intensity = ramped_intensity(
        wave, sampling, energy, conditions.lens, conditions.defocus_ramp, conditions.ramp_angle
    )
    return _expose(rng, intensity, sampling, conditions, pixel)


def ramped_intensity(
    wave: np.ndarray, sampling: float, energy: float, lens: Lens, ramp: float, angle: float
) -> np.ndarray:
    """
    Give the intensity behind a lens whose defocus changes across the frame.

    Parameters
    ----------
    wave : numpy.ndarray
        Exit wave (N, N), complex, periodic.
    sampling : float
        Of the wave, Å/px.
    energy : float
        Of the electrons, eV.
    lens : Lens
        In the middle of the frame.
    ramp : float
        Change of the defocus from one side to the other, Å; 0 for none.
    angle : float
        Direction of the ramp, radians.

    Returns
    -------
    numpy.ndarray
        (N, N), 1 where nothing is.
    """
    if not ramp:
        return image_intensity(wave, sampling, energy, lens)
    images = series_intensities(wave, sampling, energy, lens, lens.defocus + ramp_steps(ramp))
    return blend(images, angle)


def ramp_steps(ramp: float) -> np.ndarray:
    """
    Give the defoci of the images that a ramp is blended from.

    Parameters
    ----------
    ramp : float
        Change of the defocus from one side of the frame to the other, Å.

    Returns
    -------
    numpy.ndarray
        Relative to that in the middle of the frame (Å), from one side to the other.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging.image import ramp_steps
    >>> ramp_steps(-60.0)
    array([ 30.,  10., -10., -30.])
    """
    images = 1 + max(int(np.ceil(abs(ramp) / RAMP_STEP)), 1)
    return np.linspace(-0.5, 0.5, images) * ramp


def take_series(
    rng: np.random.Generator,
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions,
    pixel: float | None = None,
) -> tuple[np.ndarray, float]:
    """
    Take a focal series of an exit wave.

    Each image has its own defocus, noise and drift. Sites lie in the middle image (the later one of
    the two of an even number) where they do in the wave; the others are moved by their drift.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    wave : numpy.ndarray
        Exit wave (N, N), complex, periodic.
    sampling : float
        Of the wave, Å/px.
    energy : float
        Of the electrons, eV.
    conditions : Conditions
        What the images are taken under, with their ``defoci`` and ``drift``; the dose is that of
        each image.
    pixel : float, optional
        Sampling asked of the images, Å/px; by default that of the camera.

    Returns
    -------
    counts : numpy.ndarray
        (images, M, M) float32, electrons a pixel.
    pixel : float
        The images' exact sampling, ``N * sampling / M`` Å/px.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
    >>> from hyperspy_dlatoms.simulation.imaging.image import take_series
    >>> conditions = Conditions(defoci=(-50.0, 0.0, 50.0), drift=((0, 0.2), (0, 0), (0.1, 0)))
    >>> rng = np.random.default_rng(0)
    >>> take_series(rng, np.ones((64, 64), complex), 0.2, 80e3, conditions)[0].shape
    (3, 128, 128)
    """
    lens, defoci = conditions.lens, np.asarray(conditions.defoci)
    if conditions.defocus_ramp:
        each = defoci[:, None] + ramp_steps(conditions.defocus_ramp)
        images = series_intensities(wave, sampling, energy, lens, each.ravel())
        images = images.reshape(*each.shape, *wave.shape)
        intensities = [blend(stack, conditions.ramp_angle) for stack in images]
    else:
        intensities = series_intensities(wave, sampling, energy, lens, defoci)
    exposed = [
        _expose(rng, intensity, sampling, conditions, pixel, shift)
        for intensity, shift in zip(intensities, conditions.drift, strict=True)
    ]
    return np.stack([counts for counts, _ in exposed]), exposed[0][1]


def _expose(
    rng: np.random.Generator,
    intensity: np.ndarray,
    sampling: float,
    conditions: Conditions,
    pixel: float | None,
    shift: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, float]:
    """Record an intensity with the camera, under its illumination and with its noise."""
    camera = conditions.camera
    image = record(intensity, sampling, camera, pixel or camera.sampling, shift)
    exact = len(intensity) * sampling / len(image)
    if conditions.illumination_slope or conditions.vignetting:
        image *= uneven(
            image.shape,
            conditions.illumination_slope,
            conditions.illumination_angle,
            conditions.vignetting,
        )
    return count_electrons(rng, image, camera, exact), exact
