# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.specimens.regions import (
    blob,
    half_plane,
    random_region,
    smooth_field,
)

GRID = np.stack(np.meshgrid(np.arange(0, 60, 0.5), np.arange(0, 60, 0.5)), -1).reshape(-1, 2)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_a_random_region_covers_its_share(fraction):
    region = random_region(np.random.default_rng(3), 60.0, fraction)
    assert region(GRID).mean() == pytest.approx(fraction, abs=0.03)


def test_a_field_is_periodic_and_smooth():
    values = smooth_field(np.random.default_rng(4), 60.0, scale=20.0)
    np.testing.assert_allclose(values(GRID + [60, -120]), values(GRID), atol=1e-9)
    assert np.abs(values(GRID + [0.1, 0]) - values(GRID)).max() < 0.1 * 2 * np.pi / 20 * 4 * 1.5


def test_a_blob_has_about_its_radius():
    inside = blob(np.random.default_rng(5), np.array([30.0, 30.0]), 10.0)(GRID)
    assert inside.sum() * 0.25 == pytest.approx(np.pi * 100, rel=0.15)
    assert inside[np.hypot(*(GRID - 30).T) < 6].all()
    assert not inside[np.hypot(*(GRID - 30).T) > 15].any()


def test_a_straight_half_plane_lies_beyond_its_line():
    angle = 0.7
    inside = half_plane(np.random.default_rng(6), angle, 30.0)(GRID)
    np.testing.assert_array_equal(inside, GRID @ [np.cos(angle), np.sin(angle)] > 30)
