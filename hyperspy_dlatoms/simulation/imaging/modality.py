# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of either kind, by a recipe's ``imaging``: from a camera (HRTEM) or scanned (STEM)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hyperspy_dlatoms.recipes.imaging import modality_of
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions, draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import take_series
from hyperspy_dlatoms.simulation.imaging.scanning import ScanConditions, draw_scan, take_scan


def draw_any(
    rng: np.random.Generator, imaging: Mapping[str, Any], **harder: float
) -> Conditions | ScanConditions:
    """Draw the conditions of an image; `harder` holds the arguments of a curriculum."""
    scanned = modality_of(imaging) == "STEM"
    return draw_scan(rng, imaging, **harder) if scanned else draw_conditions(rng, imaging, **harder)


def at_dose(imaging: Mapping[str, Any], dose: float) -> dict[str, Any]:
    """Return a recipe's ranges with the dose fixed (e/Å²)."""
    return {name: one for name, one in imaging.items() if name != "counts"} | {"dose": dose}


def take_any(
    rng: np.random.Generator,
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions | ScanConditions,
    sites: np.ndarray,
    pixel: float | None = None,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Image a wave, or scan a map, together with its sites (n, 2; y, x in Å)."""
    # Returns the counts (M, M), or (images, M, M) of a series, their exact sampling (Å/px), and the
    # sites as recorded (px).
    if isinstance(conditions, ScanConditions):
        return take_scan(rng, wave, sampling, energy, conditions, sites, pixel)
    counts, pixel = take_series(rng, wave, sampling, energy, conditions, pixel)
    return counts if conditions.defoci else counts[0], pixel, sites / pixel
