# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts in `recipes` find each other as they do when one is run."""

import sys
from pathlib import Path

import pytest

from hyperspy_dlatoms.recipes.recipe import read_recipe

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


@pytest.fixture(scope="session")
def recipe(pytestconfig):
    """Give the recipe of the network for graphene."""
    return read_recipe(pytestconfig.rootpath / "recipes" / "graphene.yaml")
