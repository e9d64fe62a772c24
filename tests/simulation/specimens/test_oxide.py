# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.oxide import LATTICE_CONSTANT, oxide_atoms, oxide_slab


@pytest.mark.parametrize("zone", ["110", "100"])
def test_fluorite_seen_along_its_zone(zone):
    slab = oxide_slab(
        np.random.default_rng(1), 40, thickness=22, fraction=1.0, zone=zone, tilt_max=0
    )
    cerium = slab.atoms[slab.atoms.numbers == 58].positions
    oxygen = slab.atoms[slab.atoms.numbers == 8].positions
    a = LATTICE_CONSTANT
    assert len(oxygen) / len(cerium) == pytest.approx(2, rel=0.15)
    assert len(slab.atoms) / (12 / a**3) == pytest.approx(
        40 * 40 * slab.description["oxide_thickness"], rel=0.12
    )
    assert cKDTree(cerium).query(oxygen)[0].min() == pytest.approx(a * np.sqrt(3) / 4)
    # Projected, cerium columns repeat at the distances of the zone.
    columns = np.unique(cerium[:, :2].round(3), axis=0)
    columns = columns[np.append(True, np.linalg.norm(np.diff(columns, axis=0), axis=1) > 0.1)]
    near = cKDTree(columns).query(columns[len(columns) // 2], k=5)[0][1:]
    expected = a * np.sqrt(3 / 8) if zone == "110" else a / 2
    np.testing.assert_allclose(near, expected, atol=0.01)


@pytest.mark.parametrize("zone", ["110", "100"])
def test_the_surface_is_where_it_is_asked_for_and_holds_the_beam(zone):
    for seed in range(5):
        angle = 0.3 + seed
        normal = np.array([np.cos(angle), np.sin(angle)])
        offset = normal @ [25, 25] + 4
        rng = np.random.default_rng(seed)
        atoms, _ = oxide_atoms(rng, 50, 20, angle, offset, zone=zone, tilt_max=0)
        depth = atoms.positions[:, :2] @ normal - offset
        assert 0 < depth.min() < 3
        # A flat surface: its first plane holds many atoms at one depth.
        first = np.abs(depth - depth.min()) < 1e-6
        assert first.sum() >= 4
        assert np.ptp(atoms.positions[first, 2]) > 10


def test_nothing_is_a_site_and_all_is_inside():
    slab = oxide_slab(np.random.default_rng(3))
    assert slab.sites().shape == (0, 3)
    xy = slab.atoms.positions[:, :2]
    assert xy.min() >= 0 and xy.max() < slab.size
    assert json.loads(json.dumps(slab.description)) == slab.description


def test_the_same_seed_gives_the_same_slab():
    first, again = (oxide_slab(np.random.default_rng(5), size=30) for _ in range(2))
    np.testing.assert_array_equal(first.atoms.positions, again.atoms.positions)


def test_an_unknown_zone_is_refused():
    with pytest.raises(ValueError, match="'111' is not known"):
        oxide_slab(np.random.default_rng(1), zone="111")
