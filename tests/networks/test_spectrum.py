# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.networks.spectrum import BANDS, signal_to_noise, spectrum


def white(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def grating(shape, frequency, angle=0.5):
    y, x = np.indices(shape)
    phase = 2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle))
    return (np.sqrt(2) * np.sin(phase)).astype(np.float32)


@pytest.mark.parametrize("ring", [4, 9, 17])
def test_a_grating_is_in_its_ring_and_is_a_spot(ring):
    frequency = (ring + 0.5) / (2 * BANDS)
    power, spots = np.split(spectrum(grating((300, 280), frequency) + 0.1 * white((300, 280))), 2)
    assert power.argmax() == ring
    assert spots[ring] > np.log(3)
    assert spots[ring + 5] == pytest.approx(np.log(2) / 2, abs=0.1)


@pytest.mark.parametrize("shape", [(300, 300), (200, 640), (2000, 150)])
def test_white_noise_is_flat_whatever_the_size(shape):
    power, spots = np.split(spectrum(2 * white(shape)), 2)
    np.testing.assert_allclose(power[3:], np.log(4), atol=0.15)
    np.testing.assert_allclose(spots[3:], np.log(2) / 2, atol=0.15)


@pytest.mark.parametrize("shape", [(1, 2), (3, 3), (5, 400), (17, 20)])
def test_small_images_have_a_finite_spectrum(shape):
    assert np.isfinite(spectrum(white(shape))).all()
    assert np.isfinite(spectrum(np.zeros(shape, np.float32))).all()


def test_signal_to_noise_grows_with_the_signal():
    noise = white((256, 256))
    images = [contrast * grating((256, 256), 0.12) + noise for contrast in (0, 0.3, 1, 3)]
    ratios = signal_to_noise(np.array([spectrum(image) for image in images]))
    assert ratios[0] < 0.05
    # Twice the contrast is four times the power.
    assert ratios[3] / ratios[2] == pytest.approx(9, rel=0.1)
    assert (np.diff(ratios) > 0).all()
