# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import pair_correlation
from tests.helpers.lattices import crystal


@pytest.mark.parametrize("window", [(40.0, 40.0), (30.0, 90.0)])
def test_random_atoms_are_uncorrelated_up_to_the_borders(window):
    edges = np.linspace(0, 30, 7)
    off = []
    for seed in range(40):
        places = np.random.default_rng(seed).uniform(0, 1, (300, 2)) * window
        g, sigma, pairs = pair_correlation(places, edges, window)
        assert pairs.sum() > 0
        off.append(g - 1)
    mean, error = np.mean(off, axis=0), np.std(off, axis=0) / np.sqrt(len(off))
    assert (np.abs(mean) < 4 * error).all()
    assert np.median(np.std(off, axis=0) / sigma) == pytest.approx(1, abs=0.4)


def test_shells_of_a_lattice():
    places = crystal("graphene", 40)
    g, _, pairs = pair_correlation(places, np.arange(0, 4, 0.1), (40.0, 40.0))
    middle = np.arange(0, 3.9, 0.1) + 0.05
    assert middle[g > 3].min() == pytest.approx(1.45)
    assert (g[(middle > 1.6) & (middle < 2.3)] == 0).all()
    # Three neighbours at 1.42 Å, but for the border.
    assert 2 * pairs[14] / len(places) == pytest.approx(3, rel=0.08)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few(count):
    g, sigma, pairs = pair_correlation(np.zeros((count, 2)), np.array([0, 1.0, 2.0]), (9.0, 9.0))
    assert np.isnan(g).all()
    assert np.isnan(sigma).all()
    assert pairs.tolist() == [0, 0]


def test_farther_than_the_image():
    with pytest.raises(ValueError, match="shorter side"):
        pair_correlation(np.zeros((3, 2)), np.array([0, 10.0]), (9.0, 20.0))
