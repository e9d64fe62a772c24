# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.analysis.graphs import connected_components, two_colouring


def by_walking(pairs, n):
    """Number of the first site that each site is connected to."""
    first = np.arange(n)
    for _ in range(n):
        for a, b in pairs:
            first[[a, b]] = min(first[a], first[b])
    return first


@given(st.integers(0, 10_000), st.integers(1, 15), st.integers(0, 20))
def test_components(seed, n, m):
    pairs = np.random.default_rng(seed).integers(0, n, (m, 2))
    component, expected = connected_components(pairs, n), by_walking(pairs, n)
    assert component.shape == (n,)
    np.testing.assert_array_equal(component[:, None] == component, expected[:, None] == expected)


def test_sites_that_nothing_joins():
    assert connected_components(np.empty((0, 2)), 3).tolist() == [0, 1, 2]
    assert two_colouring(np.empty((0, 2)), 2)[0].tolist() == [0, 0]


@given(st.integers(0, 10_000), st.integers(1, 15), st.integers(0, 20))
def test_pairs_across_two_sublattices_differ_in_colour(seed, n, m):
    rng = np.random.default_rng(seed)
    sublattice = rng.integers(0, 2, n)
    pairs = rng.integers(0, n, (m, 2))
    pairs = pairs[sublattice[pairs[:, 0]] != sublattice[pairs[:, 1]]]
    colour, component = two_colouring(pairs, n)
    assert (colour[pairs[:, 0]] != colour[pairs[:, 1]]).all()
    np.testing.assert_array_equal(component, connected_components(pairs, n))
    # The first site of each component.
    assert not colour[np.unique(component, return_index=True)[1]].any()


def test_a_triangle_has_no_two_colours():
    pairs = np.array([[0, 1], [1, 2], [2, 0]])
    colour, component = two_colouring(pairs, 3)
    assert (colour[pairs[:, 0]] == colour[pairs[:, 1]]).any() and not component.any()
