# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import resample_poly
from threadpoolctl import threadpool_limits

from hyperspy_dlatoms.networks.resampling import (
    Grid,
    axis_matrix,
    interpolate,
    resample,
    resample_on_device,
)

ratios = st.floats(0.5, 12.0)


def gaussian(shape, centre, sigma):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2))


def centroid(frame):
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    return np.array([(y * frame).sum(), (x * frame).sum()]) / frame.sum()


@settings(deadline=None, max_examples=60)
@given(ratios, st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 11), st.integers(0, 11))
def test_blob_keeps_its_place_and_weight(ratio, dy, dx, more_rows, more_columns):
    sigma = 3 * max(ratio, 1)
    side = int(14 * sigma)
    shape = (side + more_rows, side + more_columns)
    centre = (side / 2 + dy, side / 2 + dx)
    frame = gaussian(shape, centre, sigma)
    out, grid = resample(frame.astype(np.float32), sampling=0.1, target=0.1 * ratio)
    assert out.dtype == np.float32
    np.testing.assert_allclose(grid.to_native(centroid(out)), centre, atol=6e-3 * max(ratio, 1))
    np.testing.assert_allclose(out.sum() * grid.scale**2, frame.sum(), rtol=5e-3)


@settings(deadline=None, max_examples=60)
@given(ratios)
def test_scale_is_what_was_asked(ratio):
    _, grid = resample(np.zeros((40, 40), np.float32), 0.1, 0.1 * ratio)
    assert grid.scale == pytest.approx(ratio, rel=1.05e-2)
    if not 0.99 < grid.scale < 1.01 and ratio < 3:
        assert grid.scale == pytest.approx(ratio, rel=1.05e-3)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    ratios,
    st.floats(-1e4, 1e4, width=32),
)
def test_constant_stays_constant_up_to_the_borders(shape, ratio, value):
    out, grid = resample(np.full(shape, value, np.float32), 0.1, 0.1 * ratio)
    np.testing.assert_allclose(out, value, rtol=1e-5, atol=1e-5)
    last = grid.to_native(np.array(out.shape) - 1)
    assert (last >= np.array(shape) - 1 - grid.scale).all()
    assert (last <= np.array(shape) - 1 + max(grid.scale, 1)).all()


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.54, 2.0, 2.5, 3.0, 4.0, 7.3])
def test_mean_brightness_does_not_fall_off_at_the_borders(ratio):
    frame = np.random.default_rng(0).normal(1000, 1, (600, 600)).astype(np.float32)
    out, _ = resample(frame, 0.1, 0.1 * ratio)
    for border in (out[0], out[-1], out[:, 0], out[:, -1]):
        assert border.mean() == pytest.approx(1000, abs=0.5)
    assert out.mean() == pytest.approx(1000, abs=0.02)


@pytest.mark.parametrize("ratio", [1.54, 2.0, 2.5, 3.0, 4.0, 7.3])
def test_white_noise_stays_about_white(ratio):
    frame = np.random.default_rng(0).normal(0, 1, (800, 800)).astype(np.float32)
    out, _ = resample(frame, 0.1, 0.1 * ratio)
    power = np.abs(np.fft.fft2(out)) ** 2
    q = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in out.shape), indexing="ij"))
    low, high = power[(q > 0.02) & (q < 0.1)].mean(), power[(q > 0.3) & (q < 0.4)].mean()
    assert 0.6 < high / low < 1.1


@pytest.mark.parametrize("ratio", [1.5, 2.0, 2.5, 4.0])
def test_detail_beyond_the_new_nyquist_is_removed(ratio):
    x = np.arange(512)
    wave = np.cos(2 * np.pi * (0.5 / ratio * 1.35) * x).astype(np.float32)
    out, _ = resample(np.tile(wave, (64, 1)), 0.1, 0.1 * ratio)
    assert out[:, 20:-20].std() < 0.12 * wave.std()


