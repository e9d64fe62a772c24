# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of the specimens of a benchmark."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from hyperspy_dlatoms.data.benchmark.exit_waves import ExitWaves
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.simulation.imaging.camera import count_electrons, record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions, draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens

# Lenses kept while the dose or the sampling is varied: more than there are frames per point.
KEPT = 32


def conditions_of(imaging: Mapping[str, Any], seed: int, number: int) -> Conditions:
    """Draw the conditions of frame `number`, with the same aberrations at all points of a curve."""
    return draw_conditions(np.random.default_rng([seed, number]), imaging)


def take_frame(
    rng: np.random.Generator, specimen: ExitWaves, conditions: Conditions
) -> tuple[np.ndarray, float]:
    """Return a frame (M, M), electrons per pixel, of all snapshots, and its sampling (Å/px)."""
    camera = conditions.camera
    intensity = _intensity(
        specimen, conditions.lens, conditions.defocus_ramp, conditions.ramp_angle
    )
    image = record(intensity, SAMPLING, camera, camera.sampling)
    sampling = specimen.size / len(image)
    return count_electrons(rng, image, camera, sampling), sampling


@lru_cache(maxsize=KEPT)
def _intensity(specimen: ExitWaves, lens: Lens, ramp: float, angle: float) -> np.ndarray:
    images = [
        image_intensity(wave, SAMPLING, specimen.energy, lens, ramp, angle)
        for wave in specimen.waves
    ]
    return np.mean(images, axis=0)
