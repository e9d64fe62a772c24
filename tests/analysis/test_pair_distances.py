# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from hyperspy_dlatoms.analysis import pair_distances

EDGES = np.arange(0.0, 13.0)


@pytest.fixture
def sites():
    """A triangular lattice of 3.18 Å with a hole."""
    n = np.stack(np.meshgrid(np.arange(25), np.arange(25), indexing="ij"), -1).reshape(-1, 2)
    places = n @ (3.18 * np.array([[1, 0], [0.5, np.sqrt(3) / 2]]))
    return places[np.linalg.norm(places - [55, 35], axis=1) > 12]


def rng():
    return np.random.default_rng(6)


def test_pairs_are_counted_right(sites):
    marked = rng().random(len(sites)) < 0.1
    counted = pair_distances(sites, marked, EDGES, rng(), shuffles=3)
    distances = pdist(sites[marked])
    # Bins with both ends, since no distance of the lattice lies on one.
    np.testing.assert_array_equal(counted.pairs, np.histogram(distances, EDGES)[0])


def test_random_marks_are_as_expected(sites):
    ratios, outside = [], 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        marked = np.zeros(len(sites), dtype=bool)
        marked[draw.choice(len(sites), 40, replace=False)] = True
        counted = pair_distances(sites, marked, EDGES, draw, shuffles=99)
        ratios.append([counted.pairs, counted.expected])
        there = counted.expected > 0
        outside += np.mean((counted.pairs < counted.low) | (counted.pairs > counted.high)) / 40
    pairs, expected = np.sum(ratios, axis=0)
    there = expected > 0
    np.testing.assert_allclose(pairs[there] / expected[there], 1, atol=0.2)
    assert outside < 0.08


def test_marks_that_attract_each_other_stand_out(sites):
    middle = sites[100]
    marked = np.linalg.norm(sites - middle, axis=1) < 7
    counted = pair_distances(sites, marked, EDGES, rng())
    near = np.flatnonzero(counted.expected)[0]
    assert counted.pairs[near] > counted.high[near] > counted.expected[near]


@pytest.mark.parametrize("number", [0, 1])
def test_no_pair(sites, number):
    marked = np.arange(len(sites)) < number
    counted = pair_distances(sites, marked, EDGES, rng())
    for part in counted:
        np.testing.assert_array_equal(part, np.zeros(len(EDGES) - 1))


def test_no_site():
    counted = pair_distances(np.empty((0, 2)), np.empty(0, dtype=bool), EDGES, rng())
    assert counted.pairs.sum() == counted.expected.sum() == 0


def test_marks_as_numbers(sites):
    marked = rng().random(len(sites)) < 0.1
    by_number = pair_distances(sites, marked.astype(int), EDGES, rng(), shuffles=3)
    np.testing.assert_equal(by_number, pair_distances(sites, marked, EDGES, rng(), shuffles=3))
