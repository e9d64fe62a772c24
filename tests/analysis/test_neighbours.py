# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import (
    bond_angles,
    bond_lengths,
    bonds,
    first_shell,
    neighbourhoods,
)
from tests.helpers.lattices import crystal, noisy

COORDINATION = {"graphene": 3, "MoS2": 3, "Au [110]": 6, "Au [100]": 4}


def inner(places, width=5.0):
    return (np.abs(places) < np.abs(places).max() - width).all(axis=1)


@pytest.mark.parametrize("name", COORDINATION)
@pytest.mark.parametrize("sigma", [0.0, 0.05])
@pytest.mark.parametrize("voronoi", [False, True])
def test_coordination(name, sigma, voronoi):
    rng = np.random.default_rng(0)
    places = crystal(name, 30, 0.3)
    found = places + rng.normal(0, sigma, places.shape)
    around = neighbourhoods(found, None, bonds(found, voronoi=voronoi))
    assert (around.coordination[inner(places)] == COORDINATION[name]).mean() > 0.95


@pytest.mark.parametrize("axes", [np.eye(2), [[1, 0], [0.5, np.sqrt(0.75)]]])
@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.1])
def test_voronoi_cells_at_a_straight_border(axes, sigma):
    places = 3.0 * np.mgrid[:12, :12].reshape(2, -1).T @ axes
    places += np.random.default_rng(0).normal(0, sigma, places.shape)
    np.testing.assert_array_equal(bonds(places, voronoi=True), bonds(places, 3.6))


def test_a_given_cutoff():
    places = crystal("Au [100]", 20)
    around = neighbourhoods(places, None, bonds(places, 3.0))
    assert (around.coordination[inner(places)] == 8).all()
    for bad in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="cutoff is"):
            bonds(places, bad)


@pytest.mark.parametrize("unit", [0.1, 30.0])
def test_the_first_shell_is_between_the_first_two(unit):
    for name, (low, high) in {
        "graphene": (1.42, 2.46),
        "Au [100]": (2.04, 2.885),
        "Au [110]": (2.885, 4.08),
    }.items():
        assert low * unit < first_shell(crystal(name, 25) * unit) < high * unit


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_no_atoms(count):
    places = np.arange(2.0 * count).reshape(-1, 2)
    pairs = bonds(places)
    assert len(pairs) == count // 2
    assert bonds(places, voronoi=True).shape == pairs.shape
    around = neighbourhoods(places, None, pairs)
    assert (around.coordination == count // 2).all()
    assert bond_angles(places, None, pairs)[0].shape == (0, 3)
    assert len(bond_lengths(places, None, pairs)[0]) == count // 2


def test_one_row():
    places = np.column_stack([np.zeros(9), 2.0 * np.arange(9)])
    for voronoi in (False, True):
        pairs = bonds(places, voronoi=voronoi)
        np.testing.assert_array_equal(pairs, np.column_stack([np.arange(8), np.arange(1, 9)]))
    assert neighbourhoods(places, None, pairs).edge.all()


def test_errors_of_lengths_angles_and_means():
    """Each is the spread over many draws of the same positions."""
    places = crystal("graphene", 9)
    spread = np.random.default_rng(0).uniform(0.02, 0.06, places.shape)
    pairs = bonds(places)
    drawn = {"length": [], "angle": [], "mean": []}
    for seed in range(400):
        found = places + spread * np.random.default_rng(seed).normal(size=places.shape)
        drawn["length"].append(bond_lengths(found, None, pairs)[0])
        drawn["angle"].append(bond_angles(found, None, pairs)[1])
        drawn["mean"].append(neighbourhoods(found, None, pairs).distance)
    sigmas = {
        "length": bond_lengths(places, spread, pairs)[1],
        "angle": bond_angles(places, spread, pairs)[2],
        "mean": neighbourhoods(places, spread, pairs).distance_sigma,
    }
    for name, values in drawn.items():
        ratio = np.std(values, axis=0) / sigmas[name]
        assert np.nanmedian(ratio) == pytest.approx(1, abs=0.03)
        assert np.nanmax(np.abs(ratio - 1)) < 0.2


def test_angles_of_a_honeycomb():
    places, _ = noisy(crystal("graphene", 25), 1e-6, np.random.default_rng(0))
    atoms, angle, _ = bond_angles(places, None, bonds(places))
    inside = inner(places)[atoms[:, 0]]
    np.testing.assert_allclose(angle[inside], 120, atol=1e-3)
    np.testing.assert_allclose(np.bincount(atoms[inside, 0], angle[inside]).max(), 360, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "psi_4", "psi_6"), [("graphene", 0, 1), ("Au [100]", 1, 0), ("MoS2", 0, 1)]
)
def test_bond_orientational_order(name, psi_4, psi_6):
    places = crystal(name, 25, 0.7)
    around = neighbourhoods(places, None, bonds(places))
    inside = inner(places)
    np.testing.assert_allclose(around.psi_4[inside], psi_4, atol=1e-6)
    np.testing.assert_allclose(around.psi_6[inside], psi_6, atol=1e-6)


@pytest.mark.parametrize("name", COORDINATION)
def test_edges_of_the_specimen_and_of_the_image(name):
    places = crystal(name, 30)
    pairs = bonds(places)
    inside = inner(places, 6.0)
    alone = neighbourhoods(places, None, pairs)
    assert not alone.edge[inside].any()
    assert (alone.edge == 1).sum() >= 4 * 30 / 6
    cut = neighbourhoods(places, None, pairs, (np.full(2, -15.0), np.full(2, 15.0)))
    assert not (cut.edge == 1).any()
    wide = neighbourhoods(places, None, pairs, (np.full(2, -40.0), np.full(2, 40.0)))
    np.testing.assert_array_equal(wide.edge, alone.edge)


def test_the_partner_of_a_dumbbell_may_be_outside_of_the_image():
    dumbbells = np.array([[-1.4, 3.0], [0.0, 3.0], [5.0, 3.0], [6.4, 3.0], [5.0, 9.0]])
    seen = dumbbells[1:]
    around = neighbourhoods(seen, None, bonds(seen, 2.0), (np.zeros(2), np.full(2, 12.0)))
    np.testing.assert_array_equal(around.coordination, [0, 1, 1, 0])
    np.testing.assert_array_equal(around.edge, [np.nan, 1, 1, 1])


@pytest.mark.parametrize("apart", [0.0, 1e-9])
def test_an_atom_twice_takes_no_bonds_of_others(apart):
    places = noisy(crystal("Au [100]", 30), 0.1, np.random.default_rng(0))[0]
    twice = np.concatenate([places, places[:1] + apart])
    assert first_shell(twice) == pytest.approx(first_shell(places), rel=0.01)
    assert len(bonds(twice)) >= len(bonds(places))