def test_weak_contrast_on_a_high_background_has_no_pattern():
    frame = np.full((300, 300), 1e4, np.float32)
    frame[150, 150] += 1
    out, _ = resample(frame, 0.13, 0.2)
    assert np.abs(out[:50, :50] - 1e4).max() < 0.01


@pytest.mark.parametrize("shape", [(7, 3), (90, 517)])
@pytest.mark.parametrize(("up", "down"), [(1, 2), (2, 3), (8, 5), (23, 37)])
def test_is_the_polyphase_filter_of_scipy(shape, up, down):
    frame = np.random.default_rng(0).normal(0, 1, shape)
    frame -= frame.mean()
    out, grid = resample(frame.astype(np.float32), sampling=0.1, target=0.1 * down / up)
    assert grid.scale == pytest.approx(down / up)
    expected = resample_poly(frame, up, down, axis=0, padtype="symmetric")
    expected = resample_poly(expected, up, down, axis=1, padtype="symmetric")
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("target", [0.2, 0.161, 0.0625])
def test_threads_of_blas_change_no_digit(target):
    frame = np.random.default_rng(0).normal(0, 1, (600, 900)).astype(np.float32)
    outs = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            outs.append(resample(frame, sampling=0.1, target=target)[0])
    np.testing.assert_array_equal(*outs)


def test_same_sampling_returns_the_frame():
    frame = np.random.default_rng(0).random((33, 44), dtype=np.float32)
    out, grid = resample(frame, 0.2, 0.2)
    np.testing.assert_array_equal(out, frame)
    assert grid == Grid(0.0, 1.0)


def test_fortran_order_and_dtype():
    frame = np.random.default_rng(0).integers(0, 200, (90, 70))
    expected, _ = resample(frame.astype(np.float32), 0.08, 0.2)
    for same in (np.asfortranarray(frame), frame.astype(">i2"), frame.astype(np.uint8)):
        out, _ = resample(same, 0.08, 0.2)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("frame", "sampling", "target", "message"),
    [
        (np.zeros((0, 5)), 0.1, 0.2, "shape"),
        (np.zeros(5), 0.1, 0.2, "shape"),
        (np.zeros((5, 5)), 0.0, 0.2, "sampling is 0.0"),
        (np.zeros((5, 5)), 0.1, float("inf"), "target is inf"),
    ],
)
def test_refuses(frame, sampling, target, message):
    with pytest.raises(ValueError, match=message):
        resample(frame, sampling, target)


@pytest.mark.parametrize("target", [0.1, 0.0625, 0.16, 0.4, 0.55])
@pytest.mark.parametrize("shape", [(200, 131), (5, 3)])
def test_on_a_device_it_is_what_the_cpu_does(shape, target):
    frame = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    there, grid = resample_on_device(frame, 0.1, target)
    here, expected = resample(frame, 0.1, target)
    assert grid == expected and there.dtype == np.float32
    # Each row of the matrix is made to keep the mean, which changes its gain by a thousandth.
    np.testing.assert_allclose(there, here, rtol=5e-3, atol=2e-3)


def test_rows_of_the_matrix_keep_the_mean():
    matrix, _ = axis_matrix(301, 0.1, 0.16)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)


def test_on_a_device_refuses_a_negative_pixel_size():
    with pytest.raises(ValueError, match="The sampling is -1"):
        resample_on_device(np.zeros((8, 8), np.float32), -1, 0.2)


finite = st.floats(-1e3, 1e3)


@given(arrays(float, st.integers(1, 12), elements=finite), arrays(float, 7, elements=finite))
def test_interpolation_is_numpys_interp_along_the_first_axis(values, index):
    expected = np.interp(index, np.arange(len(values)), values)
    np.testing.assert_allclose(interpolate(values, index), expected, atol=1e-9)
    stacked = interpolate(np.stack([values, -values], axis=1), index)
    np.testing.assert_allclose(stacked, np.stack([expected, -expected], axis=1), atol=1e-9)


def test_interpolation_of_float32_stays_float32():
    assert interpolate(np.ones((3, 2), np.float32), np.array([0.5])).dtype == np.float32
