# SPDX-License-Identifier: GPL-3.0-or-later
"""What is prepared for a training on an accelerator; the training itself needs one."""

import dataclasses

import imaging_at_once as at_once
import material_at_once
import numpy as np
import pytest
import train_at_once
import training_at_once

from hyperspy_dlatoms.simulation.conditions import draw_conditions
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.recipe import read_recipe
from hyperspy_dlatoms.training import fit


@pytest.fixture(scope="module")
def recipe(pytestconfig):
    return read_recipe(pytestconfig.rootpath / "recipes" / "graphene.yaml")


def test_all_waves_but_those_held_out_are_simulated_once(recipe):
    tasks = train_at_once.in_order([recipe, recipe])
    for number in (0, 1):
        trained = [i for n, held_out, task in tasks if n == number and not held_out for i in task]
        held_out = [i for n, held_out, task in tasks if n == number and held_out for i in task]
        first = fit.first_held_out(recipe.waves["count"], fit.settings_of(recipe))
        assert trained == list(range(first - first % train_at_once.TASK))
        assert held_out == list(range(first, first + training_at_once.HELD_OUT))


def test_the_waves_of_the_second_network_come_before_the_last_of_the_first(recipe):
    numbers = [number for number, _, _ in train_at_once.in_order([recipe, recipe])]
    assert numbers[0] == 0
    assert numbers.index(1) < len(numbers) - 1 - numbers[::-1].index(0)


def test_the_same_waves_are_held_out_as_in_any_training(recipe):
    class Waves:
        def __len__(self):
            return recipe.waves["count"]

    held_out = fit.training_examples(Waves(), recipe, validation=True).indices
    assert fit.first_held_out(recipe.waves["count"], fit.settings_of(recipe)) == held_out[0]


def test_conditions_are_of_the_kind_of_their_place(recipe):
    kinds = material_at_once.survey(recipe)
    assert (kinds.size, kinds.blended, len(kinds.coarse)) == (32, 8, 5)
    drawn = material_at_once.draw_chunk(recipe.text, kinds, [1, 2])
    values = drawn.told.values
    coarse = np.isin(np.arange(kinds.size), kinds.coarse)
    assert ((values["sampling"] > recipe.network["sampling"]) == coarse).all()
    assert ((values["ramp"] != 0) == (np.arange(kinds.size) < kinds.blended)).all()
    crop, side = recipe.training["crop"], round(recipe.waves["size"] / recipe.waves["sampling"])
    room = side - crop - at_once.MARGIN * coarse
    assert (drawn.turn.corner >= 0).all()
    assert (drawn.turn.corner <= room[:, None]).all()
    assert drawn.turn.corner[:, ~coarse].max() == side - crop
    assert drawn.negative.mean() == pytest.approx(recipe.training["inverted"], abs=0.05)


def test_conditions_are_spread_as_the_recipe_has_them(recipe):
    kinds = material_at_once.survey(recipe)
    drawn = material_at_once.draw_chunk(recipe.text, kinds, [3])
    rng = np.random.default_rng(0)
    expected = at_once.tell([draw_conditions(rng, recipe.imaging) for _ in range(2000)])
    for name in ("defocus", "coma", "sampling", "blur"):
        quartiles = np.percentile(drawn.told.values[name], [25, 50, 75])
        spread = np.ptp(expected.values[name])
        assert quartiles == pytest.approx(
            np.percentile(expected.values[name], [25, 50, 75]), abs=float(0.06 * spread)
        )


def test_what_is_on_a_wave_is_what_the_network_learns(recipe):
    smaller = dataclasses.replace(recipe, waves=recipe.waves | {"size": 20.0})
    text = recipe.text.replace("size: 60.0", "size: 20.0")
    some = material_at_once.simulate_some(text, range(2))
    item = make_item(smaller, 1)
    assert np.array_equal(some.waves[1], item.wave)
    there = some.labels[1] != 0
    kinds = np.array(["C", "C vacancy"])[some.labels[1, there] - 1]
    assert np.array_equal(kinds, np.array(item.record["kinds"])[item.species])
    assert np.array_equal(some.places[1, there], item.sites[:, :2])
    assert some.wavelength[1] == pytest.approx(at_once.wavelengths([item.record["energy"]])[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imaging": {"images": 3}}, "has focal series"),
        ({"imaging": {"defocus_ramp": [0, 400]}}, "has ramps of the defocus of more than 300 Å"),
        ({"imaging": {"mtf_curve": [[0, 1], [1, 0.3]]}}, "has measured transfer functions"),
        ({"network": {"sampling": 0.1}}, "has waves on another grid"),
        ({"network": {"normalisation_width": 9.0}}, "has another width"),
        ({"training": {"curriculum": {"dose": 3000, "until": 0.3}}}, "has a curriculum"),
        ({"training": {"seed": 3}}, "has a seed of the examples"),
        ({"waves": {"count": 60}}, "has fewer than 64 waves"),
    ],
)
def test_what_cannot_be_made_at_once_is_refused(recipe, changes, message):
    parts = {name: getattr(recipe, name) | part for name, part in changes.items()}
    train_at_once.check(recipe)
    with pytest.raises(ValueError, match=message):
        train_at_once.check(dataclasses.replace(recipe, **parts))
