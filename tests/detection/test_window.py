# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.detection.window import lattice_centre, window_about


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
