# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.training.targets import rasterise, rasterise_many

STRIDE, CELLS = 2, (12, 16)


def by_brute_force(sites, species, radius):
    targets = np.zeros((*CELLS, 3))
    for i in range(CELLS[0]):
        for j in range(CELLS[1]):
            centre = np.array([i, j]) * STRIDE + (STRIDE - 1) / 2
            offset = sites - centre
            distance = np.hypot(*offset.T)
            nearest = distance.argmin()
            if distance[nearest] <= radius:
                targets[i, j] = species[nearest], *offset[nearest]
    return targets


@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.5, 6))
def test_every_cell_points_to_its_nearest_site(seed, n, radius):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-4, np.array(CELLS) * STRIDE + 4, (n, 2))
    species = rng.integers(1, 4, n)
    found = rasterise(sites, species, CELLS, STRIDE, radius)
    np.testing.assert_allclose(found, by_brute_force(sites, species, radius), atol=1e-5)


def test_nothing_is_marked_without_sites():
    targets = rasterise(np.zeros((0, 2)), np.zeros(0, int), CELLS, STRIDE, 2.0)
    assert targets.shape == (*CELLS, 3)
    assert not targets.any()


@pytest.mark.parametrize("site", [(-50.0, 3.0), (3.0, 500.0)])
def test_sites_far_outside_mark_nothing(site):
    assert not rasterise(np.array([site]), np.array([1]), CELLS, STRIDE, 2.0).any()


def test_targets_of_many_frames_are_those_of_each():
    rng = np.random.default_rng(4)
    sites = rng.uniform(-3, 51, (2, 60, 2)).astype(np.float32)
    labels = rng.integers(-1, 3, (2, 60))
    heights = rng.uniform(1, 9, (2, 60))
    made = rasterise_many(np, sites, labels, heights, 24, 2, 2.5)
    for n in range(2):
        there = labels[n] != 0
        one = rasterise(sites[n, there], labels[n, there], (24, 24), 2, 2.5, heights[n, there])
        np.testing.assert_allclose(made[n], one, atol=1e-5)
    assert (made[..., 0] > 0).any() and (made[..., 0] < 0).any()
