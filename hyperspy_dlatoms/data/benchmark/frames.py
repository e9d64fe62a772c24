# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a subject, and the bound of its sites in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from hyperspy_dlatoms.data.benchmark.exit_waves import Subject
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.evaluation.bound import site_bounds
from hyperspy_dlatoms.simulation.imaging.camera import count_electrons, record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions, draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import ramped_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens

_KEPT = 32
"""Lenses kept while the dose or the sampling is varied: as many as frames at a point."""


def conditions_of(imaging: Mapping[str, Any], seed: int, number: int) -> Conditions:
    """Draw the conditions of a frame.

    Frames of one number have the same aberrations at each point of each curve, so that nothing
    but what is varied tells the points apart.

    Parameters
    ----------
    imaging : mapping
        Conditions and ranges.
    seed, number : int
        Of the test, and of the frame at its point.

    Returns
    -------
    Conditions
    """
    return draw_conditions(np.random.default_rng([seed, number]), imaging)


def take_frame(
    rng: np.random.Generator, subject: Subject, conditions: Conditions
) -> tuple[np.ndarray, float]:
    """Image a subject: the mean of the intensities of all its snapshots, then camera and noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    subject : Subject
        What is imaged.
    conditions : Conditions
        What the image is taken under; lens, ramp of the defocus and camera alone are looked at.

    Returns
    -------
    counts : numpy.ndarray
        (M, M) float32, electrons a pixel.
    sampling : float
        Exactly, Å/px.
    """
    camera = conditions.camera
    intensity = _intensity(subject, conditions.lens, conditions.defocus_ramp, conditions.ramp_angle)
    image = record(intensity, SAMPLING, camera, camera.sampling)
    sampling = subject.size / len(image)
    return count_electrons(rng, image, camera, sampling), sampling


def frame_bounds(subject: Subject, conditions: Conditions) -> np.ndarray | None:
    """Compute the Cramér-Rao bound of the sites of a frame.

    Parameters
    ----------
    subject : Subject
        What is imaged.
    conditions : Conditions
        Of the frame.

    Returns
    -------
    numpy.ndarray or None
        As `hyperspy_dlatoms.evaluation.bound.site_bounds`; None if the subject does not know how
        its wave answers, the noise is not that of electrons alone, or the defocus changes across
        the frame.
    """
    camera = conditions.camera
    noisy = not np.isfinite(camera.dose) or camera.readout
    if subject.sensitivity is None or noisy or conditions.defocus_ramp:
        return None
    once = replace(conditions, camera=replace(camera, dose=1.0))
    return _bounds_at_unit_dose(subject, once) / np.sqrt(camera.dose)


@lru_cache(maxsize=_KEPT)
def _intensity(subject: Subject, lens: Lens, ramp: float, angle: float) -> np.ndarray:
    images = [
        ramped_intensity(wave, SAMPLING, subject.energy, lens, ramp, angle)
        for wave in subject.waves
    ]
    return np.mean(images, axis=0)


@lru_cache(maxsize=_KEPT)
def _bounds_at_unit_dose(subject: Subject, conditions: Conditions) -> np.ndarray:
    return site_bounds(subject.sensitivity, subject.energy, conditions)
