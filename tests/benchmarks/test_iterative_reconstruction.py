# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from peers.iterative_reconstruction import reconstruct_exit_wave, transfer_function
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens

ENERGY, SAMPLING = 80e3, 0.2
DEFOCI = np.array([10.0, 60.0, 110.0])
LENS = Lens(Cs=-1e5, astigmatism=20, astigmatism_angle=0.4, coma=300, coma_angle=1.0, threefold=80)


@pytest.fixture(scope="module")
def wave():
    """The wave behind phases of about 0.1, of distances between atoms, on a frame not square."""
    noise = np.random.default_rng(2).normal(size=(96, 120))
    # A focal series of 100 Å tells hardly anything of longer distances.
    fine, coarse = (gaussian_filter(noise, width, mode="wrap") for width in (2.5, 3.5))
    bumps = fine - coarse
    return np.exp(0.1j * bumps / bumps.std())


def images(wave, lens):
    lenses = [Lens(**(vars(lens) | {"defocus": defocus})) for defocus in DEFOCI]
    return np.stack([image_intensity(wave, SAMPLING, ENERGY, one) for one in lenses])


def phase(wave):
    return np.angle(wave * np.exp(-1j * np.angle(wave.mean())))


@pytest.mark.parametrize("spread", [0.0, 40.0])
def test_the_transfer_is_that_of_the_simulated_lens(wave, spread):
    lens = Lens(**(vars(LENS) | {"defocus": 60.0, "focal_spread": spread}))
    transfer = transfer_function(wave.shape, SAMPLING, ENERGY, lens, cutoff=9.0)
    image = np.abs(np.fft.ifft2(transfer * np.fft.fft2(wave))) ** 2
    np.testing.assert_allclose(image, image_intensity(wave, SAMPLING, ENERGY, lens), atol=1e-4)


def test_the_phase_comes_back(wave):
    series = images(wave, LENS)
    found = [
        reconstruct_exit_wave(series, SAMPLING, ENERGY, DEFOCI, LENS, iterations=n) for n in (0, 50)
    ]
    errors = [np.std(phase(one) - phase(wave)) / np.std(phase(wave)) for one in found]
    assert errors[1] < 0.5 * errors[0]
    assert np.corrcoef(phase(found[1]).ravel(), phase(wave).ravel())[0, 1] > 0.97


def test_the_unit_of_the_images_does_not_matter(wave):
    series = images(wave, LENS)
    one, other = (
        reconstruct_exit_wave(scale * series, SAMPLING, ENERGY, DEFOCI, LENS) for scale in (1, 50)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_wrong_defoci_are_worse(wave):
    series = images(wave, LENS)
    right, wrong = (
        np.corrcoef(
            phase(reconstruct_exit_wave(series, SAMPLING, ENERGY, defoci, LENS)).ravel(),
            phase(wave).ravel(),
        )[0, 1]
        for defoci in (DEFOCI, -DEFOCI)
    )
    assert right > wrong + 0.5


@pytest.mark.parametrize(
    ("shape", "defoci", "value", "said"),
    [
        ((3, 8, 8), [0.0, 1.0], 1.0, "one defocus for each image"),
        ((8, 8), [0.0], 1.0, "one defocus for each image"),
        ((2, 8, 8), [0.0, 1.0], 0.0, "expected electrons"),
    ],
)
def test_bad_series(shape, defoci, value, said):
    with pytest.raises(ValueError, match=said):
        reconstruct_exit_wave(np.full(shape, value), SAMPLING, ENERGY, defoci, LENS)
