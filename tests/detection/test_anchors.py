# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.detection.anchors import anchored, likeliest_joined


def by_walking(positions, probability, reach):
    best = probability.copy()
    for _ in positions:
        for i, place in enumerate(positions):
            near = np.linalg.norm(positions - place, axis=1) <= reach
            best[i] = best[near].max()
    return best


@given(st.integers(0, 10_000), st.integers(0, 25))
def test_the_likeliest_of_a_chain(seed, n):
    rng = np.random.default_rng(seed)
    positions, probability = rng.uniform(0, 10, (n, 2)), rng.random(n)
    np.testing.assert_array_equal(
        likeliest_joined(positions, probability, 1.5), by_walking(positions, probability, 1.5)
    )


@pytest.mark.parametrize("anchor", [None, 0.4])
def test_likely_sites_need_no_neighbours(anchor):
    assert anchored(np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([0.5, 0.6]), anchor, 1.0).all()


def test_nothing_is_anchored_where_nothing_is():
    assert anchored(np.empty((0, 2)), np.empty(0), 0.9, 1.0).shape == (0,)
