# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from hyperspy_dlatoms.detection._steps import _median


@pytest.mark.parametrize("shape", [(1, 1), (5, 70), (40, 33)])
@pytest.mark.parametrize("size", [9, 15])
def test_the_median_is_that_of_scipy(shape, size):
    blocks = np.random.default_rng(3).lognormal(6, 1, shape)
    expected = ndimage.median_filter(blocks, size, mode="nearest")
    np.testing.assert_allclose(_median(blocks, size), expected, rtol=1e-6)
