# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest
from ase.io import write
from ase.spacegroup import crystal as spacegroup_crystal
from scipy.spatial import cKDTree

from hyperspy_dlatoms._warnings import DLAtomsWarning
from hyperspy_dlatoms.simulation.specimens.crystal import (
    BOUNDARIES,
    KINDS,
    SHAPES,
    crystal,
    indices,
)
from hyperspy_dlatoms.simulation.specimens.prototypes import prototype_cell


def build(seed, *args, **arguments):
    return crystal(np.random.default_rng(seed), *args, **{"size": 44.0} | arguments)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_sites_are_the_columns_of_atoms_within_the_box(shape, boundary):
    for seed in range(3):
        specimen = build(seed, "random", shape=shape, boundary=boundary, tilt_max=0)
        for column in range(specimen.column.max() + 1):
            xy = specimen.atoms.positions[specimen.column == column, :2]
            assert np.ptp(xy, axis=0).max() < 0.8
        positions = specimen.atoms.positions
        assert (positions[:, :2] >= 1).all()
        assert (positions[:, :2] <= 43).all()
        json.dumps(specimen.description)


@pytest.mark.parametrize("boundary", ["none", "grain", "twin", "interface"])
def test_atoms_do_not_overlap(boundary):
    for seed in range(4):
        atoms = build(seed, "fcc", boundary=boundary, shape="film", thickness=20).atoms
        nearest = cKDTree(atoms.positions).query(atoms.positions, k=2)[0][:, 1]
        assert nearest.min() > 1.59


def test_columns_to_be_found_are_apart():
    for seed in range(6):
        specimen = build(seed, tilt_max=0, shape="film")
        sites, species = specimen.sites_and_species()
        found = sites[species == 0, :2]
        assert specimen.kinds == KINDS
        assert cKDTree(found).query(found, k=2)[0][:, 1].min() > 0.8


def test_a_wedge_rises_from_its_edge():
    specimen = build(3, "fcc", zone="001", shape="wedge", thickness=60, tilt_max=0)
    heights = specimen.sites()[:, 2]
    assert np.quantile(heights, 0.95) > 2 * np.quantile(heights, 0.05)


def test_a_film_is_as_thick_as_it_should_be():
    specimen = build(0, "fcc", shape="film", thickness=30, tilt_max=0)
    assert np.ptp(specimen.atoms.positions[:, 2]) == pytest.approx(30, abs=3)


def test_vacant_and_substituted_columns():
    whole = build(2, "bcc", zone="001", shape="film", thickness=40, tilt_max=0)
    broken = build(
        2, "bcc", zone="001", shape="film", thickness=40, tilt_max=0, vacancies=0.3, substituted=0.3
    )
    assert len(broken.atoms) < 0.95 * len(whole.atoms)
    assert len(set(whole.atoms.numbers)) == 1
    assert len(set(broken.atoms.numbers)) == 2


def test_a_crystal_of_a_file(tmp_path):
    write(tmp_path / "my.cif", prototype_cell(np.random.default_rng(0), "rutile"))
    specimen = build(0, file=str(tmp_path / "my.cif"), zone="001", shape="film")
    assert specimen.description["cell"].endswith("my.cif")
    assert (specimen.column >= 0).any()


def test_sites_of_a_cif_are_occupied_by_their_shares(tmp_path):
    mixed = spacegroup_crystal(
        ["Ba", "Ti"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=221, cellpar=[4.0] * 3
    )
    mixed.info["occupancy"] = {"0": {"Ba": 0.5, "Sr": 0.25}, "1": {"Ti": 1.0}}
    write(tmp_path / "mixed.cif", mixed)
    with pytest.warns(DLAtomsWarning, match="drawn at random by these shares"):
        specimen = build(
            0, file=str(tmp_path / "mixed.cif"), zone="001", shape="film", thickness=60.0
        )
    of = {symbol: np.count_nonzero(specimen.atoms.symbols == symbol) for symbol in ("Ba", "Sr")}
    titanium = np.count_nonzero(specimen.atoms.symbols == "Ti")
    assert of["Ba"] / titanium == pytest.approx(0.5, abs=0.06)
    assert of["Sr"] / titanium == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("support", ["crystal", "carbon", "carbon-beside"])
def test_supports(support):
    alone = build(5, "fcc", shape="particle", radius=10)
    supported = build(5, "fcc", shape="particle", radius=10, support=support)
    assert len(supported.atoms) > len(alone.atoms)
    more_sites = len(supported.sites()) > len(alone.sites())
    assert more_sites == (support == "crystal")


@pytest.mark.parametrize(
    ("zone", "expected"), [("110", (1, 1, 0)), ("1-10", (1, -1, 0)), ("[0 0 1]", (0, 0, 1))]
)
def test_directions(zone, expected):
    assert indices(zone) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "marble"}, "cell 'marble' is not known"),
        ({"zone": "000"}, "zone '000' is not a direction"),
        ({"zone": "abc"}, "zone 'abc' is not a direction"),
        ({"shape": "ball"}, "shape 'ball' is not known"),
        ({"boundary": "wall"}, "boundary 'wall' is not known"),
        ({"support": "oxide"}, "support 'oxide' is not known"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(0, **arguments)


@pytest.mark.parametrize("support", [None, "crystal", "carbon"])
def test_a_particle_that_loses_all_its_atoms_leaves_the_box_empty(support):
    arguments = {"zone": "001", "shape": "particle", "radius": 3, "vacancies": 1.0}
    rng = np.random.default_rng(1)
    specimen = crystal(rng, "caesium chloride", 30, support=support, **arguments)
    assert len(specimen.sites()) == len(specimen.atoms) == 0
