# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.detection.alignment import Drift, align, drift_of
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_series
from hyperspy_dlatoms.simulation.imaging.lens import Lens

STILL = ((0.0, 0.0),) * 3
# Å: the contrast of the lattice's first spots turns over between the first image and the last.
CONDITIONS = Conditions(
    lens=Lens(Cs=0.0, focal_spread=20.0),
    camera=Camera(sampling=0.12, dose=20000.0),
    defoci=(-60.0, 40.0, 120.0),
    drift=STILL,
)


@pytest.fixture(scope="module")
def wave():
    """Two atoms of unlike weight on a honeycomb lattice of 3.2 Å, a few atoms missing."""
    rng = np.random.default_rng(1)
    a = 3.2
    rows, columns = np.mgrid[:22, :13]
    y = np.concatenate([rows.ravel() * a / 2, rows.ravel() * a / 2])
    x = (columns.ravel() + 0.5 * (rows.ravel() % 2)) * a * 3**0.5
    x = np.concatenate([x, x + a / 3**0.5])
    weight = np.repeat([0.4, 0.25], rows.size) * (rng.random(len(x)) > 0.05)
    frequency = np.fft.fftfreq(360, 0.2)
    waves = [np.exp(-2j * np.pi * np.outer(frequency, along)) for along in (y, x)]
    smooth = np.exp(-2 * (np.pi * 0.35) ** 2 * (frequency**2 + frequency[:, None] ** 2))
    phase = np.fft.ifft2((waves[0] * weight) @ waves[1].T * smooth).real
    return np.exp(1j * phase / 0.2**2)


def series_of(wave, drift, seed=0, **more):
    conditions = replace(CONDITIONS, drift=drift, **more)
    return take_series(np.random.default_rng(seed), wave, 0.2, 80e3, conditions)


@pytest.mark.parametrize(
    "drift",
    [STILL, ((0.3, -0.2), (0, 0), (-0.1, 0.5)), ((0.9, 0.6), (0, 0), (-1.0, 0.3))],
)
def test_drift_is_found_though_the_contrast_turns_over(wave, drift):
    series, sampling = series_of(wave, drift)
    np.testing.assert_allclose(drift_of(series, sampling).offsets * sampling, drift, atol=0.06)


def test_aligned_series_have_no_drift(wave):
    for seed, defocus in enumerate((-80.0, 0.0, 70.0)):
        defoci = (defocus - 60, defocus, defocus + 60)
        series, sampling = series_of(wave, STILL, seed, defoci=defoci)
        assert np.abs(drift_of(series, sampling).offsets).max() * sampling < 0.3


@pytest.mark.parametrize("shape", [(3, 200, 240), (3, 12, 300), (3, 1, 1)])
def test_images_with_nothing_in_common_have_no_drift(shape):
    rng = np.random.default_rng(0)
    for series in (rng.poisson(20.0, shape), np.ones(shape), np.full(shape, np.nan)):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            assert (drift_of(series, 0.1).offsets == 0).all()


def test_aligned_images_lie_on_the_middle_one(wave):
    drift = ((0.9, 0.6), (0, 0), (-1.0, 0.3))
    still, sampling = series_of(wave, STILL)
    series, _ = series_of(wave, drift)
    aligned = align(series, drift_of(series, sampling))
    inner = np.s_[:, 20:-20, 20:-20]
    np.testing.assert_array_equal(aligned[1], series[1])

    def likeness(images):
        return [np.corrcoef(a[inner[1:]].ravel(), b[inner[1:]].ravel())[0, 1] for a, b in images]

    before = likeness(zip(series[::2], still[::2], strict=True))
    after = likeness(zip(aligned[::2], still[::2], strict=True))
    assert min(after) > max(before) + 0.1


def test_bad_pixels_move_along_and_do_not_spread():
    series = np.random.default_rng(0).poisson(100, (2, 40, 40)).astype(float)
    series[0, 20, 10], series[0, 30, 30] = np.nan, 1e6
    aligned = align(series, Drift(np.array([[3.0, -2.0], [0.0, 0.0]]), certain=True))
    assert [tuple(map(int, i)) for i in np.argwhere(np.isnan(aligned[0]))] == [(17, 12), (27, 32)]
    assert np.nanmax(aligned) < 200
    assert series[0, 30, 30] == 1e6
