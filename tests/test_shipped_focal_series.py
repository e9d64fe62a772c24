# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of focal series that comes with the package, on a sheet that no recipe can draw."""

import warnings

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer
from hyperspy_dlatoms.simulation.wave import exit_wave
from tests.helpers.focal_series import DEFOCI, SIZE, series_of, shares

NAME = "mos2-focal-series"
SEED = 5021


@pytest.fixture(scope="module")
def network():
    return catalogue.load(NAME)


@pytest.fixture(scope="module")
def ensemble():
    return catalogue.load(f"{NAME}-ensemble")


@pytest.fixture(scope="module")
def scene():
    """Exit wave, places (Å), names and heights of the sites."""
    rng = np.random.default_rng(SEED)
    layer = two_dimensional_layer(
        rng, size=SIZE, metal_vacancies=0.03, single_vacancies=0.06, double_vacancies=0.04
    )
    wave, sites, species = exit_wave(rng, layer, 80e3)
    return wave, sites, np.array(layer.kinds)[species]


def sites_of(network, series, sampling, **more):
    with warnings.catch_warnings(action="error"):
        (sites,) = find_sites(series[None], sampling, network, **more)
    return sites


def test_the_card_says_what_it_is(network):
    card = network.card
    assert catalogue.path(NAME).stat().st_size < 4e6
    assert card.classes == ("Mo", "S", "Mo vacancy", "S vacancy")
    assert card.arguments["images"] == 3
    assert card.recipe.startswith(f"name: {NAME}\n")
    assert {"sampling", "dose", "energy", "defocus", "defocus_step"} <= card.domain.keys()
    for species in ("S vacancy", "Mo vacancy"):
        rates = card.scores["species"][species]["10000"]
        assert rates["recall"] > rates["false_per_site"]


@pytest.mark.parametrize("defoci", [None, DEFOCI])
def test_atoms_and_vacancies_are_found(network, scene, defoci):
    series, sampling = series_of(scene[0], SEED)
    sites = sites_of(network, series, sampling, defoci=defoci)
    for name in ("Mo", "S"):
        assert min(shares(network, sites, scene, sampling, name)) > 0.95
    for name in ("Mo vacancy", "S vacancy"):
        assert min(shares(network, sites, scene, sampling, name)) > 0.7


def test_single_and_double_vacancies_differ_in_height(network, scene):
    series, sampling = series_of(scene[0], SEED)
    sites = sites_of(network, series, sampling)
    height = column_names(network.card).index("height")
    _, true, names = scene
    pairs = match(sites[:, :2] * sampling, true[:, :2], 0.7)
    told = {
        (name, n): sites[
            pairs[(names[pairs[:, 1]] == name) & (true[pairs[:, 1], 2] == n), 0], height
        ]
        for name, n in (("S", 2), ("S vacancy", 1), ("S vacancy", 0))
    }
    means = [float(np.mean(heights)) for heights in told.values()]
    assert means == pytest.approx([2, 1, 0], abs=0.35)


def test_members_of_the_ensemble_find_atoms_and_vacancies(ensemble, scene):
    series, sampling = series_of(scene[0], SEED)
    for member in ensemble.members:
        sites = sites_of(member, series, sampling)
        for name in ("Mo", "S"):
            assert min(shares(member, sites, scene, sampling, name)) > 0.95
        for name in ("Mo vacancy", "S vacancy"):
            assert min(shares(member, sites, scene, sampling, name)) > 0.6


def test_what_all_members_find_is_right(ensemble, scene):
    series, sampling = series_of(scene[0], SEED)
    sites = sites_of(ensemble, series, sampling, minimum_agreement=1)
    for name in ("Mo", "S", "Mo vacancy", "S vacancy"):
        precision, recall = shares(ensemble, sites, scene, sampling, name)
        assert precision > 0.9
        assert recall > 0.6


def test_members_were_trained_by_different_rules(ensemble):
    recipes = [parse_recipe(member.card.recipe) for member in ensemble.members]
    assert len({str(recipe.structures) for recipe in recipes}) == 3
    rules = {(str(recipe.waves), recipe.imaging.get("noise_transfer", 0)) for recipe in recipes}
    assert len(rules) == 3
    files = [catalogue.path(member.card.name) for member in ensemble.members]
    assert sum(file.stat().st_size for file in files) < 8e6


def test_nothing_is_found_in_a_vacuum(ensemble, scene):
    series, sampling = series_of(np.ones_like(scene[0]), SEED)
    for network in (*ensemble.members, ensemble):
        assert len(sites_of(network, series, sampling)) == 0
