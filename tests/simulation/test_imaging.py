# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.camera import Camera
from hyperspy_dlatoms.simulation.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging import take_image
from hyperspy_dlatoms.simulation.lens import Lens

PLAIN = Conditions(lens=Lens(defocus=60.0), camera=Camera(sampling=0.2))


@pytest.fixture(scope="module")
def wave():
    y, x = np.mgrid[:120, :120] * 0.2
    phase = 0.2 * (np.cos(2 * np.pi * x / 2.4) + np.cos(2 * np.pi * y / 2.4))
    return np.exp(1j * phase).astype(np.complex64)


def image(wave, conditions, seed=0, pixel=None):
    return take_image(np.random.default_rng(seed), wave, 0.2, 300e3, conditions, pixel)


def test_the_same_seed_gives_the_same_noise(wave):
    noisy = replace(PLAIN, camera=replace(PLAIN.camera, dose=500.0))
    np.testing.assert_array_equal(image(wave, noisy)[0], image(wave, noisy)[0])
    assert np.any(image(wave, noisy)[0] != image(wave, noisy, seed=1)[0])


@pytest.mark.parametrize("pixel", [0.07, 0.13, 0.2, 0.26])
def test_the_sampling_returned_is_exact(wave, pixel):
    counts, exact = image(wave, PLAIN, pixel=pixel)
    assert exact * len(counts) == pytest.approx(24.0)
    assert exact == pytest.approx(pixel, rel=0.01)


def test_a_ramp_of_defocus_inverts_the_contrast_within_the_frame(wave):
    ramped = replace(PLAIN, lens=Lens(), defocus_ramp=240.0, ramp_angle=0.0)
    counts, _ = image(wave, ramped)
    fringe = np.cos(2 * np.pi * np.arange(120) * 0.2 / 2.4)
    left, right = (
        np.corrcoef(part.mean(1), fringe)[0, 1] for part in (counts[:, :20], counts[:, -20:])
    )
    assert left * right < -0.5


def test_uneven_light_scales_the_image(wave):
    even, _ = image(wave, PLAIN)
    dark, _ = image(wave, replace(PLAIN, vignetting=0.4))
    assert dark[0, 0] / even[0, 0] == pytest.approx(0.6, rel=1e-3)
    assert dark[60, 60] / even[60, 60] == pytest.approx(1, rel=1e-3)
