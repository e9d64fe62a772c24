# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of scanned images that comes with the package, on HyperSpy's own example."""

import hyperspy.api as hs
import pytest

from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry import catalogue

NAME = "stem"


@pytest.fixture(scope="module")
def image():
    return hs.data.atomic_resolution_image()


def test_the_card_says_what_it_is():
    card = catalogue.load(NAME).card
    assert catalogue.path(NAME).stat().st_size < 4e6
    assert (card.classes, card.modality) == (("column",), "STEM")


def test_every_column_of_the_example_is_found(image):
    atoms = image.find_atoms_nn(NAME)
    # Gaussians of 0.5 Å on a square lattice of 1.95 Å, without noise, so nearly sinusoidal: hollows
    # look like dark columns.
    assert len(atoms.data[0]) == pytest.approx(1521, abs=10)


def test_scanned_images_are_read_by_it(image):
    table = image.suggest_model()
    assert table.index[0] == NAME
    # Nothing else says so: run tools/modality.py after a new calibration of stem or crystal.
    assert table.likely[NAME] > 0.5 > table.likely["crystal"]
    assert all(catalogue.load(name).domain.scanned is not None for name in (NAME, "crystal"))


def test_members_of_the_ensemble_saw_different_crystals(image):
    members = catalogue.load("stem-ensemble").members
    recipes = [parse_recipe(member.card.recipe) for member in members]
    cells = [
        {one.get("cell") == "random" for one in recipe.structures if one["structure"] == "crystal"}
        for recipe in recipes
    ]
    assert cells == [{True, False}, {True}, {False}]
    assert len({recipe.training.start for recipe in recipes}) == 3
    atoms = image.find_atoms_nn("stem-ensemble", minimum_agreement=1)
    assert len(atoms.data[0]) == pytest.approx(1521, abs=30)
