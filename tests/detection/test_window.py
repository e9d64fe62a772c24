# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.detection._window import (
    _rings,
    lattice_centre,
    lattice_evidence,
    window_about,
)


@pytest.mark.parametrize("shape", [(100, 80), (512, 512), (1, 700), (2, 1)])
def test_small_images_have_a_centre(shape):
    y, x = lattice_centre(np.random.default_rng(0).normal(size=shape))
    assert 0 <= y < shape[0] and 0 <= x < shape[1]


def test_the_crystal_is_found_beside_a_bright_edge():
    rng = np.random.default_rng(1)
    frame = rng.normal(0, 1, (1600, 1600))
    frame[:, 900:] += 40
    y, x = np.indices((300, 300))
    frame[1200:1500, 100:400] += np.sin(0.5 * y) * np.sin(0.5 * x)
    top, left = lattice_centre(frame)
    assert abs(top - 1350) < 300 and abs(left - 250) < 300


def test_the_tile_with_the_lattice_has_512_pixels_a_side():
    rng = np.random.default_rng(0)
    frame = rng.normal(size=(1024, 1536))
    y, x = np.indices((512, 512))
    frame[512:, 512:1024] += np.sin(0.5 * y) + np.sin(0.5 * x)
    assert lattice_centre(frame) == (768, 768)


def test_rings_from_4_to_100_pixels_are_two_coefficients_wide():
    inside, ring = _rings([512, 512], (4.0, 100.0), 0.0)
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512))[inside]
    assert 1 / frequency.max() == pytest.approx(4, rel=0.01)
    assert 1 / frequency.min() == pytest.approx(100, rel=0.1)
    radius = 512 * frequency
    for number in range(1, ring.max()):
        assert 1.5 < np.ptp(radius[ring == number]) < 2


def waves(shape, period, angle):
    """A grid of fringes in two directions, 60° apart."""
    y, x = np.indices(shape)
    directions = angle, angle + np.pi / 3
    return sum(np.cos(2 * np.pi / period * (np.cos(a) * y + np.sin(a) * x)) for a in directions)


def test_noise_has_no_evidence_of_a_lattice():
    rng = np.random.default_rng(0)
    evidence = [lattice_evidence(rng.normal(size=(256, 300)), 2.0) for _ in range(40)]
    # Expected of noise: a tenth above 2.3, half above 0.4.
    assert max(evidence) < 7
    assert np.mean(np.array(evidence) > 2.3) < 0.3
    smooth = gaussian_filter(rng.normal(size=(700, 256)), 2)
    assert lattice_evidence(smooth, 2.0) < 5


@pytest.mark.parametrize("period", [4.0, 8.0, 16.0])
def test_a_faint_lattice_is_evident(period):
    rng = np.random.default_rng(1)
    frame = rng.normal(size=(256, 300)) + 0.3 * waves((256, 300), period, 0.4)
    assert lattice_evidence(frame, 2.0) > 15
    # What lies beyond the recorded frequencies does not count.
    assert lattice_evidence(frame, 1.2 * period) < 7


def test_bands_and_steps_are_no_lattice():
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(256, 256))
    bands = np.cos(2 * np.pi * np.arange(256) / 8)
    assert lattice_evidence(noise + 0.5 * bands[:, None], 2.0) < 7
    assert lattice_evidence(noise + 0.5 * bands, 2.0) < 7
    step = np.where(np.add.outer(np.arange(256), 0.5 * np.arange(256)) > 190, 2.0, -2.0)
    assert lattice_evidence(noise + step, 2.0) < 9
    assert lattice_evidence(np.zeros((40, 40)), 2.0) < 0
    assert lattice_evidence(np.zeros((3, 2)), 2.0) <= 0


@given(
    shape=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    centre=st.tuples(st.integers(0, 49), st.integers(0, 49)),
    side=st.integers(1, 70),
)
def test_windows_lie_within(shape, centre, side):
    window = window_about(shape, centre, side)
    for part, length in zip(window, shape, strict=True):
        assert 0 <= part.start < part.stop <= length
        assert part.stop - part.start == min(side, length)
