# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens._particle import (
    facet_normals,
    random_steps,
    square_lattice,
    stacked_lattice,
)


def lattice(zone: str) -> np.ndarray:
    if zone == "100":
        return square_lattice(3.0)[0]
    return stacked_lattice(np.ones(11, dtype=int), 3.0)[0]


@pytest.mark.parametrize("zone", ["110", "100"])
def test_facets_are_lattice_planes(zone):
    normals = facet_normals(zone)
    spacing = np.repeat([1 / 2, 1 / np.sqrt(3)], [6, 8])
    planes = lattice(zone) @ normals.T / spacing
    np.testing.assert_allclose(planes, np.round(planes), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


@pytest.mark.parametrize("fault", ["none", "twin", "double twin", "stacking fault"])
def test_every_fault_is_close_packed(fault):
    rng = np.random.default_rng(0)
    steps, drawn = random_steps(rng, 6, fault != "none")
    while drawn != fault:
        steps, drawn = random_steps(rng, 6, True)
    positions, column = stacked_lattice(steps, 3.0)
    inner = (np.abs(positions) < 2).all(axis=1)
    near = cKDTree(positions).query(positions[inner], k=13)[0][:, 1:]
    np.testing.assert_allclose(near, 1 / np.sqrt(2), atol=1e-9)
    # A column is a row of atoms along the beam.
    for axis in (0, 1):
        low, high = np.full(column.max() + 1, np.inf), np.full(column.max() + 1, -np.inf)
        np.minimum.at(low, column, positions[:, axis])
        np.maximum.at(high, column, positions[:, axis])
        assert (high - low).max() < 1e-9


def test_a_twin_is_its_own_mirror_image():
    steps = np.ones(13, dtype=int)
    steps[7:] = -1
    positions, _ = stacked_lattice(steps, 2.0)
    mirrored = positions * [-1, 1, 1]
    np.testing.assert_allclose(cKDTree(positions).query(mirrored)[0], 0, atol=1e-9)
    steps[7:] = 1
    positions, _ = stacked_lattice(steps, 2.0)
    assert cKDTree(positions).query(positions * [-1, 1, 1])[0].max() > 0.2
