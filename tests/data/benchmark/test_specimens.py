# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms.data.benchmark.specimens import (
    SHEETS,
    SUPPORTS,
    graphene_specimen,
    wulff_particle,
)


def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize(("zone", "area"), [("110", np.sqrt(2) / 4), ("100", 1 / 4)])
def test_columns_stand_along_the_zone(zone, area):
    particle = wulff_particle(rng(), "Ir", zone, size=40, diameter=24, thickness=20)
    sites = particle.sites()
    across = particle.atoms.positions[:, 1::-1] - sites[particle.column, :2]
    assert np.abs(across).max() < 1e-9
    inner = sites[np.linalg.norm(sites[:, :2] - sites[:, :2].mean(axis=0), axis=1) < 8]
    assert len(inner) / (np.pi * 8**2) == pytest.approx(1 / (area * 3.84**2), rel=0.1)


@pytest.mark.parametrize("thickness", [6.0, 45.0])
def test_thickness_is_that_asked_for(thickness):
    particle = wulff_particle(rng(), "Au", thickness=thickness)
    assert thickness - 3 <= np.ptp(particle.atoms.positions[:, 2]) <= thickness


def test_rounded_particles_have_columns_of_single_atoms():
    heights = wulff_particle(rng(), "Rh", "100", thickness=12, rounded=True).sites()[:, 2]
    assert (heights == 1).sum() > 5
    assert heights.max() >= 3


def test_tilt_smears_the_columns_and_keeps_the_rest():
    upright, tilted = (wulff_particle(rng(), "Ir", tilt=tilt) for tilt in (0.0, 4.0))
    across = tilted.atoms.positions[:, 1::-1] - tilted.sites()[tilted.column, :2]
    assert np.abs(across).max() == pytest.approx(10 * np.sin(np.radians(4)), rel=0.25)
    assert len(upright.sites()) == len(tilted.sites())


@pytest.mark.parametrize("support", SUPPORTS)
def test_no_atom_of_a_support_is_a_site(support):
    particle = wulff_particle(rng(), "Pt", support=support)
    metal = particle.atoms.symbols == "Pt"
    np.testing.assert_array_equal(particle.column >= 0, metal)
    assert metal.all() == (support == "vacuum")


@pytest.mark.parametrize("kind", SHEETS)
def test_bonds_of_each_sheet(kind):
    sheet = graphene_specimen(rng(), kind, size=40)
    sites = sheet.sites()[:, :2]
    bonds = cKDTree(sites).query(sites, k=2)[0][:, 1]
    assert 1.2 < bonds.min() <= np.median(bonds) < 1.44
    assert len(sites) == (sheet.column >= 0).sum()


def test_nothing_is_in_a_vacancy():
    sheet = graphene_specimen(rng(), "vacancies", size=40)
    vacancies = np.array(sheet.description["vacancies"])
    nearest = cKDTree(sheet.sites()[:, :2]).query(vacancies)[0]
    assert nearest.min() > 1.3
    # What is missing is on the lattice.
    assert nearest.max() < 3.0
    perfect = graphene_specimen(rng(), "perfect", size=40)
    assert len(sheet.sites()) + len(vacancies) == pytest.approx(len(perfect.sites()), rel=0.02)


def test_atoms_under_carbon_are_unclear():
    sheet = graphene_specimen(rng(), "contaminated", size=40)
    unclear = np.array(sheet.description["unclear"])
    film = sheet.atoms.positions[:, :2][sheet.column < 0]
    assert len(film) > len(unclear) > 20
    assert cKDTree(sheet.sites()[:, :2]).query(unclear)[0].min() > 1.3


def test_edges_leave_vacuum():
    whole, edge = (len(graphene_specimen(rng(), kind).sites()) for kind in ("perfect", "edge"))
    assert 0.4 * whole < edge < 0.85 * whole


def test_the_same_seed_gives_the_same_specimen():
    for build in (wulff_particle, graphene_specimen):
        one, two = build(rng()), build(rng())
        np.testing.assert_array_equal(one.atoms.positions, two.atoms.positions)


@pytest.mark.parametrize(
    ("build", "argument", "message"),
    [
        (wulff_particle, {"zone": "111"}, "'111'"),
        (wulff_particle, {"support": "ice"}, "'ice'"),
        (wulff_particle, {"element": "Fe"}, "not fcc"),
        (graphene_specimen, {"kind": "round"}, "'round'"),
    ],
)
def test_what_is_not_known(build, argument, message):
    with pytest.raises(ValueError, match=message):
        build(rng(), **argument)
