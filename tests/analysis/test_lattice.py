# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, mx2
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.lattice import (
    FEWEST,
    best_fit,
    lattices_of,
    with_lattices,
    without_light_columns,
)
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES
from tests.helpers.crystal import CELLS, crystal

LATTICES = {one.zone: one for one in lattices_of(["Au", "graphene"])}


def fit_spacing(sites, lattice):
    """The spacing of a lattice, None of too few sites."""
    fit = best_fit(sites, [lattice])
    return fit and fit[1]


def columns(atoms, zone):
    """Columns of a crystal along a zone, merged, in Å."""
    turned = atoms.positions @ ZONES[zone].T
    flat = np.round(turned[:, :2], 3)
    flat = np.unique(flat, axis=0)
    return flat[np.linalg.norm(flat - flat.mean(axis=0), axis=1) < 22]


@pytest.mark.parametrize("element", ["Au", "Ni"])
@pytest.mark.parametrize("zone", ["110", "100"])
def test_the_columns_of_a_metal(element, zone):
    sites = columns(bulk(element, cubic=True) * 12, zone)
    middle = sites[np.linalg.norm(sites - sites.mean(axis=0), axis=1).argmin()]
    distance = np.sort(np.linalg.norm(sites - middle, axis=1))[1:]
    (lattice,) = (one for one in lattices_of([element]) if one.zone == f"[{zone}]")
    nearest = lattice.nearest[element]
    assert distance[0] == pytest.approx(nearest, abs=0.003)
    within = distance[distance < 2.3 * nearest]
    expected = np.repeat(lattice.distances * nearest, np.rint(lattice.counts).astype(int))
    np.testing.assert_allclose(within, expected, atol=0.005)


def test_metals_share_their_lattices():
    lattices = lattices_of(["Au", "Pt", "Ag"])
    assert [set(one.nearest) for one in lattices] == [{"Au", "Pt", "Ag"}] * 2
    ratio = lattices[0].nearest["Pt"] / lattices[0].nearest["Au"]
    assert lattices[1].nearest["Pt"] / lattices[1].nearest["Au"] == pytest.approx(ratio, abs=1e-4)


def test_a_crystal_is_as_good_as_its_name():
    (named,) = lattices_of(["graphene"])
    (given,) = lattices_of([graphene(a=2.46, size=(2, 1, 1), vacuum=5)])
    np.testing.assert_allclose(given.distances, named.distances, atol=1e-3)
    np.testing.assert_allclose(given.counts, named.counts)
    assert list(given.nearest.values()) == pytest.approx(list(named.nearest.values()), abs=1e-3)


def test_atoms_over_each_other_are_one_site():
    (named,) = lattices_of(["MoS2"])
    (given,) = lattices_of([mx2("MoS2", a=3.160, vacuum=5)])
    np.testing.assert_allclose(given.counts, named.counts)
    assert given.nearest == pytest.approx(named.nearest, abs=1e-3)


def test_neighbours_are_those_of_a_large_piece():
    crystal = bulk("Ti", "hcp", a=2.95, c=4.68)
    (lattice,) = lattices_of([crystal])
    sites = (crystal * (30, 30, 1)).positions[:, :2]
    tree = cKDTree(sites)
    middle = sites[np.linalg.norm(sites - sites.mean(axis=0), axis=1).argmin()]
    for distance, count in zip(lattice.distances, lattice.counts, strict=True):
        radius = distance * lattice.nearest["Ti2"]
        ring = len(tree.query_ball_point(middle, radius + 0.01))
        ring -= len(tree.query_ball_point(middle, radius - 0.01))
        assert ring == pytest.approx(count)


def test_light_columns_are_left_out():
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    perovskite = Atoms("SrTiO3", scaled_positions=places, cell=[3.9] * 3)
    # The oxygen over titanium stays: it is in its column.
    assert without_light_columns(perovskite).get_chemical_formula() == "OSrTi"
    assert without_light_columns(mx2("MoS2", vacuum=3)) is None
    assert without_light_columns("Pt") is without_light_columns(bulk("Au", cubic=True)) is None


