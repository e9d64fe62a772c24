# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest
from scipy.spatial import ConvexHull, cKDTree

from hyperspy_dlatoms.simulation.specimens._particle import square_lattice
from hyperspy_dlatoms.simulation.specimens.cluster import (
    SHAPES,
    decahedron,
    empty_sites,
    icosahedron,
    metal_cluster,
    octahedron,
    sphere,
    stacks,
    worn,
)
from hyperspy_dlatoms.simulation.specimens.orientation import rotation

NEAREST = 1 / np.sqrt(2)
FAMILIES = ("sphere", "ellipsoid", "octahedron", "decahedron")


def build(seed, **arguments):
    return metal_cluster(np.random.default_rng(seed), **arguments)


def same_points(one, other):
    return len(one) == len(other) and cKDTree(one).query(other)[0].max() < 1e-6


@pytest.mark.parametrize("shape", FAMILIES)
@pytest.mark.parametrize("zone", ["110", "100"])
def test_every_atom_of_a_particle_on_its_zone_is_in_a_column(shape, zone):
    specimen = build(2, shape=shape, zone=zone, tilt_max=0, radius=12)
    assert (specimen.column >= 0).all()
    for column in range(specimen.column.max() + 1):
        atoms = specimen.atoms.positions[specimen.column == column]
        assert np.ptp(atoms[:, :2], axis=0).max() < 0.3
    columns = specimen.sites()[:, :2]
    assert cKDTree(columns).query(columns, k=2)[0][:, 1].min() >= 1.2
    assert specimen.sites()[:, 2].max() >= 4


@pytest.mark.parametrize("shape", SHAPES)
def test_atoms_keep_their_distance_to_each_other_and_to_the_edges(shape):
    for seed in range(8):
        specimen = build(seed, shape=shape, scale=0, size=55)
        positions = specimen.atoms.positions
        nearest = cKDTree(positions).query(positions, k=2)[0][:, 1]
        assert nearest.min() > 0.89 * 4.08 * NEAREST
        assert positions[:, :2].min() >= 3 - 1e-9
        assert positions[:, :2].max() <= 52 + 1e-9


