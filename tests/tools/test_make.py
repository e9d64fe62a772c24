# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.recipes import read_recipe
from hyperspy_dlatoms.training.calibrate import waves_to_calibrate
from tools import make

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("graphene", ["train", "calibrate", "evaluate"]),
        ("stem", ["train", "calibrate"]),
        ("mos2-exit-wave", ["train"]),
    ],
)
def test_each_step_is_one_that_the_network_can_take(name, commands, tmp_path):
    path = RECIPES / f"{name}.yaml"
    recipe = read_recipe(path)
    steps = make.steps(recipe, path, tmp_path, 1.0)
    assert [command[3] for command in steps.values()] == commands
    assert tmp_path / f"{name}.safetensors" in steps
    for result, (_, _, _, *words) in steps.items():
        output = cli.make_parser().parse_args([str(word) for word in words]).output
        assert output in (result, result.parent)
    if "calibrate" in commands:
        assert waves_to_calibrate(recipe)
    else:
        with pytest.raises(ValueError, match="nothing to calibrate"):
            waves_to_calibrate(recipe)
