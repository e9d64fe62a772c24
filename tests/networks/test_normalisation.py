# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.networks.normalisation import normalise, normalise_series


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def exact(frame, sigma):
    """The same without blocks: every moment from every pixel."""
    frame = frame.astype(np.float64)

    def mean(values):
        total = gaussian_filter(values, sigma, mode="constant", truncate=3)
        return total / gaussian_filter(np.ones_like(values), sigma, mode="constant", truncate=3)

    local = mean(frame)
    return (frame - local) / np.sqrt(mean(frame**2) - local**2)


def test_follows_the_definition_within_the_error_of_blocks():
    y, x = np.mgrid[:203, :317]
    frame = (3 + y / 80 + 0.5 * np.sin(x / 90)) * noise((203, 317)) + 20 + x / 50
    out = normalise(frame.astype(np.float32), sampling=0.2, width=12.0)
    assert np.abs(out - exact(frame, 60.0)).max() < 0.04


shapes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@settings(deadline=None, max_examples=40)
@given(shapes, st.integers(0, 99), st.floats(1e-3, 1e3), st.floats(-50, 50))
def test_unchanged_by_gain_and_offset(shape, seed, gain, offset):
    frame = noise(shape, seed)
    changed = (gain * (frame.astype(np.float64) + offset)).astype(np.float32)
    np.testing.assert_allclose(normalise(changed, 0.2), normalise(frame, 0.2), atol=2e-3)


@settings(deadline=None, max_examples=40)
@given(shapes, st.integers(0, 99), st.floats(0.05, 3.0))
def test_negation_gives_the_negative(shape, seed, sampling):
    frame = noise(shape, seed) + 5
    np.testing.assert_allclose(normalise(-frame, sampling), -normalise(frame, sampling), atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(shapes, st.floats(-1e6, 1e6, width=32))
def test_constant_frame_gives_zeros(shape, value):
    assert not normalise(np.full(shape, value, np.float32), 0.2).any()


def test_rounding_is_not_blown_up():
    frame = np.full((64, 64), 1000, np.float32) + 1e-4 * noise((64, 64))
    assert not normalise(frame, 0.2).any()


def test_featureless_region_is_not_blown_up():
    frame = np.zeros((64, 1200), np.float32)
    frame[:, :100] = 100 * noise((64, 100))
    frame[:, 1000:] = 1e-3 * noise((64, 200))
    assert np.abs(normalise(frame, 0.2)[:, 1000:]).max() < 0.05


def test_empty_frame():
    assert normalise(np.empty((0, 7), np.float32), 0.2).shape == (0, 7)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float64, ">f4", bool])
def test_dtypes(dtype):
    frame = np.random.default_rng(1).integers(0, 2, (50, 70)).astype(dtype)
    out = normalise(frame, 0.2)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, normalise(frame.astype(np.float32), 0.2), atol=1e-5)


def test_input_is_left_alone():
    frame = noise((40, 40))
    before = frame.copy()
    normalise(frame, 0.2)
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize(
    ("frame", "sampling", "width", "message"),
    [
        (np.zeros(5), 0.2, 12.0, "1 dimensions"),
        (np.zeros((5, 5)), 0.0, 12.0, "sampling is 0.0"),
        (np.zeros((5, 5)), 0.2, -1.0, "width is -1.0"),
        (np.zeros((5, 5)), float("nan"), 12.0, "sampling is nan"),
    ],
)
def test_refuses(frame, sampling, width, message):
    with pytest.raises(ValueError, match=message):
        normalise(frame, sampling, width)


def series(*contrasts, mean=1000.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([mean * (1 + c * rng.standard_normal((96, 80))) for c in contrasts])


def test_the_images_of_a_series_keep_their_contrast_relative_to_each_other():
    out = normalise_series(series(0.01, 0.03, 0.02), 0.2)
    spread = out.std(axis=(1, 2))
    np.testing.assert_allclose(spread / spread[0], [1, 3, 2], rtol=0.05)
    assert np.sqrt((out**2).mean()) == pytest.approx(1, rel=0.02)


def test_the_dose_of_each_image_of_a_series_does_not_matter():
    frames = series(0.01, 0.03)
    np.testing.assert_allclose(
        normalise_series(frames * [[[5.0]], [[0.2]]], 0.2), normalise_series(frames, 0.2), atol=1e-3
    )


def test_a_series_without_its_background_is_not_divided():
    frames = series(0.01, 0.03)
    out = normalise_series(frames - frames.mean(axis=(1, 2), keepdims=True), 0.2)
    np.testing.assert_allclose(out, normalise_series(frames, 0.2), atol=0.02)


def test_a_series_of_one_is_that_image():
    (frame,) = frames = series(0.02)
    np.testing.assert_allclose(normalise_series(frames, 0.2)[0], normalise(frame, 0.2), atol=1e-4)


def test_empty_and_constant_series():
    assert not normalise_series(np.full((3, 20, 20), 7.0), 0.2).any()
    assert normalise_series(np.zeros((3, 0, 20)), 0.2).shape == (3, 0, 20)
    with pytest.raises(ValueError, match=r"2 dimensions, expected 3"):
        normalise_series(np.zeros((20, 20)), 0.2)
