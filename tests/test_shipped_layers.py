# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of layers that come with the package, on three dichalcogenides and h-BN."""

import numpy as np
import pytest

from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer
from hyperspy_dlatoms.simulation.wave import exit_wave
from tests.helpers.focal_series import DEFOCI, SIZE, series_of, shares

NAME = "mx2-focal-series"
ENSEMBLE = f"{NAME}-ensemble"
SEED = 5023


@pytest.fixture(scope="module")
def network():
    return catalogue.load(NAME)


def test_the_card_says_what_it_is(network):
    card = network.card
    assert catalogue.path(NAME).stat().st_size < 4e6
    assert card.classes == ("metal", "chalcogen", "metal vacancy", "chalcogen vacancy")
    assert {"MoS2", "WS2", "MoSe2", "WSe2", "MoTe2", "WTe2"} <= set(card.materials)
    assert network.takes_elements and network.domain is not None


@pytest.mark.parametrize("elements", [("W", "S"), ("Mo", "Se"), ("Mo", "S")])
def test_metal_and_chalcogen_of_a_material_that_it_is_told(network, elements):
    rng = np.random.default_rng(SEED)
    layer = two_dimensional_layer(
        rng,
        size=SIZE,
        formula=f"{elements[0]}{elements[1]}2",
        roles=True,
        single_vacancies=0.04,
        double_vacancies=0.03,
    )
    wave, true, species = exit_wave(rng, layer, 80e3)
    scene = wave, true, np.array(layer.kinds)[species]
    series, sampling = series_of(wave, SEED)
    (sites,) = find_sites(series[None], sampling, network, defoci=DEFOCI, elements=elements)
    for name, least in (("metal", 0.95), ("chalcogen", 0.95), ("chalcogen vacancy", 0.7)):
        precision, recall = shares(network, sites, scene, sampling, name)
        assert min(precision, recall) > least, (name, precision, recall)


def test_members_of_the_ensemble_saw_different_layers():
    members = catalogue.load(ENSEMBLE).members
    assert [member.card.name for member in members] == [NAME, f"{NAME}-random", f"{NAME}-domains"]
    recipes = [parse_recipe(member.card.recipe) for member in members]
    assert len({recipe.training.start for recipe in recipes}) == 3
    assert len({recipe.seed for recipe in recipes}) == 3
    assert all(member.takes_elements and member.domain is not None for member in members)


def test_the_ensemble_is_told_the_material():
    ensemble = catalogue.load(ENSEMBLE)
    rng = np.random.default_rng(SEED + 1)
    layer = two_dimensional_layer(rng, size=SIZE, formula="WS2", roles=True, single_vacancies=0.03)
    wave, true, species = exit_wave(rng, layer, 80e3)
    scene = wave, true, np.array(layer.kinds)[species]
    series, sampling = series_of(wave, SEED + 1)
    (sites,) = find_sites(series[None], sampling, ensemble, defoci=DEFOCI, elements=("W", "S"))
    for name in ("metal", "chalcogen"):
        precision, recall = shares(ensemble, sites, scene, sampling, name)
        assert min(precision, recall) > 0.95, (name, precision, recall)


def test_boron_and_nitrogen():
    network = catalogue.load("bn-focal-series")
    assert network.card.classes == ("B", "N", "B vacancy", "N vacancy")
    assert network.card.materials == ("BN",) and network.domain is not None
    rng = np.random.default_rng(SEED)
    layer = two_dimensional_layer(rng, size=SIZE, formula="BN", metal_vacancies=0.03)
    wave, true, species = exit_wave(rng, layer, 80e3)
    series, sampling = series_of(wave, SEED, dose=3e4)
    (sites,) = find_sites(series[None], sampling, network, defoci=DEFOCI)
    for name in ("B", "N"):
        scene = wave, true, np.array(layer.kinds)[species]
        precision, recall = shares(network, sites, scene, sampling, name)
        assert min(precision, recall) > 0.95, (name, precision, recall)
