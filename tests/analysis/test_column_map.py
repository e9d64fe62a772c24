# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import column_map
from tests.helpers.lattices import crystal

GRID = np.arange(-10, 11, 5.0), np.arange(-15, 16, 5.0)


def test_a_slope_stays():
    places = crystal("Au [100]", 50)
    values = 0.01 * places[:, 1] + 0.002 * places[:, 0]
    found = column_map(places, values, None, GRID, 6.0)
    expected = 0.01 * GRID[1] + 0.002 * GRID[0][:, None]
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_resolution_is_the_width_at_half_maximum():
    places = crystal("Au [100]", 80)
    values = np.cos(2 * np.pi * places[:, 1] / 20)
    ends = np.array([0.0]), np.array([0.0])
    for resolution in (5.0, 10.0):
        width = resolution / 2.3548
        expected = np.exp(-2 * (np.pi * width / 20) ** 2)
        found = column_map(places, values, None, ends, resolution)[0, 0]
        assert found == pytest.approx(expected, abs=0.02)


def test_nothing_where_no_atoms_are():
    places = crystal("Au [100]", 12)
    found = column_map(places, np.ones(len(places)), None, GRID, 4.0)
    assert found[2, 3] == pytest.approx(1)
    assert np.isnan(found[0, 0])
    for none in (np.full(len(places), np.nan), np.ones(0)):
        assert np.isnan(column_map(places[: len(none)], none, None, GRID, 4.0)).all()


def test_better_atoms_count_more():
    places = np.array([[0.0, -1.0], [0.0, 1.0]])
    at = np.array([0.0]), np.array([0.0])
    found = column_map(places, np.array([0.0, 1.0]), np.array([0.1, 0.2]), at, 4.0)
    assert found[0, 0] == pytest.approx(0.2)
