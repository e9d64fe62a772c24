# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import image_intensity, take_image, take_series
from hyperspy_dlatoms.simulation.imaging.lens import Lens

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


@pytest.mark.parametrize("column", [10, 30, 50, 90, 109])
def test_along_a_ramp_the_contrast_is_that_of_the_defocus_there(wave, column):
    ramped = replace(PLAIN, lens=Lens(), defocus_ramp=240.0, ramp_angle=0.0)
    there = replace(PLAIN, lens=Lens(defocus=240 * (column / 119 - 0.5)))
    expected = image(wave, there)[0][:, column]
    contrast = np.ptp(expected)
    np.testing.assert_allclose(image(wave, ramped)[0][:, column], expected, atol=0.1 * contrast)


def test_uneven_light_scales_the_image(wave):
    even, _ = image(wave, PLAIN)
    dark, _ = image(wave, replace(PLAIN, vignetting=0.4))
    assert dark[0, 0] / even[0, 0] == pytest.approx(0.6, rel=1e-3)
    assert dark[60, 60] / even[60, 60] == pytest.approx(1, rel=1e-3)


SERIES = replace(PLAIN, defoci=(20.0, 60.0, 110.0), drift=((0.0, 0.0),) * 3)


def test_each_image_of_a_series_is_that_of_its_defocus(wave):
    counts, exact = take_series(np.random.default_rng(0), wave, 0.2, 300e3, SERIES)
    assert exact == 0.2
    for one, defocus in zip(counts, SERIES.defoci, strict=True):
        alone, _ = image(wave, replace(PLAIN, lens=Lens(defocus=defocus)))
        np.testing.assert_allclose(one, alone, atol=2e-6)
    assert np.abs(counts[0] - counts[2]).max() > 1e-3


def test_drift_moves_an_image_and_leaves_the_middle_one(wave):
    still, _ = take_series(np.random.default_rng(0), wave, 0.2, 300e3, SERIES)
    drift = ((0.4, -0.6), (0.0, 0.0), (0.07, 0.11))
    moved, _ = take_series(np.random.default_rng(0), wave, 0.2, 300e3, replace(SERIES, drift=drift))
    np.testing.assert_array_equal(moved[1], still[1])
    # Two pixels down and three to the left.
    np.testing.assert_allclose(moved[0], np.roll(still[0], (2, -3), (0, 1)), atol=1e-5)
    spectrum, there = (np.fft.fft2(one)[0, 10] for one in (still[2], moved[2]))
    assert np.angle(there / spectrum) == pytest.approx(-2 * np.pi * 0.11 / 2.4, abs=1e-3)


def test_each_image_of_a_series_has_its_own_noise(wave):
    noisy = replace(SERIES, camera=replace(PLAIN.camera, dose=1000.0), defoci=(60.0,) * 3)
    counts, _ = take_series(np.random.default_rng(0), np.ones_like(wave), 0.2, 300e3, noisy)
    assert counts.mean() == pytest.approx(40, rel=0.01)
    noise = np.corrcoef(counts.reshape(3, -1))[np.triu_indices(3, 1)]
    assert np.abs(noise).max() < 0.05


def test_a_ramp_of_defocus_goes_through_each_image_of_a_series(wave):
    ramped = replace(SERIES, defocus_ramp=120.0, ramp_angle=0.7)
    counts, _ = take_series(np.random.default_rng(0), wave, 0.2, 300e3, ramped)
    alone, _ = image(wave, replace(ramped, defoci=(), drift=(), lens=Lens(defocus=110.0)))
    np.testing.assert_allclose(counts[2], alone, atol=2e-6)


def test_with_a_ramp_each_defocus_has_its_spread(wave):
    lens = Lens(focal_spread=40.0, focal_points=5)
    ramped, there, envelope = (
        image_intensity(wave, 0.2, 300e3, one, ramp, 0.0)
        for one, ramp in (
            (lens, 90.0),
            (replace(lens, defocus=45.0), 0.0),
            (replace(lens, focal_points=1), 90.0),
        )
    )
    np.testing.assert_allclose(ramped[:, -1], there[:, -1], atol=1e-5)
    assert np.abs(envelope - ramped).max() > 1e-4


def test_the_readout_noise_of_summed_pixels_adds_up():
    nothing = np.ones((120, 120), np.complex64)
    camera = Camera(sampling=0.05, dose=1e-6, readout=1.5)
    own, pixel = image(nothing, Conditions(camera=camera))
    assert pixel == pytest.approx(0.05) and own.std() == pytest.approx(1.5, rel=0.02)
    coarse, pixel = image(nothing, Conditions(camera=camera), pixel=0.2)
    sums = own.reshape(120, 4, 120, 4).sum(axis=(1, 3))
    assert pixel == pytest.approx(0.2)
    assert coarse.std() == pytest.approx(sums.std(), rel=0.04)
