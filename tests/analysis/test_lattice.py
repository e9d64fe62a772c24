# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, graphene, mx2
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.lattice import REACH, lattices_of, with_lattices
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES
from tests.helpers.blob_network import BlobNetwork

CARD = BlobNetwork().card


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
    within = distance[distance < REACH * nearest]
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


@pytest.mark.parametrize("material", ["Fe", "gold", "graphite", ""])
def test_materials_that_are_not_known(material):
    with pytest.raises(ValueError, match=f"material '{material}' is not known: expected"):
        lattices_of([material])


def test_materials_that_are_none():
    with pytest.raises(TypeError, match="material is 4.08: expected a name"):
        lattices_of([4.08])
    flat = graphene()
    flat.cell = [0, 0, 0]
    with pytest.raises(ValueError, match="expected two periods across z"):
        lattices_of([flat])


@pytest.mark.parametrize(
    ("material", "known"),
    [("Pt", True), ("graphene", True), ("WSe2", True), ("W", False), ("XY2", False), ("", False)],
)
def test_whose_lattice_is_known(material, known):
    assert with_lattices([material]) == ((material,) if known else ())


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ((), ("Pt", "graphene", "MoS2")),
        (("Fe",), ("Pt", "graphene", "MoS2")),
        (("C", "Cu"), ("graphene",)),
        (("Mo", "S", "Pt"), ("Pt", "MoS2")),
        (("Mo",), ("Pt", "graphene", "MoS2")),
    ],
)
def test_materials_of_some_elements(elements, named):
    assert with_lattices(["Pt", "graphene", "W", "MoS2"], elements) == named
