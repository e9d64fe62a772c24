# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave, conditions, and what makes an image of them at once."""

import numpy as np
import pytest
from at_once.camera import coarse_frames, fine_frames, make_grid
from at_once.conditions import is_blended, tell
from at_once.electrons import Noise
from at_once.lens import blended, lens_spectrum, wavelengths

from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.lens import Lens

SIZE, SAMPLING, ENERGY = 96, 0.2, 80e3
SILENT = Noise(np.zeros, np.zeros)
GRID = make_grid(SIZE, SAMPLING, 0.26)


@pytest.fixture(scope="session")
def plain():
    """Conditions of an image of a fine camera."""
    lens = Lens(
        defocus=70.0,
        Cs=-1.5e5,
        astigmatism=20.0,
        astigmatism_angle=0.4,
        coma=300.0,
        coma_angle=2.0,
        threefold=150.0,
        threefold_angle=-1.0,
        focal_spread=30.0,
    )
    camera = Camera(
        sampling=0.1, mtf=(1.0, 0.03, 0.5, 2.5), blur=0.2, vibration=0.15, vibration_angle=0.7
    )
    return Conditions(lens=lens, camera=camera, illumination_slope=0.3, vignetting=0.2)


@pytest.fixture(scope="session")
def wave():
    """Give a smooth exit wave of 80 keV, 96 px of 0.2 Å a side."""
    rng = np.random.default_rng(3)
    bumps = np.fft.ifft2(
        np.fft.fft2(rng.normal(size=(SIZE, SIZE)))
        * np.exp(-8 * np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIZE, SAMPLING)] * 2)) ** 2)
    ).real
    return np.exp(3j * bumps).astype(np.complex64)


@pytest.fixture(scope="session")
def frame_of():
    """Give what makes one normalised frame at once, without noise, and its px for each Å."""

    def make(wave, conditions, *, scintillator=False):
        told = tell([conditions])
        length = wavelengths(np.array([ENERGY]))
        spectra = lens_spectrum(np, wave[None], length, told, SAMPLING)
        if is_blended(conditions):
            intensity = blended(np, spectra, length, told, SAMPLING)
        else:
            intensity = np.abs(np.fft.ifft2(spectra)) ** 2
        if conditions.camera.sampling > SAMPLING:
            frames, scale = coarse_frames(np, SILENT, intensity, told, GRID, scintillator)
            return frames[0], scale[0]
        return fine_frames(np, SILENT, intensity, told, GRID, scintillator)[0], 1 / SAMPLING

    return make
