# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of crystals that comes with the package, on a cell that no recipe can draw."""

import numpy as np
import pytest
from ase.spacegroup import crystal as crystal_of

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.specimens.crystal import crystal
from hyperspy_dlatoms.simulation.wave import exit_wave

NAME = "crystal"
BORDER = 3.0


@pytest.fixture(scope="module")
def cobalt_tin(tmp_path_factory):
    """CoSn: a kagome lattice of cobalt, which is among no structure types of the recipe."""
    places = [(0.5, 0, 0), (0, 0, 0), (1 / 3, 2 / 3, 0.5)]
    cell = crystal_of(
        ["Co", "Sn", "Sn"], places, spacegroup=191, cellpar=[5.28, 5.28, 4.26, 90, 90, 120]
    )
    path = tmp_path_factory.mktemp("cell") / "CoSn.cif"
    cell.write(path)
    return str(path)


def test_the_card_says_what_it_is():
    card = catalogue.load(NAME).card
    assert catalogue.path(NAME).stat().st_size < 4e6
    assert (card.classes, card.materials, card.modality) == (("column",), (), "HRTEM")


@pytest.mark.parametrize("defocus", [-60.0, 50.0])
def test_columns_of_a_structure_that_it_never_saw(cobalt_tin, defocus):
    right, found, true = _counts(cobalt_tin, defocus, NAME)
    assert true > 50
    assert 2 * right / (found + true) > 0.9


def test_what_two_networks_of_any_crystal_find_is_right(cobalt_tin):
    pair = [NAME, "crystal-random"]
    # The second saw random cells alone.
    assert "zone" not in catalogue.load(pair[1]).card.recipe
    right, found, true = _counts(cobalt_tin, 50.0, pair, minimum_agreement=1)
    assert right > 0.97 * found
    assert right > 0.85 * true


def test_members_of_the_ensemble_saw_different_crystals():
    members = catalogue.load("crystal-ensemble").members
    cells, starts = zip(*(_trained_on(member) for member in members), strict=True)
    assert cells == ({"random", "any type"}, {"random"}, {"any type"})
    assert len(set(starts)) == 3


def _trained_on(member):
    """Return which cells of crystals the recipe of a network draws, and from what it starts."""
    recipe = parse_recipe(member.card.recipe)
    crystals = [one for one in recipe.structures if one["structure"] == "crystal"]
    kinds = {"random" if one.get("cell") == "random" else "any type" for one in crystals}
    return kinds, recipe.training.start


def _counts(cobalt_tin, defocus, model, **options):
    """Return how many columns are right, found and there in an image of a wedge."""
    rng = np.random.default_rng(7)
    specimen = crystal(
        rng, file=cobalt_tin, size=44.0, zone="001", shape="wedge", thickness=40, tilt_max=0.5
    )
    wave, sites, species = exit_wave(rng, specimen, 300e3)
    lens = Lens(defocus=defocus, Cs=-1e5 * np.sign(defocus), focal_spread=25.0)
    conditions = Conditions(lens=lens, camera=Camera(sampling=0.1, dose=1e4, blur=0.15))
    counts, sampling = take_image(rng, wave, 0.2, 300e3, conditions)
    found = find_sites(counts[None], sampling, catalogue.load(model), **options)[0]
    inner = [
        one[((one > BORDER) & (one < 44.0 - BORDER)).all(axis=1)]
        for one in (found[:, :2] * sampling, sites[species == 0, :2])
    ]
    return len(match(*inner, 0.5)), len(inner[0]), len(inner[1])
