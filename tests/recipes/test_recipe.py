# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from hyperspy_dlatoms.recipes.recipe import parse_recipe, read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
GOOD = "{name: none, seed: 1, structures: [{structure: vacuum}], imaging: {defocus: [0, 50]}}"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_are_valid(path):
    assert read_recipe(path).name == path.stem


def test_defaults_are_filled_in():
    recipe = parse_recipe(GOOD)
    assert recipe.waves["count"] == 100
    assert recipe.text == GOOD


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{name", "[name", "not valid YAML"),
        ("seed: 1, ", "", "lacks 'seed'"),
        ("seed: 1", "seed: 1, colour: 2", "unknown part 'colour'"),
        ("[{structure: vacuum}]", "[]", "at least one structure"),
        ("vacuum", "diamond", "Unknown structure 'diamond'"),
        ("[0, 50]", "[50, 0]", "must rise"),
        ("defocus", "focus", "'focus'"),
        ("seed: 1", "seed: 1, waves: {edge: 3}", "Unknown waves setting 'edge'"),
        ("seed: 1", "seed: one", "invalid literal"),
    ],
)
def test_a_wrong_recipe_is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        parse_recipe(GOOD.replace(old, new))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe"):
        read_recipe(tmp_path / "none.yaml")


def test_images_matter_to_the_data_only_if_they_are_stored():
    recipe = parse_recipe(GOOD)
    other = parse_recipe(GOOD.replace("[0, 50]", "[0, 60]"))
    assert not recipe.makes_same_data(other)
    stored = [
        parse_recipe(text.replace("seed: 1", "seed: 1, images: {per_wave: 0}"))
        for text in (GOOD, GOOD.replace("[0, 50]", "[0, 60]"))
    ]
    assert stored[0].makes_same_data(stored[1])
