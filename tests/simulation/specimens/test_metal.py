# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.metal import fcc_lattice_constant, metal_nanoparticle

AU = 4.08


def build(seed: int, **arguments):
    return metal_nanoparticle(np.random.default_rng(seed), **arguments)


def projected_groups(positions: np.ndarray) -> np.ndarray:
    """Group atoms that lie over each other, knowing nothing of lattices."""
    pairs = cKDTree(positions[:, :2]).query_pairs(0.3, output_type="ndarray")
    shape = (len(positions),) * 2
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=shape)
    return connected_components(graph, directed=False)[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("zone", "twin_probability"), [("110", 0.0), ("110", 1.0), ("100", 0.0)])
def test_columns_are_the_atoms_over_each_other(seed, zone, twin_probability):
    specimen = build(seed, zone=zone, twin_probability=twin_probability, tilt_max=0)
    groups = projected_groups(specimen.atoms.positions)
    np.testing.assert_array_equal(
        groups[:, None] == groups, specimen.column[:, None] == specimen.column
    )
    sites = specimen.sites()
    assert sorted(np.bincount(groups)) == sorted(sites[:, 2].astype(int))
    assert specimen.description["sites"] == len(sites)


def test_110_columns_form_a_centred_rectangle():
    specimen = build(1, zone="110", twin_probability=0, tilt_max=0, scale=0, radius=14)
    columns = specimen.sites()[:, :2]
    middle = columns[np.argmin(np.linalg.norm(columns - columns.mean(axis=0), axis=1))]
    vectors = columns - middle
    vectors = vectors[np.argsort(np.linalg.norm(vectors, axis=1))][1:9]
    lengths = np.linalg.norm(vectors, axis=1)
    corner = np.hypot(AU / np.sqrt(2), AU) / 2
    np.testing.assert_allclose(lengths, [corner] * 4 + [AU / np.sqrt(2)] * 2 + [AU] * 2, atol=1e-6)
    assert vectors[4] @ vectors[6] == pytest.approx(0, abs=1e-6)


def test_100_columns_form_a_square():
    columns = build(1, zone="100", tilt_max=0, scale=0, radius=14).sites()[:, :2]
    near = cKDTree(columns).query(columns.mean(axis=0) + 0.1, k=1)[1]
    lengths = np.sort(np.linalg.norm(columns - columns[near], axis=1))[1:9]
    np.testing.assert_allclose(lengths, [AU / 2] * 4 + [AU / np.sqrt(2)] * 4, atol=1e-6)


@pytest.mark.parametrize("zone", ["110", "100"])
def test_columns_lean_by_the_tilt(zone):
    specimen = build(7, zone=zone, tilt_max=4.0, radius=14, twin_probability=0)
    tallest = np.argmax(specimen.sites()[:, 2])
    atoms = specimen.atoms.positions[specimen.column == tallest]
    axis = np.ptp(atoms, axis=0)
    lean = np.degrees(np.arctan2(np.hypot(axis[0], axis[1]), axis[2]))
    assert specimen.description["tilt"] > 0.5
    assert lean == pytest.approx(specimen.description["tilt"], abs=1e-6)


@pytest.mark.parametrize("element", ["Au", "Pt", "Pd", "Ag", "Cu", "Ni"])
def test_neighbours_are_as_far_apart_as_in_the_metal(element):
    specimen = build(2, element=element, twin_probability=1.0, scale=0.02)
    assert set(specimen.atoms.symbols) == {element}
    a = specimen.description["lattice_constant"]
    assert abs(a / fcc_lattice_constant(element) - 1) <= 0.02
    near = cKDTree(specimen.atoms.positions).query(specimen.atoms.positions, k=2)[0][:, 1]
    np.testing.assert_allclose(near, a / np.sqrt(2), rtol=1e-6)


def test_heights_reach_from_one_to_twelve_and_more():
    heights = np.concatenate([build(s, radius=14, elongation=1.5).sites()[:, 2] for s in range(12)])
    assert heights.min() == 1
    assert heights.max() >= 12


