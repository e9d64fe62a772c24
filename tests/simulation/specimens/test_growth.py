# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from hyperspy_dlatoms.simulation.specimens._particle import square_lattice
from hyperspy_dlatoms.simulation.specimens.growth import largest_piece, neighbour_table, roughen

POSITIONS, _ = square_lattice(4.0)
NEIGHBOURS = neighbour_table(POSITIONS, 0.8)
BALL = np.linalg.norm(POSITIONS, axis=1) < 2.6


def test_an_inner_site_of_fcc_has_twelve_neighbours():
    count = (len(POSITIONS) > NEIGHBOURS).sum(axis=1)
    assert (count[np.abs(POSITIONS).max(axis=1) < 3.4] == 12).all()


def test_roughening_moves_surface_atoms_only():
    after = roughen(np.random.default_rng(1), BALL, NEIGHBOURS, 60, 1.0)
    changed = after != BALL
    radius = np.linalg.norm(POSITIONS, axis=1)
    assert 20 < changed.sum() <= 60
    assert radius[changed].min() > 1.6
    assert radius[changed].max() < 3.8


def test_a_cold_surface_stays_smoother_than_a_hot_one():
    def bonds(occupied):
        return np.append(occupied, False)[NEIGHBOURS][occupied].sum() / occupied.sum()

    cold, hot = (
        np.mean(
            [bonds(roughen(np.random.default_rng(s), BALL, NEIGHBOURS, 200, t)) for s in range(5)]
        )
        for t in (0.5, 50.0)
    )
    assert cold > hot + 0.1


def test_only_the_largest_piece_stays():
    occupied = np.linalg.norm(POSITIONS + [1.5, 0, 0], axis=1) < 1.8
    apart = np.linalg.norm(POSITIONS - [2.5, 0, 0], axis=1) < 1.1
    np.testing.assert_array_equal(largest_piece(occupied | apart, NEIGHBOURS), occupied)


def test_nothing_stays_nothing():
    assert not largest_piece(np.zeros(len(POSITIONS), dtype=bool), NEIGHBOURS).any()
