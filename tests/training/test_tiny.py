# SPDX-License-Identifier: GPL-3.0-or-later
"""From a recipe to atoms by the commands alone, as a user makes a network of their own."""

import csv

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.recipes import read_recipe
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image

BORDER, TOLERANCE = 3.0, 0.7


@pytest.mark.slow
def test_a_recipe_becomes_a_network_that_finds_atoms(pytestconfig, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = pytestconfig.rootpath / "recipes" / "tiny.yaml"

    def dlatoms(*arguments):
        assert cli.main([str(one) for one in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    dlatoms("simulate", path, "-o", "data/tiny")
    assert "dlatoms calibrate runs/tiny/tiny.safetensors" in dlatoms("train", path)
    model = "tiny.safetensors"
    dlatoms(
        *("calibrate", "runs/tiny/tiny.safetensors", "-o", model),
        *("--images", 2, "--keep-domain"),
    )
    card, _ = read_model(model)
    assert card.scores["F1 at 10000 e/Å²"] > 0.9
    assert card.scores["false atoms on vacuum and amorphous carbon (nm⁻²)"] <= 0.002

    # A specimen that is none of the data set.
    recipe, rng = read_recipe(path), np.random.default_rng(0)
    items = (make_item(recipe, recipe.waves.count + n) for n in range(20))
    item = next(item for item in items if len(item.sites) > 20)
    conditions = draw_conditions(rng, recipe.imaging | {"dose": 1e4})
    image, pixel = take_image(
        rng, item.wave, recipe.waves.sampling, item.record["energy"], conditions
    )
    signal = hs.signals.Signal2D(image)
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = pixel, "Å"
    signal.save("image.hspy")
    dlatoms("find", "image.hspy", "--model", model, "-o", "atoms.csv")

    with open("atoms.csv") as file:
        found = np.array([[float(row["y"]), float(row["x"])] for row in csv.DictReader(file)])
    true = item.sites[:, :2]
    pairs = match(found, true, TOLERANCE)
    inner = [((p > BORDER) & (p < recipe.waves.size - BORDER)).all(axis=1) for p in (found, true)]
    right = np.count_nonzero(inner[1][pairs[:, 1]])
    false = np.count_nonzero(np.delete(inner[0], pairs[:, 0]))
    assert 2 * right / (right + false + np.count_nonzero(inner[1])) > 0.95
