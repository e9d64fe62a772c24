# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of two object arrays of frames."""

import numpy as np


def same_frames(first, second):
    assert first.shape == second.shape
    for one, other in zip(first.ravel(), second.ravel(), strict=True):
        np.testing.assert_array_equal(one, other)
