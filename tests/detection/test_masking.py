# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hyperspy_dlatoms.detection.masking import mask_bad


def fringes(shape, period):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 100 + 30 * np.cos(2 * np.pi * y / period) * np.cos(2 * np.pi * x / period)


def bright_columns(shape, sigma, count):
    """A dark noise-free frame with a few bright columns, less than 0.1 % of its pixels."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    frame = np.zeros(shape)
    for centre in rng.uniform(20, min(shape) - 20, (count, 2)):
        frame += np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2))
    return frame


def next_to_nothing_and_far_beyond():
    """A frame with a spread of next to nothing, and pixels that are nearly infinite by it."""
    frame = np.zeros((13, 30))
    frame[[0, 0, 0, 2, 8, 9, 9], [0, 1, 2, 20, 15, 6, 19]] = -1
    frame[[4, 6, 9, 11], [8, 19, 3, 10]] = -3.8e16, -2.7e-170, -6.9e16, 2.3e137
    return frame


@settings(deadline=None)
@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=30)))
@example(next_to_nothing_and_far_beyond())
def test_anything_becomes_finite_and_every_nan_is_masked(frame):
    clean, mask = mask_bad(frame)
    assert clean.dtype == np.float32 and clean.shape == mask.shape == frame.shape
    assert clean.flags.c_contiguous
    assert np.isfinite(clean).all()
    assert mask[~np.isfinite(frame)].all()


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-30, 1e30), st.floats(-1e3, 1e3), st.integers(0, 99))
def test_gain_and_offset_do_not_matter(gain, offset, seed):
    frame = np.random.default_rng(seed).normal(0, 1, (30, 40))
    frame[3, 4], frame[5, 6] = np.nan, 1e4
    clean, mask = mask_bad(gain * (frame + offset))
    expected, expected_mask = mask_bad(frame)
    np.testing.assert_array_equal(mask, expected_mask)
    np.testing.assert_allclose(clean, expected, atol=1e-5)


@pytest.mark.parametrize("dose", [1e-4, 1e-3, 0.01, 0.05, 0.3, 1, 10, 1000])
@pytest.mark.parametrize("gain", [1, 37.2])
def test_poisson_counts_are_not_masked(dose, gain):
    frame = gain * np.random.default_rng(0).poisson(dose, (700, 900))
    assert not mask_bad(frame)[1].any()


@pytest.mark.parametrize("period", [4, 7, 30])
def test_fringes_are_not_masked(period):
    frame = np.random.default_rng(0).poisson(fringes((300, 300), period))
    assert not mask_bad(frame)[1].any()


@pytest.mark.parametrize("sigma", [1.0, 3.0])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_few_bright_columns_are_not_masked(sigma, noise):
    frame = bright_columns((400, 400), sigma, 4) + np.random.default_rng(1).normal(
        0, noise, (400, 400)
    )
    assert not mask_bad(frame)[1].any()
    assert not mask_bad(-frame)[1].any()


@pytest.mark.parametrize("factors", [(2, 2), (3, 3), (1.5, 1.5), (2, 1)])
def test_enlarged_pixels_are_masked_as_those_of_the_original(factors):
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:300, :300]
    lattice = (np.cos(np.pi * y / 24) * np.cos(np.pi * x / 24)) ** 40
    frame = rng.poisson(1 + 200 * lattice).astype(np.float32)
    frame[40, 50], frame[150] = 1e4, np.nan
    frame[-60:] = 100
    clean, mask = mask_bad(frame, 0.12)
    rows, columns = ((np.arange(int(300 * one)) / one).astype(int) for one in factors)
    enlarged = np.ix_(rows, columns)
    sampling = 0.12 / np.sqrt(np.prod(factors))
    again, bad = mask_bad(frame[enlarged], sampling)
    assert np.mean(bad != mask[enlarged]) < 5e-3
    good = ~(mask[enlarged] | bad)
    np.testing.assert_allclose(again[good], clean[enlarged][good], rtol=0.05, atol=0.02)


@pytest.mark.parametrize("value", [1e5, -1e5, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (50, 60), (99, 119), (0, 70)])
def test_bad_pixel_is_masked_and_filled_from_around(value, place):
    frame = np.random.default_rng(0).poisson(fringes((100, 120), 30)).astype(float)
    expected, _ = mask_bad(frame)
    frame[place] = value
    clean, mask = mask_bad(frame)
    assert [tuple(one) for one in np.argwhere(mask)] == [place]
    assert abs(clean[place] - expected[place]) < 0.5
    others = ~mask
    assert np.abs(clean[others] - expected[others]).max() < 0.02


def test_pairs_and_small_clusters_of_hot_pixels_are_masked():
    frame = np.random.default_rng(0).normal(100, 10, (200, 200))
    hot = np.zeros(frame.shape, bool)
    hot[20, 30:32] = hot[100:102, 100:102] = True
    frame[hot] = 1e4
    np.testing.assert_array_equal(mask_bad(frame)[1], hot)


def test_wide_hole_is_filled_smoothly():
    y, x = np.mgrid[:200, :300]
    frame = 100 + 0.2 * x + np.random.default_rng(0).normal(0, 1, (200, 300))
    holed = frame.copy()
    holed[:, 100:160] = np.nan
    holed[150:] = np.inf
    clean, mask = mask_bad(holed)
    np.testing.assert_array_equal(mask, ~np.isfinite(holed))
    gain = np.polyfit(frame[~mask], clean[~mask], 1)
    assert np.abs(clean - np.polyval(gain, 100 + 0.2 * x))[mask].max() < abs(gain[0]) * 15


def test_all_bad():
    clean, mask = mask_bad(np.full((5, 6), np.nan))
    assert mask.all() and not clean.any()


@pytest.mark.parametrize("value", [0, 1, 1e-30, 1e30, -7.3])
def test_constant_gives_zeros(value):
    clean, mask = mask_bad(np.full((70, 50), value))
    assert not clean.any() and not mask.any()


def test_rounding_of_a_constant_gives_zeros():
    frame = np.full((70, 50), 0.1, np.float32)
    frame[::2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert not mask_bad(frame)[0].any()


@pytest.mark.parametrize(
    "dtype", ["u1", "i2", ">i2", ">u4", "i8", "f2", ">f4", "f8", ">f8", "g", "?"]
)
def test_dtypes_and_layouts(dtype):
    frame = np.random.default_rng(0).integers(0, 2, (40, 60)).astype(dtype)
    expected, _ = mask_bad(frame.astype(np.float32))
    for same in (frame, np.asfortranarray(frame), frame[::-1][::-1]):
        np.testing.assert_allclose(mask_bad(same)[0], expected, atol=1e-6)


def test_large_integers_keep_their_contrast():
    frame = np.random.default_rng(0).integers(0, 100, (40, 60))
    np.testing.assert_allclose(mask_bad(frame + 2**40)[0], mask_bad(frame)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("gain", "offset"), [(1, 0), (1e-3, 30), (1e14, 1e14), (1e20, 0), (1e-20, 0)]
)
def test_single_precision_is_as_good_as_double(gain, offset):
    counts = np.random.default_rng(0).poisson(20.0, (64, 64))
    frame = (gain * counts + offset).astype(np.float32)
    single, double = mask_bad(frame)[0], mask_bad(frame.astype(np.float64))[0]
    np.testing.assert_allclose(single, double, atol=1e-5)


def test_a_large_bad_block_in_single_precision_is_clipped():
    frame = np.random.default_rng(0).normal(0, 1e-5, (200, 200)).astype(np.float32)
    frame[:5, :5] = 3e38
    clean, mask = mask_bad(frame)
    assert np.isfinite(clean).all()
    assert np.abs(clean[~mask]).max() <= 1e6


def test_input_is_left_alone():
    frame = np.random.default_rng(0).random((40, 60), dtype=np.float32)
    frame[1, 2] = np.nan
    before = frame.copy()
    mask_bad(frame)
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (1, 7)])
def test_tiny(shape):
    clean, mask = mask_bad(np.ones(shape))
    assert clean.shape == mask.shape == shape


@pytest.mark.parametrize("dtype", [complex, object, "U1", "M8[s]"])
def test_refuses_what_is_no_real_number(dtype):
    with pytest.raises(TypeError, match="expected real numbers"):
        mask_bad(np.empty((3, 3), dtype))


def test_refuses_a_stack():
    with pytest.raises(ValueError, match="3 dimensions"):
        mask_bad(np.zeros((3, 3, 3)))


@pytest.mark.parametrize("dtype", ["f4", "u2"])
@pytest.mark.parametrize("value", [0, 30])
@pytest.mark.parametrize("height", [150, 5000])
def test_hot_pixels_do_not_hide_a_border_of_one_value(dtype, value, height):
    rng = np.random.default_rng(0)
    frame = rng.poisson(fringes((300, 300), 30)).astype(dtype)
    border = np.zeros(frame.shape, bool)
    border[:60], border[:, :50] = True, True
    frame[border] = value
    frame[rng.integers(2, 56, 40), rng.integers(2, 298, 40)] = value + height
    mask = mask_bad(frame, 0.2)[1]
    assert mask[border].all()
    assert np.count_nonzero(mask & ~border) < 0.02 * frame.size
