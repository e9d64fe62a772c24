# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens._monolayer import FORMULAS
from hyperspy_dlatoms.simulation.specimens._two_dimensional import (
    BOUNDARIES,
    SEAM,
    two_dimensional_layer,
)

EVERYTHING = {
    "metal_vacancies": (0, 0.06),
    "single_vacancies": (0, 0.12),
    "double_vacancies": (0, 0.08),
    "clustering": (0, 1),
    "vacancy_rows": (0, 2),
    "antisite_fraction": (0, 0.02),
    "substituted": (0, 0.05),
    "holes": (0, 2),
    "ripple_amplitude": (0, 0.5),
    "strain": 0.02,
    "tilt_max": 4,
    "adatom_count": (0, 5),
    "coverage": (0, 0.4),
}


def build(seed: int, **arguments):
    return two_dimensional_layer(np.random.default_rng(seed), **arguments)


def labelled(specimen):
    """Sites, and the name of the kind of each."""
    sites, species = specimen.sites_and_species()
    return sites, np.array(specimen.kinds)[species]


def test_a_perfect_layer_has_two_kinds_of_sites_and_no_others():
    sites, kinds = labelled(build(1))
    area = (60 - 2 * SEAM) ** 2
    assert len(sites) / area == pytest.approx(2 / (3.16**2 * np.sqrt(3) / 2), rel=0.02)
    assert set(zip(kinds, sites[:, 2], strict=True)) == {("Mo", 1), ("S", 2)}
    distance = cKDTree(sites[:, :2]).query(sites[:, :2], k=2)[0][:, 1]
    np.testing.assert_allclose(distance[(np.abs(sites[:, :2] - 30) < 25).all(1)], 3.16 / np.sqrt(3))


@pytest.mark.parametrize(
    ("argument", "kind", "height"),
    [
        ("metal_vacancies", "Mo vacancy", 0),
        ("single_vacancies", "S vacancy", 1),
        ("double_vacancies", "S vacancy", 0),
    ],
)
def test_vacancies_are_sites_in_the_share_asked_for(argument, kind, height):
    counts = np.zeros(2)
    for seed in range(6):
        perfect, damaged = labelled(build(seed)), labelled(build(seed, **{argument: 0.06}))
        vacancies = damaged[1] == kind
        assert np.all(damaged[0][vacancies, 2] == height)
        counts += vacancies.sum(), (damaged[1] == kind.split()[0]).sum()
        # Each where the whole column would be.
        moved = cKDTree(perfect[0][:, :2]).query(damaged[0][:, :2])[0]
        np.testing.assert_allclose(moved, 0, atol=1e-9)
        assert np.all(
            perfect[1][cKDTree(perfect[0][:, :2]).query(damaged[0][vacancies, :2])[1]]
            == kind.split()[0]
        )
    assert counts[0] / counts.sum() == pytest.approx(0.06, abs=0.015)


def test_the_atom_left_of_a_column_is_the_upper_or_the_lower_and_is_where_the_site_is():
    layer = build(2, single_vacancies=0.2, tilt_max=6.0)
    sites, kinds = labelled(layer)
    where = sites[kinds == "S vacancy", 1::-1]
    sulphur = layer.atoms.positions[layer.atoms.numbers == 16]
    distance, index = cKDTree(sulphur[:, :2]).query(where)
    np.testing.assert_allclose(distance, 0, atol=1e-9)
    molybdenum = layer.atoms.positions[layer.atoms.numbers == 42]
    near = cKDTree(molybdenum[:, :2]).query(where)[1]
    above = sulphur[index, 2] > molybdenum[near, 2]
    assert 0.2 < above.mean() < 0.8


def test_empty_places_at_edges_and_holes_are_no_vacancies():
    for seed in range(3):
        layer = build(seed, free_edge=True, holes=1, single_vacancies=0.1, double_vacancies=0.1)
        sites, kinds = labelled(layer)
        filled = sites[sites[:, 2] > 0, :2]
        vacancies = sites[sites[:, 2] == 0, :2]
        assert len(vacancies)
        inner = (np.abs(vacancies - 30) < 25).all(axis=1)
        around = [len(n) for n in cKDTree(filled).query_ball_point(vacancies[inner], 3.3)]
        assert min(around) >= 6
        perfect, _ = labelled(build(seed))
        assert len(sites) < 0.99 * len(perfect)
        single = sites[kinds == "S vacancy"]
        edge = sites[kinds == "edge"]
        assert np.all(single[:, 2] < 2) and np.all(edge[:, 2] == 1)


