# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.graphene import KINDS, SEAM, SITES, graphene_sheet

EVERYTHING = {
    "vacancy_fraction": (0, 0.03),
    "rotated_bonds": (0, 3),
    "holes": (0, 2),
    "ripple_amplitude": (0, 1),
    "strain": 0.02,
    "tilt_max": 3,
    "adatom_count": (0, 5),
    "coverage": (0, 0.4),
}


def build(seed: int, **arguments):
    return graphene_sheet(np.random.default_rng(seed), **arguments)


def lattice_positions(specimen) -> np.ndarray:
    return specimen.atoms.positions[specimen.column >= 0]


def inner_bonds(specimen) -> tuple[np.ndarray, np.ndarray]:
    """Bond lengths, and number of bonds of each atom, away from the edges of the box."""
    points = lattice_positions(specimen)
    inner = (np.abs(points[:, :2] - specimen.size / 2) < specimen.size / 2 - 3).all(axis=1)
    near = cKDTree(points).query(points[inner], k=5)[0][:, 1:]
    bonded = near < 1.9
    return near[bonded], bonded.sum(axis=1)


@pytest.mark.parametrize(
    ("kind", "spread"), [("perfect", 1e-6), ("polycrystal", 0.03), ("random", 0.07)]
)
def test_bonds_and_coordination(kind, spread):
    for seed in range(3):
        lengths, coordination = inner_bonds(build(seed, kind=kind))
        assert lengths.mean() == pytest.approx(1.42, rel=0.025)
        assert lengths.std() < spread
        assert lengths.min() > 1.1
        assert (coordination == 3).mean() > 0.97


def test_density_of_a_perfect_sheet():
    sheet = build(1, size=60)
    area = (60 - 2 * SEAM) ** 2
    assert len(sheet.sites()) / area == pytest.approx(0.3818, rel=0.01)
    assert (sheet.sites()[:, 2] == 1).all()


def test_a_polycrystal_has_a_grain_at_least():
    assert len(build(2, kind="polycrystal", grains=0).description["angles"]) == 1


def test_grains_differ_in_rotation():
    sheet = build(2, kind="polycrystal", grains=3)
    assert len(sheet.description["angles"]) == 3
    points = lattice_positions(sheet)[:, :2]
    distance, index = cKDTree(points).query(points, k=4)
    dx, dy = (points[index[:, 1:]] - points[:, None]).transpose(2, 0, 1)
    order = np.exp(3j * np.arctan2(dy, dx))[(distance[:, 3] < 1.6)]
    # The two sublattices are turned by 60°, which the square undoes.
    local = np.degrees(np.angle(order.mean(axis=1) ** 2)) / 6
    wanted = (np.array(sheet.description["angles"]) + 30) % 60
    away = np.abs((local[:, None] - wanted + 30) % 60 - 30)
    assert (away.min(axis=1) < 3).mean() > 0.7
    present = [(away[:, i] < 3).mean() > 0.05 for i in range(3)]
    assert sum(present) >= 2


def test_vacancies_are_counted():
    whole, holed = build(3), build(3, vacancy_fraction=0.02)
    missing = len(whole.sites()) - len(holed.sites())
    assert missing == holed.description["missing"]
    assert 5 < missing < 60
    kept = cKDTree(whole.sites()[:, :2]).query(holed.sites()[:, :2])[0]
    np.testing.assert_allclose(kept, 0, atol=1e-9)


def test_a_hole_is_empty():
    sheet = build(4, holes=1, hole_radius=8.0)
    axis = np.arange(0, 60, 0.5)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    assert cKDTree(sheet.sites()[:, :2]).query(grid)[0].max() > 5
    assert cKDTree(build(4).sites()[:, :2]).query(grid)[0].max() < 2.5


def test_a_free_edge_leaves_vacuum():
    for seed in range(4):
        share = len(build(seed, free_edge=True).sites()) / len(build(seed).sites())
        assert 0.02 < share < 0.98


def test_ripples_shorten_bonds_in_projection_only():
    sheet = build(5, ripple_amplitude=1.0)
    lengths, _ = inner_bonds(sheet)
    assert lengths.mean() == pytest.approx(1.42, rel=0.005)
    assert np.ptp(lattice_positions(sheet)[:, 2]) > 1
    flat = lattice_positions(sheet) * [1, 1, 0]
    projected = cKDTree(flat).query(flat[np.abs(flat[:, 0] - 30) < 20], k=2)[0][:, 1]
    assert projected.mean() < lengths.mean()


def test_strain_and_tilt():
    lengths, _ = inner_bonds(build(6, strain=0.02))
    assert 1.42 * 0.979 < lengths.min() < lengths.max() < 1.42 * 1.021
    assert lengths.std() > 1e-4
    tilted = build(6, tilt_max=5.0)
    x, y, z = lattice_positions(tilted).T
    slope, *_ = np.linalg.lstsq(np.column_stack([x, y, np.ones_like(x)]), z, rcond=None)
    measured = np.degrees(np.arctan(np.hypot(*slope[:2])))
    assert measured == pytest.approx(tilted.description["tilt"], abs=1e-6)


