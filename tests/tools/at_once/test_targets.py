# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
from at_once.targets import Turn, cut, marked, moved

from hyperspy_dlatoms.training.targets import rasterise


def test_targets_are_those_drawn_one_by_one():
    rng = np.random.default_rng(4)
    places = rng.uniform(-3, 51, (1, 60, 2))
    labels = rng.integers(-1, 3, (1, 60))
    heights = rng.uniform(1, 9, (1, 60))
    made = marked(np, places, labels, heights, 24, 2, 2.5)[0]
    there = labels[0] != 0
    expected = rasterise(places[0, there], labels[0, there], (24, 24), 2, 2.5, heights[0, there])
    assert np.abs(made - expected).max() < 1e-5
    assert (made[..., 0] > 0).any()


def test_places_move_as_pixels_do():
    rng = np.random.default_rng(5)
    frames = np.zeros((8, 20, 20))
    place = rng.integers(6, 12, (8, 1, 2))
    frames[np.arange(8), place[:, 0, 0], place[:, 0, 1]] = 1
    turn = Turn(rng.integers(0, 5, (8, 2)), rng.random((8, 2)) < 0.5, rng.random(8) < 0.5)
    parts = cut(np, frames, turn, 14)
    found = np.array([np.argwhere(part) for part in parts])
    assert np.array_equal(found, moved(np, place, turn, 14))