def test_what_does_not_belong_has_a_kind_of_its_own():
    layer = build(3, substituent="W", substituted=0.1, antisite_fraction=0.05)
    sites, kinds = labelled(layer)
    tungsten = layer.atoms.positions[layer.atoms.numbers == 74, 1::-1]
    places = sites[kinds == "W", :2]
    assert len(places) == len(tungsten) > 10
    np.testing.assert_allclose(cKDTree(tungsten).query(places)[0], 0, atol=1e-9)
    assert set(sites[kinds == "antisite", 2]) == {1, 2}
    light = build(3, substituent="O", substituted=0.2)
    sites, kinds = labelled(light)
    assert np.all(sites[kinds == "O", 2] == 2)
    oxygen = light.atoms.positions[light.atoms.numbers == 8, 1::-1]
    held = [len(n) for n in cKDTree(oxygen).query_ball_point(sites[kinds == "O", :2], 0.01)]
    assert set(held) == {1, 2}
    assert set(kinds) == {"Mo", "S", "O"}


def test_a_row_of_vacancies_is_straight():
    layer = build(5, vacancy_rows=1)
    sites, kinds = labelled(layer)
    row = sites[kinds == "S vacancy", :2]
    assert 3 <= len(row) <= 12
    centred = row - row.mean(axis=0)
    assert np.linalg.svd(centred)[1][1] < 1e-6
    np.testing.assert_allclose(np.sort(cKDTree(row).query(row, k=2)[0][:, 1]), 3.16, rtol=1e-6)


def test_clustered_defects_crowd():
    def crowded(clustering):
        """Other vacancies within 7 Å of each, in units of those of an even density."""
        found, expected = 0, 0.0
        for seed in range(8):
            arguments = {"single_vacancies": 0.08, "clustering": clustering}
            sites, kinds = labelled(build(seed, **arguments))
            vacant = kinds == "S vacancy"
            sulphur = vacant | (kinds == "S")
            trees = cKDTree(sites[vacant, :2]), cKDTree(sites[sulphur, :2])
            pairs, all_pairs = (tree.count_neighbors(tree, 7.0) - tree.n for tree in trees)
            found += pairs
            expected += all_pairs * (vacant.sum() / sulphur.sum()) ** 2
        return found / expected

    assert crowded(0.0) == pytest.approx(1, abs=0.2)
    assert crowded(1.0) > 1.5


def test_two_domains_meet_without_a_pair_too_close():
    for seed, boundary in enumerate(("grain", "twin")):
        layer = build(seed, boundary=boundary)
        first, second = layer.description["angles"]
        if boundary == "twin":
            assert second - first == pytest.approx(60)
        sites, kinds = labelled(layer)
        distance = cKDTree(sites[:, :2]).query(sites[:, :2], k=2)[0][:, 1]
        assert distance.min() > 1.5
        # Both domains are there: the bonds from Mo to S point two ways.
        metal, sulphur = sites[kinds == "Mo", :2], sites[kinds == "S", :2]
        length, index = cKDTree(sulphur).query(metal, k=3)
        bond = sulphur[index] - metal[:, None]
        whole = np.abs(length - 3.16 / np.sqrt(3)).max(axis=1) < 0.01
        angle = np.arctan2(bond[whole, 0, 0], bond[whole, 0, 1])
        order = np.degrees(np.angle(np.exp(3j * angle))) / 3
        ways = [
            np.mean(np.abs((order - a - w + 60) % 120 - 60) < 1)
            for w in (0, 30, 60, 90)
            for a in (first, second)
        ]
        assert np.sort(ways)[-2] > 0.1


def test_a_layer_is_as_thick_after_it_is_bent():
    layer = build(6, ripple_amplitude=0.5, tilt_max=4.0)
    sulphur = layer.atoms.positions[layer.atoms.numbers == 16]
    column = layer.column[layer.atoms.numbers == 16]
    order = np.argsort(column, kind="stable")
    pairs = sulphur[order]
    kept = np.diff(column[order]) == 0
    length = np.linalg.norm(np.diff(pairs, axis=0)[kept], axis=1)
    np.testing.assert_allclose(length, 3.172, rtol=1e-6)
    assert np.std(np.diff(pairs, axis=0)[kept, 0]) > 1e-3


