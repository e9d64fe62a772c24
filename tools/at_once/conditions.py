# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of many images as arrays."""

from typing import Any, NamedTuple

import numpy as np
from abtem import distributions

from hyperspy_dlatoms.simulation.imaging.conditions import Conditions

SEVERAL = 16
"""Images that one is blended from."""

LENS = (
    "defocus",
    "Cs",
    "astigmatism",
    "astigmatism_angle",
    "coma",
    "coma_angle",
    "threefold",
    "threefold_angle",
    "focal_spread",
)
CAMERA = ("sampling", "dose", "blur", "vibration", "vibration_angle", "readout")
FRAME = ("ramp_angle", "illumination_slope", "illumination_angle", "vignetting")
PARAMETERS = (*LENS, *CAMERA, *FRAME, "c1", "c2", "c3", "c4", "ramp")


class Told(NamedTuple):
    """Conditions of images, as arrays.

    Attributes
    ----------
    values : dict of numpy.ndarray
        By the names of ``PARAMETERS``, each of shape (n,).
    offsets, weights : numpy.ndarray
        Defocus (Å) relative to the image's of those it is blended from, and their weights, (n,
        ``SEVERAL``). With a ramp the weights follow from the place and count for nothing.
    """

    values: dict[str, Any]
    offsets: Any
    weights: Any


def tell(conditions: list[Conditions]) -> Told:
    """Write conditions as arrays."""
    rows, offsets, weights = [], [], []
    for one in conditions:
        camera = {name: getattr(one.camera, name) for name in CAMERA}
        lens = {name: getattr(one.lens, name) for name in LENS}
        frame = {name: getattr(one, name) for name in FRAME}
        row = (
            lens | camera | frame | dict(zip(("c1", "c2", "c3", "c4"), one.camera.mtf, strict=True))
        )
        row["ramp"] = one.defocus_ramp
        offset, weight = np.zeros(SEVERAL), np.zeros(SEVERAL)
        weight[0] = 1
        # With a ramp the spread of focus stays an envelope: a sum of both would be of 80 images.
        if one.defocus_ramp:
            offset = np.linspace(-0.5, 0.5, SEVERAL) * one.defocus_ramp
        elif is_blended(one):
            spread = distributions.gaussian(
                one.lens.focal_spread / np.sqrt(2),
                num_samples=one.lens.focal_points,
                sampling_limit=2.5,
                ensemble_mean=True,
            )
            offset[: len(spread)] = spread.values
            weight[: len(spread)] = spread.weights / spread.weights.sum()
            row["focal_spread"] = 0.0
        rows.append(row)
        offsets.append(offset)
        weights.append(weight)
    values = {name: np.array([row[name] for row in rows], np.float32) for name in PARAMETERS}
    return Told(values, np.array(offsets, np.float32), np.array(weights, np.float32))


def is_blended(conditions: Conditions) -> bool:
    """Tell whether an image is made of several, of different defoci."""
    lens = conditions.lens
    return bool(conditions.defocus_ramp) or (lens.focal_points > 1 and lens.focal_spread > 0)


def select(told: Told, where: Any) -> Told:
    """Give the conditions of some images."""
    values = {name: array[where] for name, array in told.values.items()}
    return Told(values, told.offsets[where], told.weights[where])
