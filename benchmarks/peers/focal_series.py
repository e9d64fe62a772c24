# SPDX-License-Identifier: GPL-3.0-or-later
"""Focal series of a specimen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy.fft

from hyperspy_dlatoms.data.benchmark.exit_waves import ExitWaves
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.evaluation.comparison import Truth
from hyperspy_dlatoms.simulation.imaging.camera import count_electrons, record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens


@dataclass(frozen=True, eq=False)
class FocalSeries:
    """Images of one place at different defoci, and the truth about it.

    Parameters
    ----------
    counts : numpy.ndarray
        Electrons a pixel, float32, shape (k, H, W).
    sampling : float
        Å/px.
    energy : float
        Of the electrons (eV).
    lens : Lens
        All its aberrations; the defocus is that of the middle of the series.
    defoci : numpy.ndarray
        Of each image (Å), shape (k,); positive is underfocus.
    truth : Truth
        The sites in the first image, with their species.
    middle : tuple of float
        How far the specimen has drifted up to the middle image, whose place networks keep (Å).
    """

    counts: np.ndarray
    sampling: float
    energy: float
    lens: Lens
    defoci: np.ndarray
    truth: Truth
    middle: tuple[float, float] = (0.0, 0.0)

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width (Å)."""
        height, width = self.counts.shape[1:]
        return height * self.sampling, width * self.sampling


def take_series(
    rng: np.random.Generator,
    specimen: ExitWaves,
    conditions: Conditions,
    defoci: np.ndarray,
    drift: float = 0.0,
) -> FocalSeries:
    """Image a specimen at several defoci."""
    if np.size(defoci) == 0:
        raise ValueError("defoci is empty: expected one for each image.")
    camera, images, places = conditions.camera, [], []
    place = np.zeros(2)
    for defocus in defoci:
        ideal = _intensity(specimen, replace(conditions.lens, defocus=float(defocus)))
        image = record(moved(ideal, place), SAMPLING, camera, camera.sampling)
        sampling = specimen.size / len(image)
        images.append(count_electrons(rng, image, camera, sampling))
        places.append(place)
        place = place + rng.normal(0, drift, 2)
    return FocalSeries(
        np.stack(images),
        sampling,
        specimen.energy,
        replace(conditions.lens, defocus=float(np.mean(defoci))),
        np.asarray(defoci, dtype=float),
        specimen.truth,
        tuple(places[len(places) // 2].tolist()),
    )


@lru_cache(maxsize=64)
def _intensity(specimen: ExitWaves, lens: Lens) -> np.ndarray:
    images = [image_intensity(wave, SAMPLING, specimen.energy, lens) for wave in specimen.waves]
    return np.mean(images, axis=0)


def moved(image: np.ndarray, by: Sequence[float]) -> np.ndarray:
    """Move a periodic image or wave by y, x in Å."""
    qy = scipy.fft.fftfreq(image.shape[0], SAMPLING)[:, None]
    qx = scipy.fft.fftfreq(image.shape[1], SAMPLING)
    result = scipy.fft.ifft2(
        scipy.fft.fft2(image) * np.exp(-2j * np.pi * (qy * by[0] + qx * by[1]))
    )
    return (result if np.iscomplexobj(image) else result.real).astype(image.dtype)
