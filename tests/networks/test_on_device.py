# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.networks.on_device import resample_on_device
from hyperspy_dlatoms.networks.resampling import axis_matrix, resample


@pytest.mark.parametrize("target", [0.1, 0.0625, 0.16, 0.4, 0.55])
@pytest.mark.parametrize("shape", [(200, 131), (5, 3)])
def test_is_what_the_cpu_does(shape, target):
    frame = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    there, grid = resample_on_device(frame, 0.1, target)
    here, expected = resample(frame, 0.1, target)
    assert grid == expected and there.dtype == np.float32
    # Each row of the matrix is made to keep the mean, which changes its gain by a thousandth.
    np.testing.assert_allclose(there, here, rtol=5e-3, atol=2e-3)


def test_rows_keep_the_mean():
    matrix, _ = axis_matrix(301, 0.1, 0.16)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)


def test_refuses_a_negative_pixel_size():
    with pytest.raises(ValueError, match="The sampling is -1"):
        resample_on_device(np.zeros((8, 8), np.float32), -1, 0.2)