def test_particles_keep_clear_of_the_edges():
    for seed in range(10):
        specimen = build(seed, radius=(5, 30), size=50, zone=None, particles=3, support="oxide")
        metal = specimen.atoms.positions[specimen.column >= 0, :2]
        assert metal.min() >= 3 - 1e-9
        assert metal.max() <= 47 + 1e-9


def test_several_particles_do_not_overlap():
    specimen = build(3, zone="100", radius=5, particles=4, tilt_max=0)
    assert specimen.description["particles"] > 1
    groups = projected_groups(specimen.atoms.positions / 8)
    assert len(np.unique(groups)) == specimen.description["particles"]
    columns = specimen.sites()[:, :2]
    assert cKDTree(columns).query(columns, k=2)[0][:, 1].min() > 1.9


@pytest.mark.parametrize("support", ["oxide", "carbon", "carbon-beside"])
def test_a_support_holds_no_sites(support):
    bare = build(4)
    specimen = build(4, support=support)
    is_metal = specimen.atoms.numbers == 79
    np.testing.assert_array_equal(specimen.column >= 0, is_metal)
    np.testing.assert_allclose(specimen.sites(), bare.sites())
    assert (~is_metal).sum() > 100
    metal, rest = (specimen.atoms.positions[m] for m in (is_metal, ~is_metal))
    assert cKDTree(metal).query(rest)[0].min() > 2.0
    assert rest[:, :2].min() >= 0 and rest[:, :2].max() < specimen.size


def test_the_oxide_keeps_its_gap():
    for seed in range(5):
        specimen = build(seed, support="oxide", gap=6.0)
        metal = specimen.atoms.positions[specimen.column >= 0, :2]
        oxide = specimen.atoms.positions[specimen.column < 0, :2]
        nearest = cKDTree(metal).query(oxide)[0].min()
        assert nearest > 5
        assert specimen.description["gap"] == 6.0


def test_a_film_lies_under_or_over_the_particle():
    specimen = build(5, support="carbon")
    side = {"below": -1, "above": 1}[specimen.description["film_side"]]
    z = specimen.atoms.positions[:, 2] * side
    is_metal = specimen.column >= 0
    assert z[~is_metal].max() > z[is_metal].max()
    assert z[~is_metal].mean() > z[is_metal].mean()


@settings(max_examples=15)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["Au", "Cu"]),
    st.sampled_from([None, "110", "100"]),
    st.sampled_from([None, "oxide", "carbon", "carbon-beside"]),
)
def test_any_seed_gives_a_sound_specimen(seed, element, zone, support):
    specimen = build(seed, element=element, zone=zone, support=support, size=40)
    again = build(seed, element=element, zone=zone, support=support, size=40)
    np.testing.assert_array_equal(specimen.atoms.positions, again.atoms.positions)
    np.testing.assert_array_equal(specimen.column, again.column)
    assert json.loads(json.dumps(specimen.description)) == specimen.description
    symbols = np.array(specimen.atoms.get_chemical_symbols())
    assert specimen.sites()[:, 2].sum() == (symbols == element).sum() > 0
    z = specimen.atoms.positions[:, 2]
    assert z.min() >= 1 and z.max() <= specimen.atoms.cell.lengths()[2] - 1


def test_a_lattice_constant_lets_any_element_be_fcc():
    with pytest.raises(ValueError, match="'Fe' is not fcc"):
        build(1, element="Fe")
    assert set(build(1, element="Fe", lattice_constant=3.6).atoms.symbols) == {"Fe"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"element": "Xx"}, "not a chemical symbol"),
        ({"element": "Xx", "lattice_constant": 4.0}, "not a chemical symbol"),
        ({"zone": "111"}, "zone '111' is not known"),
        ({"support": "sand"}, "support 'sand' is not known"),
        ({"radius": 25, "size": 40}, "change radius or size"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        build(1, **wrong)


def test_a_particle_too_thin_for_an_atom_is_refused():
    with pytest.raises(ValueError, match="too thin to hold an atom"):
        for seed in range(20):
            build(seed, radius=5.0, elongation=0.01)