@pytest.mark.parametrize("material", ["Fe", "gold", "graphite", ""])
def test_materials_that_are_not_known(material):
    with pytest.raises(ValueError, match=f"material '{material}' is not known: expected"):
        lattices_of([material])


def test_materials_that_are_none():
    with pytest.raises(TypeError, match="material is 4.08: expected a name"):
        lattices_of([4.08])
    flat = graphene()
    flat.cell = [0, 0, 0]
    with pytest.raises(
        ValueError, match="expected two cell vectors that span the plane perpendicular to z"
    ):
        lattices_of([flat])


@pytest.mark.parametrize(
    ("material", "known"),
    [("Pt", True), ("graphene", True), ("WSe2", True), ("W", False), ("XY2", False), ("", False)],
)
def test_whose_lattice_is_known(material, known):
    assert with_lattices([material]) == (material,) * known


def test_materials_of_the_elements_in_the_specimen():
    known = ("Au", "MoS2", "MoSe2", "graphene", "NaCl")
    assert with_lattices(known) == ("Au", "MoS2", "MoSe2", "graphene")
    assert with_lattices(known, ["Mo", "S", "C"]) == ("MoS2", "graphene")
    # None of them: the elements may be those of something else in the image.
    assert with_lattices(known, ["Ti"]) == ("Au", "MoS2", "MoSe2", "graphene")


def nearest_of(zone):
    lattice = LATTICES[zone]
    return next(iter(lattice.nearest.values()))


@settings(max_examples=20)
@given(
    zone=st.sampled_from(sorted(CELLS)),
    angle=st.floats(0, np.pi),
    scale=st.floats(0.2, 30),
    seed=st.integers(0, 100),
)
def test_the_size_is_found_whatever_the_orientation(zone, angle, scale, seed):
    rng = np.random.default_rng(seed)
    sites = crystal(zone, angle=angle, rng=rng, jitter=0.05, missing=0.1) * scale
    spacing = fit_spacing(sites, LATTICES[zone])
    assert spacing.nearest == pytest.approx(nearest_of(zone) * scale, rel=0.01)
    assert spacing.likeness > 0.85


@pytest.mark.parametrize("zone", sorted(CELLS))
def test_another_lattice_is_less_like(zone):
    sites = crystal(zone)
    likeness = {name: fit_spacing(sites, one).likeness for name, one in LATTICES.items()}
    assert max(likeness, key=likeness.get) == zone
    assert sorted(likeness.values())[-2] < 0.85


def test_grains_have_one_size():
    grains = [crystal("honeycomb", 9, angle, (20 * k, 0)) for k, angle in enumerate((0, 0.2, 0.4))]
    spacing = fit_spacing(np.concatenate(grains), LATTICES["honeycomb"])
    assert spacing.nearest == pytest.approx(nearest_of("honeycomb"), rel=1e-3)
    assert spacing.likeness > 0.95


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zone", sorted(CELLS))
def test_sites_anywhere_make_no_lattice(zone, seed):
    sites = np.random.default_rng(seed).uniform(0, 100, (400, 2))
    assert fit_spacing(sites[np.argsort(sites[:, 0])], LATTICES[zone]).likeness < 0.75


def test_few_sites_and_sites_on_each_other():
    assert fit_spacing(crystal("[100]")[: FEWEST - 1], LATTICES["[100]"]) is None
    assert fit_spacing(np.zeros((50, 2)), LATTICES["[100]"]) is None


def test_many_sites_take_a_part():
    sites = np.stack(np.mgrid[:400, :400], axis=-1).reshape(-1, 2) * 2.04
    assert fit_spacing(sites, LATTICES["[100]"]).nearest == pytest.approx(2.04)


def test_the_lattice_that_sites_are_most_like():
    for zone in CELLS:
        lattice, spacing = best_fit(crystal(zone), list(LATTICES.values()))
        assert lattice.zone == zone
        assert spacing == fit_spacing(crystal(zone), lattice)
    assert best_fit(crystal("[100]")[: FEWEST - 1], list(LATTICES.values())) is None
