# SPDX-License-Identifier: GPL-3.0-or-later
"""One image from an exit wave under given conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hyperspy_dlatoms.simulation.camera import count_electrons, record
from hyperspy_dlatoms.simulation.conditions import Conditions
from hyperspy_dlatoms.simulation.illumination import blend, uneven
from hyperspy_dlatoms.simulation.lens import image_intensity

RAMP_IMAGES = 3


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
    >>> from hyperspy_dlatoms.simulation.conditions import Conditions
    >>> from hyperspy_dlatoms.simulation.imaging import take_image
    >>> rng = np.random.default_rng(0)
    >>> counts, pixel = take_image(rng, np.ones((64, 64), complex), 0.2, 300e3, Conditions())
    >>> counts.shape, pixel
    ((128, 128), 0.1)
    """
    lens, camera = conditions.lens, conditions.camera
    if conditions.defocus_ramp:
        steps = np.linspace(-0.5, 0.5, RAMP_IMAGES) * conditions.defocus_ramp
        lenses = [replace(lens, defocus=lens.defocus + step) for step in steps]
        images = [image_intensity(wave, sampling, energy, one) for one in lenses]
        intensity = blend(np.stack(images), conditions.ramp_angle)
    else:
        intensity = image_intensity(wave, sampling, energy, lens)
    image = record(intensity, sampling, camera, pixel or camera.sampling)
    exact = len(wave) * sampling / len(image)
    if conditions.illumination_slope or conditions.vignetting:
        image *= uneven(
            image.shape,
            conditions.illumination_slope,
            conditions.illumination_angle,
            conditions.vignetting,
        )
    return count_electrons(rng, image, camera, exact), exact
