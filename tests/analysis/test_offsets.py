# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import offsets_from_neighbours
from tests.helpers.lattices import CELLS, crystal, noisy, rotation


def perovskite(size, shift, angle=0.0):
    corners = crystal("Au [100]", size / 1.9) * 1.9
    middles = corners + 1.95 + shift
    places = np.concatenate([corners, middles]) @ rotation(angle)
    return places, np.arange(len(places)) >= len(corners)


@pytest.mark.parametrize("angle", [0.0, 0.6])
def test_right_within_its_own_sigma(angle):
    off = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        places, titanium = perovskite(30, [0.08, -0.12], angle)
        # The middle of the corners, which are 3.876 Å apart, is 1.938 Å from them.
        true = (np.array([0.08, -0.12]) + 0.012) @ rotation(angle)
        found, spread = noisy(places, 0.05, rng)
        offset, sigma = offsets_from_neighbours(found, spread, titanium, ~titanium)
        off.append(((offset - true) / sigma)[titanium])
    z = np.concatenate(off)
    assert 0.5 < np.isfinite(z).mean() < 1
    assert np.sqrt(np.nanmean(z**2, axis=0)) == pytest.approx([1, 1], abs=0.15)


def test_only_whole_surroundings_count():
    places, titanium = perovskite(30, [0.1, 0.0])
    offset, sigma = offsets_from_neighbours(places, None, titanium, ~titanium)
    assert np.isnan(offset[~titanium]).all()
    assert np.isnan(sigma).all()
    known = offset[np.isfinite(offset[:, 0])]
    np.testing.assert_allclose(known, np.broadcast_to([0.112, 0.012], known.shape), atol=1e-9)


def test_a_honeycomb_has_three_neighbours():
    cell, _ = CELLS["graphene"]
    places = crystal("graphene", 25)
    frac = (places @ np.linalg.inv(cell) + 1e-6) % 1
    second = frac[:, 0] > 0.2
    offset, _ = offsets_from_neighbours(places, None, second, ~second)
    assert np.nanmax(np.abs(offset)) < 1e-9
    assert np.isfinite(offset[second, 0]).mean() > 0.7


@pytest.mark.parametrize("which", ["centres", "among", "both"])
def test_nothing_of_one_kind(which):
    places, titanium = perovskite(12, [0, 0])
    none = np.zeros(len(places), bool)
    centres = none if which != "among" else titanium
    among = none if which != "centres" else ~titanium
    offset, sigma = offsets_from_neighbours(places, None, centres, among)
    assert offset.shape == sigma.shape == (len(places), 2)
    assert np.isnan(offset).all()
