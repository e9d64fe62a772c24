# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hyperspy_dlatoms.networks.interpolation import interpolate

finite = st.floats(-1e3, 1e3)


@given(arrays(float, st.integers(1, 12), elements=finite), arrays(float, 7, elements=finite))
def test_is_numpys_interp_along_the_first_axis(values, index):
    expected = np.interp(index, np.arange(len(values)), values)
    np.testing.assert_allclose(interpolate(values, index), expected, atol=1e-9)
    stacked = interpolate(np.stack([values, -values], axis=1), index)
    np.testing.assert_allclose(stacked, np.stack([expected, -expected], axis=1), atol=1e-9)


def test_float32_stays_float32():
    assert interpolate(np.ones((3, 2), np.float32), np.array([0.5])).dtype == np.float32
