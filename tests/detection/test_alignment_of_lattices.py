# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy import fft
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.detection.alignment import Drift, align, drift_of

SAMPLING = 0.2
SHAPE = (160, 200)


def focal_series(drift=((0, 0), (0, 0), (0, 0)), defoci=(-50, 0, 50), hole=True, seed=0):
    """Images of weak triangular-lattice potential, without noise, that drift (y, x in Å)."""
    rng = np.random.default_rng(seed)
    height, width = (side + 100 for side in SHAPE)
    i, j = np.meshgrid(np.arange(-40, 41), np.arange(-40, 41))
    metal = np.column_stack([3.18 * np.sqrt(0.75) * i.ravel(), 3.18 * (j + i / 2).ravel()])
    sites = np.concatenate([metal, metal + [3.18 / np.sqrt(12), 3.18 / 2]])
    weights = np.repeat([1.0, 0.5], len(metal)) * (rng.random(len(sites)) > 0.04)
    sites = sites @ [[0.96, -0.28], [0.28, 0.96]] + [21.3, 27.1]
    if hole:
        weights[np.hypot(*(sites - [20.0, 26.0]).T) < 7] = 0
    y, x = fft.fftfreq(height, SAMPLING)[:, None], fft.fftfreq(width, SAMPLING)
    square = y**2 + x**2
    images = []
    for focus, moved in zip(defoci, drift, strict=True):
        whole, rest = np.divmod((sites + moved) / SAMPLING, 1)
        potential = np.zeros((height, width))
        for corner in np.ndindex(2, 2):
            share = np.abs(1 - np.array(corner) - rest).prod(axis=1)
            pixels = whole.astype(int) + corner
            inside = ((pixels >= 0) & (pixels < (height, width))).all(axis=1)
            np.add.at(potential, tuple(pixels[inside].T), (weights * share)[inside])
        transfer = np.sin(np.pi * 0.0418 * focus * square + 0.4)
        spectrum = fft.fft2(potential) * transfer * np.exp(-square / 0.6)
        images.append(fft.ifft2(spectrum).real[50:-50, 50:-50])
    series = np.array(images)
    return 1 + 0.1 * series / series.std()


def within(drift, truth, tolerance=0.15):
    expected = (np.asarray(truth, float) - truth[1]) / SAMPLING
    np.testing.assert_allclose(drift.offsets, expected, atol=tolerance / SAMPLING)


@pytest.mark.parametrize("hole", [True, False])
@pytest.mark.parametrize("defoci", [(-50, 0, 50), (60, 20, -20)])
@pytest.mark.parametrize("small", [0.0, 0.5])
def test_images_that_are_aligned_are_left(hole, defoci, small):
    """The contrast of some spatial frequencies inverts, which phase correlation falls for."""
    truth = small * np.array([(0.7, -0.3), (0, 0), (-0.5, 0.9)])
    within(drift_of(focal_series(truth, defoci, hole), SAMPLING), truth)


def test_drift_by_more_than_the_lattice():
    truth = [(6.3, -4.1), (0.0, 0.0), (2.2, 7.7)]
    drift = drift_of(focal_series(truth), SAMPLING)
    within(drift, truth)
    assert drift.certain


@pytest.mark.parametrize("sampling", [0.1, 0.37])
def test_any_sampling(sampling):
    rng = np.random.default_rng(3)
    texture = gaussian_filter(rng.normal(size=(400, 300)), 0.6 / sampling)
    series = np.stack([texture[20:350, 20:280], -texture[10:340, 30:290]])
    drift = drift_of(series, sampling)
    # The last but one of two is the middle one, as for the network.
    np.testing.assert_allclose(drift.offsets, [[-10, 10], [0, 0]], atol=0.2)
    assert drift.certain


@pytest.mark.parametrize(
    "series",
    [
        np.random.default_rng(0).poisson(20, (3, 128, 150)),
        np.ones((3, 128, 128), np.uint8),
        np.full((3, 128, 128), np.nan),
        np.random.default_rng(0).normal(size=(3, 20, 128)),
        np.zeros((3, 1, 1)),
    ],
)
def test_nothing_to_tell_from(series):
    drift = drift_of(series, SAMPLING)
    assert drift.offsets.shape == (3, 2) and not drift.offsets.any()
    assert not drift.certain


def test_bad_pixels_do_not_matter():
    truth = [(6.3, -4.1), (0.0, 0.0), (2.2, 7.7)]
    series = focal_series(truth)
    series[0, 30:34, 50], series[1, 70, 80], series[2, 10, 10] = np.nan, 1e9, -np.inf
    within(drift_of(series, SAMPLING), truth)


def test_aligned_images_have_no_drift():
    truth = [(6.3, -4.1), (0.0, 0.0), (2.2, 7.7)]
    series = focal_series(truth)
    aligned = align(series, drift_of(series, SAMPLING))
    assert aligned.dtype == np.float32 and aligned.shape == series.shape
    np.testing.assert_array_equal(aligned[1], series[1].astype(np.float32))
    still = focal_series()
    inner = (slice(None), slice(45, -45), slice(45, -45))
    error = np.abs(aligned[inner] - still[inner]).mean()
    assert error < 0.3 * np.abs(series[inner] - still[inner]).mean()
    # Row 0 of the first image is 31 px down, so that its end is not there.
    np.testing.assert_allclose(aligned[0, -25:, :60], series[0].mean(), rtol=0.02)


def test_bad_pixels_move_along():
    series = np.random.default_rng(0).poisson(50, (2, 40, 50))
    series = series.astype(float)
    series[0, 10, 20] = np.nan
    aligned = align(series, Drift(np.array([[3.0, -4.0], [0, 0]]), certain=True))
    assert np.argwhere(np.isnan(aligned[0])).tolist() == [[7, 24]]
    assert np.isfinite(aligned[1]).all()
    np.testing.assert_allclose(aligned[0, :30, 10:20], series[0, 3:33, 6:16], rtol=1e-5)