def test_a_sphere_is_as_large_as_it_should_be():
    positions = sphere(np.random.default_rng(0), 4.0, "110", (1.0, 1.0, 1.0))
    assert np.linalg.norm(positions, axis=1).max() <= 4
    assert len(positions) == pytest.approx(4 * 4 / 3 * np.pi * 4**3, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_an_octahedron_has_facets_of_two_kinds_and_about_the_volume_of_the_sphere(seed):
    positions = octahedron(np.random.default_rng(seed), 4.0, "100")
    normals = np.abs(ConvexHull(positions).equations[:, :3])
    corner, cube = np.isclose(normals, 1 / np.sqrt(3)).all(1), np.isclose(normals.max(1), 1)
    assert (corner | cube).all()
    assert corner.any()
    assert len(positions) == pytest.approx(4 * 4 / 3 * np.pi * 4**3, rel=0.45)


@pytest.mark.parametrize("make", [decahedron, icosahedron])
def test_the_five_fold_axis_lies_along_the_beam(make):
    positions = make(np.random.default_rng(1), 3.5)
    assert same_points(positions, positions @ rotation(2 * np.pi / 5).T)
    assert not same_points(positions, positions @ rotation(2 * np.pi / 4).T)


def test_the_columns_of_a_decahedron_are_those_of_110_within_its_strain():
    positions = decahedron(np.random.default_rng(1), 3.5) * 4
    column = stacks(positions)
    columns = np.array([positions[column == c, :2].mean(0) for c in np.unique(column)])
    nearest = cKDTree(columns).query(columns, k=2)[0][:, 1]
    np.testing.assert_allclose(nearest, 4 * np.sqrt(3 / 8), rtol=0.03)
    for c in np.unique(column):
        np.testing.assert_allclose(np.diff(np.sort(positions[column == c, 2])), 4 * NEAREST)


def test_an_icosahedron_has_sites_about_its_axis_only():
    specimen = build(3, shape="icosahedron", radius=13, tilt_max=0)
    middle = specimen.atoms.positions[:, :2].mean(axis=0)
    labelled = specimen.column >= 0
    away = np.linalg.norm(specimen.atoms.positions[:, :2] - middle, axis=1)
    assert 0 < labelled.mean() < 0.5
    assert away[labelled].max() < away.max() / 2
    assert specimen.sites()[:, 2].min() >= 2


def test_stacks_leave_out_what_runs_together():
    line = np.stack([np.arange(6) * 0.2, np.zeros(6), np.arange(6) * 3.0], axis=1)
    near = np.array([[5, 0, 0], [5, 0, 3], [5, 1.1, 0], [9, 0, 0], [9, 0.1, 3], [9, 4, 0]])
    column = stacks(np.concatenate([line, near]))
    assert (column[:9] == -1).all()
    assert column[9] == column[10] != column[11]
    assert stacks(near, least=2)[-1] == -1


def test_empty_sites_are_lattice_sites_next_to_the_surface():
    lattice = square_lattice(4)[0]
    positions = lattice[np.linalg.norm(lattice, axis=1) <= 2]
    free = empty_sites(positions, NEAREST)
    assert cKDTree(lattice).query(free)[0].max() < 1e-9
    assert cKDTree(free).query(free, k=2)[0][:, 1].min() > 0.99 * NEAREST
    np.testing.assert_allclose(cKDTree(positions).query(free)[0], NEAREST)
    shell = lattice[(np.linalg.norm(lattice, axis=1) > 2)]
    touching = cKDTree(positions).query(shell)[0] < 1.01 * NEAREST
    assert len(free) == touching.sum()


def test_wear_moves_a_few_atoms():
    positions = octahedron(np.random.default_rng(0), 3.0, "110")
    left = [worn(np.random.default_rng(seed), positions, NEAREST) for seed in range(5)]
    kept = [np.mean(cKDTree(one).query(positions)[0] < 1e-9) for one in left]
    assert min(kept) > 0.8
    assert any(cKDTree(positions).query(one)[0].max() > 0.5 for one in left)
    assert any(k < 1 for k in kept)


@pytest.mark.parametrize("support", ["oxide", "carbon", "carbon-beside"])
def test_a_support_holds_no_sites(support):
    bare, specimen = (build(4, shape="sphere", support=s, size=44) for s in (None, support))
    is_metal = specimen.atoms.numbers == 79
    np.testing.assert_array_equal(specimen.column >= 0, is_metal)
    np.testing.assert_allclose(specimen.sites(), bare.sites())
    assert (~is_metal).sum() > 100


@pytest.mark.parametrize("shape", SHAPES)
def test_the_seed_decides(shape):
    one, again, other = (build(seed, shape=shape, support="carbon") for seed in (6, 6, 7))
    np.testing.assert_array_equal(one.atoms.positions, again.atoms.positions)
    np.testing.assert_array_equal(one.column, again.column)
    assert one.description != other.description
    assert json.loads(json.dumps(one.description)) == one.description


def test_the_tilt_leans_the_columns():
    specimen = build(1, shape="octahedron", radius=13, tilt_max=4)
    tallest = np.argmax(specimen.sites()[:, 2])
    extent = np.ptp(specimen.atoms.positions[specimen.column == tallest], axis=0)
    lean = np.degrees(np.arctan2(np.hypot(*extent[:2]), extent[2]))
    assert specimen.description["tilt"] > 0.5
    assert lean == pytest.approx(specimen.description["tilt"], abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"element": "Xx"}, "not a chemical symbol"),
        ({"element": "Fe"}, "is not fcc"),
        ({"shape": "cube"}, "shape 'cube' is not known: expected one of .*'decahedron'"),
        ({"zone": "111"}, "zone '111' is not known"),
        ({"support": "sand"}, "support 'sand' is not known"),
        ({"radius": 25, "size": 40}, "change radius or size"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        build(1, **wrong)