def test_what_lies_under_adatoms_and_thick_contamination_is_left_open():
    bare = build(7)
    sites, kinds = labelled(build(7, adatom_count=6))
    assert 3 <= np.sum(kinds == "covered") <= 18
    assert len(sites) == len(bare.sites())
    arguments = {"coverage": 0.4, "contamination_thickness": 12.0, "single_vacancies": 0.1}
    under = [
        np.mean(labelled(build(8, **arguments, unclear_contamination=t))[1] == "covered")
        for t in (np.inf, 8.0, 0.0)
    ]
    assert under[0] == 0 < under[1] < under[2] == pytest.approx(0.4, abs=0.05)


@settings(max_examples=12)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(FORMULAS),
    st.sampled_from(BOUNDARIES),
    st.sampled_from([None, "W", "Se", "C"]),
    st.booleans(),
)
def test_any_seed_gives_a_sound_specimen(seed, formula, boundary, substituent, free_edge):
    arguments = {"formula": formula, "boundary": boundary, "substituent": substituent}
    arguments |= {"size": 30.0, "free_edge": free_edge, **EVERYTHING}
    specimen, again = build(seed, **arguments), build(seed, **arguments)
    np.testing.assert_array_equal(specimen.atoms.positions, again.atoms.positions)
    np.testing.assert_array_equal(specimen.species, again.species)
    assert json.loads(json.dumps(specimen.description)) == specimen.description
    sites, kinds = labelled(specimen)
    assert (
        len(sites) == specimen.description["sites"] == sum(specimen.description["labels"].values())
    )
    assert np.all(sites[:, :2] >= 0) and np.all(sites[:, :2] < 30)
    if len(sites) > 1:
        assert cKDTree(sites[:, :2]).query(sites[:, :2], k=2)[0][:, 1].min() > 1.0
    vacancies = np.char.endswith(kinds.astype(str), "vacancy")
    assert np.all(sites[vacancies, 2] < 2)
    assert np.all(sites[~vacancies & (kinds != "covered"), 2] > 0)
    positions = specimen.atoms.positions
    if len(positions) > 1:
        assert cKDTree(positions).query(positions, k=2)[0][:, 1].min() > 0.7


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"formula": "MoTe3"}, "formula 'MoTe3' is not known"),
        ({"boundary": "wall"}, "boundary 'wall' is not known"),
        ({"size": 5}, "at least 10 Å"),
        ({"single_vacancies": 1.5}, "single_vacancies is 1.5"),
        ({"coverage": (-0.1, 0.5)}, "expected a share between 0 and 1"),
        ({"substituent": "Xx", "substituted": 0.1}, "'Xx' is not an element"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        build(1, **wrong)


@pytest.mark.parametrize("formula", ["WS2", "MX2"])
@pytest.mark.parametrize("phase", ["2H", "1T", "1T'"])
def test_kinds_by_roles(formula, phase):
    specimen = build(
        3, formula=formula, phase=phase, roles=True, size=30, metal_vacancies=0.05,
        single_vacancies=0.1, double_vacancies=0.1,
    )  # fmt: skip
    sites, kinds = labelled(specimen)
    in_column = 2 if phase == "2H" else 1
    found = set(zip(kinds, sites[:, 2], strict=True)) - {("edge", 1), ("edge", 0)}
    expected = {("metal", 1), ("metal vacancy", 0), ("chalcogen", in_column)}
    expected |= {("chalcogen vacancy", height) for height in range(in_column)}
    assert found == expected
    metal, chalcogen = specimen.description["elements"]
    assert specimen.description["phase"] == phase
    assert specimen.description["kind"] == f"layer of {metal}{chalcogen}2"
    symbols = np.array(specimen.atoms.get_chemical_symbols())
    assert set(symbols[np.isin(specimen.species[specimen.column], [0])]) == {metal}


def test_random_elements_have_roles_alone():
    with pytest.raises(ValueError, match="'MX2' has elements of its own.*add `roles: true`"):
        build(1, formula="MX2", size=20)


def test_what_belongs_there_is_no_substituent():
    layer = build(1, formula="WS2", roles=True, size=30, substituent="S", substituted=0.5)
    assert set(labelled(layer)[1]) == {"metal", "chalcogen"}
    layer = build(1, formula="WS2", roles=True, size=30, substituent="Se", substituted=0.5)
    assert set(labelled(layer)[1]) == {"metal", "chalcogen", "Se"}
