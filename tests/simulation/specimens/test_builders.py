# SPDX-License-Identifier: GPL-3.0-or-later
import inspect

import numpy as np
import pytest
from ase.build import bulk

from hyperspy_dlatoms.recipes import structures
from hyperspy_dlatoms.recipes.structures import STRUCTURES
from hyperspy_dlatoms.simulation.specimens._monolayer import FORMULAS
from hyperspy_dlatoms.simulation.specimens._two_dimensional import layer_kinds
from hyperspy_dlatoms.simulation.specimens.builders import (
    BUILDERS,
    build_specimen,
    check_structures,
    site_kinds,
    site_materials,
)

PARTICLES = ("metal-nanoparticle", "metal-cluster", "crystal", "single-atoms")
WITH_SITES = (*PARTICLES, "graphene", "two-dimensional")


@pytest.mark.parametrize("name", BUILDERS)
def test_every_builder_fills_the_box_asked_for(name):
    specimen = build_specimen(np.random.default_rng(0), [{"structure": name}], 44.0)
    assert specimen.size == 44.0
    assert (specimen.column >= 0).any() == (name in WITH_SITES)


@pytest.fixture
def primitive(tmp_path):
    path = tmp_path / "Cu.xyz"
    bulk("Cu").write(path)
    return str(path)


def test_a_crystal_of_a_file_has_kinds_of_columns_and_need_be_no_layer(primitive):
    crystals = [{"structure": "crystal", "file": primitive}]
    assert site_kinds(crystals) == {"column", "light column"}
    check_structures(crystals, 40.0)


def test_cells_and_files_of_crystals_are_checked_in_advance(primitive, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'perovskite'"):
        check_structures([{"structure": "crystal", "cell": "perovskte"}], 40.0)
    notes = tmp_path / "notes.cif"
    notes.write_text("no crystal")
    crystals = [
        {"structure": "crystal", "file": primitive},
        {"structure": "crystal", "file": str(notes), "zone": "001"},
    ]
    with pytest.raises(ValueError, match=r"structures\[1\].*cannot be read by ASE"):
        check_structures(crystals, 40.0)


def test_shares_decide():
    structures = [{"structure": "vacuum", "share": 1}, {"structure": "graphene", "share": 0}]
    rng = np.random.default_rng(0)
    assert all(len(build_specimen(rng, structures, 20.0).atoms) == 0 for _ in range(5))


def test_arguments_are_drawn():
    structures = [{"structure": "metal-nanoparticle", "element": {"choice": ["Pt"]}, "radius": 6}]
    specimen = build_specimen(np.random.default_rng(0), structures, 40.0)
    assert set(specimen.atoms.get_chemical_symbols()) == {"Pt"}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_arguments_of_a_builder_are_those_of_the_schema(name):
    arguments = set(inspect.signature(BUILDERS[name]).parameters) - {"rng", "size", "region"}
    assert arguments == set(STRUCTURES[name])
    assert set(BUILDERS) == set(STRUCTURES)


def test_the_kinds_of_a_formula_are_those_of_its_layer():
    for formula in FORMULAS:
        layer = {"structure": "two-dimensional", "formula": formula}
        assert structures.site_kinds([layer]) == set(layer_kinds(formula))


def test_the_kinds_of_sites_follow_from_the_structures():
    layer = {"structure": "two-dimensional"}
    assert site_kinds([{"structure": "graphene"}, {"structure": "vacuum"}]) == set()
    both = site_kinds([layer | {"formula": {"choice": ["MoS2", "WSe2"]}}, {"structure": "vacuum"}])
    assert both == {
        f"{element}{more}" for element in ("Mo", "S", "W", "Se") for more in ("", " vacancy")
    }
    specimen = build_specimen(np.random.default_rng(0), [layer], 20.0)
    assert site_kinds([layer]) == set(specimen.kinds)


@pytest.mark.parametrize(
    ("structures", "materials"),
    [
        ([{"structure": "metal-nanoparticle"}, {"structure": "oxide"}], ("Au",)),
        ([{"structure": "metal-cluster", "element": {"choice": ["Pt", "Au"]}}], ("Au", "Pt")),
        ([{"structure": "graphene"}, {"structure": "vacuum"}], ("graphene",)),
        ([{"structure": "two-dimensional", "formula": {"choice": ["WS2", None]}}], ("WS2",)),
        ([{"structure": "two-dimensional", "formula": {"choice": ["WTe2", "MX2"]}}], ("WTe2",)),
        ([{"structure": "two-dimensional", "file": "my.cif"}], ()),
        ([{"structure": "crystal"}, {"structure": "graphene"}], ()),
    ],
)
def test_materials_whose_sites_are_to_be_found(structures, materials):
    assert site_materials(structures) == materials


def test_roles_take_the_place_of_elements():
    layer = {"structure": "two-dimensional", "roles": True}
    layers = layer | {"formula": {"choice": ["WS2", "MX2"]}, "phase": {"choice": ["2H", "1T'"]}}
    kinds = {"metal", "chalcogen", "metal vacancy", "chalcogen vacancy"}
    assert structures.site_kinds([layers]) == site_kinds([layers]) == kinds
    for seed in range(3):
        assert kinds == set(build_specimen(np.random.default_rng(seed), [layers], 20.0).kinds)


def test_particles_that_their_box_cannot_hold_are_refused():
    particle = {"structure": "metal-nanoparticle", "radius": [5, 9]}
    check_structures([particle], 36.0)
    with pytest.raises(
        ValueError, match=r"structures\[1\] \(metal-nanoparticle\).radius is \[5, 10"
    ):
        check_structures([particle, particle | {"radius": [5, 10]}], 36.0)
    with pytest.raises(ValueError, match="'Fe' is not fcc"):
        check_structures([particle | {"element": {"choice": ["Au", "Fe"]}}], 36.0)
    check_structures([particle | {"element": "Fe", "lattice_constant": 3.6}], 36.0)


def test_lattice_constants_may_be_those_of_the_element_or_given():
    # The largest counts: that of gold is 4.08 Å.
    particle = {"structure": "metal-nanoparticle", "radius": [5, 9]}
    check_structures([particle | {"lattice_constant": {"choice": [None, [3.9, 4.0]]}}], 36.0)
    check_structures([particle | {"lattice_constant": {"log": [3.9, 4.0]}}], 36.0)
    with pytest.raises(ValueError, match="radius is"):
        check_structures([particle | {"lattice_constant": {"choice": [None, 9.0]}}], 36.0)