def test_adatoms_are_no_sites():
    bare, decorated = build(7), build(7, adatom_count=6)
    np.testing.assert_allclose(decorated.sites(), bare.sites())
    assert (decorated.column == -1).sum() == decorated.description["adatoms"] == 6
    added = decorated.atoms.positions[decorated.column == -1]
    assert cKDTree(lattice_positions(decorated)).query(added)[0].min() > 1.7


def test_what_lies_under_thick_contamination_is_no_site():
    arguments = {"coverage": 0.4, "contamination_thickness": 12.0}
    bare = build(8)
    every = build(8, **arguments, unlabelled_contamination=np.inf)
    some = build(8, **arguments, unlabelled_contamination=5.0)
    none = build(8, **arguments, unlabelled_contamination=0.0)
    assert len(every.sites()) == len(bare.sites())
    assert len(none.sites()) == pytest.approx(0.6 * len(bare.sites()), rel=0.08)
    assert len(none.sites()) < len(some.sites()) < len(every.sites())
    # The atoms are there all the same.
    assert len(none.atoms) == len(every.atoms) > len(bare.atoms) + 100
    carbon = every.atoms.positions[every.column == -1]
    assert cKDTree(lattice_positions(every)).query(carbon)[0].min() > 1.1


@pytest.mark.parametrize("kind", KINDS)
def test_vacancies_are_sites_where_marked(kind):
    arguments = {"kind": kind, "vacancy_fraction": 0.04, "holes": 2, "ripple_amplitude": 0.5}
    plain, marked = build(9, **arguments), build(9, **arguments, mark_vacancies=True)
    # The middle of the waves is that of all places.
    np.testing.assert_allclose(marked.atoms.positions, plain.atoms.positions, atol=0.05)
    sites, species = marked.sites_and_species()
    np.testing.assert_allclose(sites[species == 0], plain.sites(), atol=0.05)
    assert marked.kinds == SITES and plain.kinds == ("site",)
    vacant = sites[species == 1]
    assert 10 < len(vacant) <= marked.description["missing"]
    assert np.all(vacant[:, 2] == 0)
    # Each lies where an atom would, with neighbours and not in a hole.
    inner = (np.abs(vacant[:, :2] - 30) < 27).all(axis=1)
    near = cKDTree(sites[species == 0, :2]).query(vacant[inner, :2], k=3)[0]
    assert near[:, 0].min() > 1.1 and near[:, 1].max() < 1.8


def test_vacancies_under_thick_contamination_are_no_sites():
    arguments = {"vacancy_fraction": 0.05, "mark_vacancies": True, "coverage": 0.4}
    arguments["contamination_thickness"] = 12.0
    every = build(8, **arguments, unlabelled_contamination=np.inf)
    some = build(8, **arguments, unlabelled_contamination=0.0)
    share = np.count_nonzero(some.species) / np.count_nonzero(every.species)
    assert 0.35 < share < 0.85


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS), st.booleans())
def test_any_seed_gives_a_sound_specimen(seed, kind, free_edge):
    arguments = {"kind": kind, "size": 30.0, "free_edge": free_edge, **EVERYTHING}
    specimen, again = build(seed, **arguments), build(seed, **arguments)
    np.testing.assert_array_equal(specimen.atoms.positions, again.atoms.positions)
    np.testing.assert_array_equal(specimen.column, again.column)
    assert json.loads(json.dumps(specimen.description)) == specimen.description
    positions = specimen.atoms.positions
    assert positions[:, :2].min() >= 0 and positions[:, :2].max() < 30
    points = lattice_positions(specimen)
    distance = cKDTree(points[:, :2], boxsize=30).query(points[:, :2], k=2)[0][:, 1]
    assert distance.min() > 1.0
    everything = cKDTree(positions).query(positions, k=2)[0][:, 1]
    assert everything.min() > 0.9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "rolled"}, "kind 'rolled' is not known"),
        ({"size": 5}, "at least 10 Å"),
        ({"vacancy_fraction": 1.5}, "vacancy_fraction is 1.5"),
        ({"coverage": (-0.1, 0.5)}, "expected a share between 0 and 1"),
        ({"holes": -1}, "expected 0 <= low <= high"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        build(1, **wrong)


def test_some_atoms_are_replaced_by_those_of_another_element():
    sheet = graphene_sheet(np.random.default_rng(3), size=40, substituent="Si", substituted=0.1)
    pure = graphene_sheet(np.random.default_rng(3), size=40)
    share = (sheet.atoms.numbers == 14).mean()
    assert share == pytest.approx(0.1, abs=0.03)
    np.testing.assert_allclose(sheet.sites(), pure.sites())
    with pytest.raises(ValueError, match="substituent 'Xx' is not a chemical symbol"):
        graphene_sheet(np.random.default_rng(3), size=20, substituent="Xx", substituted=0.1)
