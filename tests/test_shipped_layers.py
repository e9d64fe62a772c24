# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of all dichalcogenides that comes with the package, on layers of three of them."""

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_series
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer
from hyperspy_dlatoms.simulation.wave import exit_wave

NAME = "mx2-focal-series"
SEED = 5023
SIZE = 48.0
DEFOCI = (-10.0, 40.0, 90.0)
BORDER = 4.0


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
    names = np.array(layer.kinds)[species]
    lens = Lens(Cs=-8e4, focal_spread=30.0)
    camera = Camera(sampling=0.1, dose=2e4, blur=0.15, mtf=(1.0, 0.03, 0.45, 2.5))
    conditions = Conditions(lens=lens, camera=camera, defoci=DEFOCI, drift=((0.0, 0.0),) * 3)
    series, sampling = take_series(rng, wave, 0.2, 80e3, conditions)
    (sites,) = find_sites(series[None], sampling, network, defoci=DEFOCI, elements=elements)
    for name, least in (("metal", 0.95), ("chalcogen", 0.95), ("chalcogen vacancy", 0.7)):
        precision, recall = shares(network, sites, true, names, sampling, name)
        assert min(precision, recall) > least, (name, precision, recall)


def shares(network, sites, true, names, sampling, name):
    """Precision and recall of one species, away from the edges."""
    found = sites[np.array(network.card.classes)[sites[:, 5].astype(int)] == name, :2] * sampling
    there = true[names == name, :2]
    pairs = match(found, there, 0.7)
    right, seen = np.zeros(len(found), bool), np.zeros(len(there), bool)
    right[pairs[:, 0]] = seen[pairs[:, 1]] = True

    def inner(places):
        return ((places > BORDER) & (places < SIZE - BORDER)).all(axis=1)

    return right[inner(found)].mean(), seen[inner(there)].mean()
