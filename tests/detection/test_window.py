# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.detection._window import _rings, lattice_centre, window_about


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
    inside, ring = _rings([512, 512])
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512))[inside]
    assert 1 / frequency.max() == pytest.approx(4, rel=0.01)
    assert 1 / frequency.min() == pytest.approx(100, rel=0.1)
    radius = 512 * frequency
    for number in range(1, ring.max()):
        assert 1.5 < np.ptp(radius[ring == number]) < 2


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
