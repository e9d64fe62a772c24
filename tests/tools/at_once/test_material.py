# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses

import numpy as np
import pytest
from at_once.camera import MARGIN
from at_once.conditions import tell
from at_once.lens import wavelengths
from at_once.material import draw_chunk, simulate_some, survey

from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions


def test_conditions_are_of_the_kind_of_their_place(recipe):
    kinds = survey(recipe)
    assert (kinds.size, kinds.blended, len(kinds.coarse)) == (32, 8, 5)
    drawn = draw_chunk(recipe.text, kinds, [1, 2])
    values = drawn.told.values
    coarse = np.isin(np.arange(kinds.size), kinds.coarse)
    assert ((values["sampling"] > recipe.network["sampling"]) == coarse).all()
    assert ((values["ramp"] != 0) == (np.arange(kinds.size) < kinds.blended)).all()
    crop, side = recipe.training["crop"], round(recipe.waves["size"] / recipe.waves["sampling"])
    room = side - crop - MARGIN * coarse
    assert (drawn.turn.corner >= 0).all()
    assert (drawn.turn.corner <= room[:, None]).all()
    assert drawn.turn.corner[:, ~coarse].max() == side - crop
    assert drawn.negative.mean() == pytest.approx(recipe.training["inverted"], abs=0.05)


def test_conditions_are_spread_as_the_recipe_has_them(recipe):
    kinds = survey(recipe)
    drawn = draw_chunk(recipe.text, kinds, [3])
    rng = np.random.default_rng(0)
    expected = tell([draw_conditions(rng, recipe.imaging) for _ in range(2000)])
    for name in ("defocus", "coma", "sampling", "blur"):
        quartiles = np.percentile(drawn.told.values[name], [25, 50, 75])
        spread = np.ptp(expected.values[name])
        assert quartiles == pytest.approx(
            np.percentile(expected.values[name], [25, 50, 75]), abs=float(0.06 * spread)
        )


def test_what_is_on_a_wave_is_what_the_network_learns(recipe):
    smaller = dataclasses.replace(recipe, waves=recipe.waves | {"size": 20.0})
    text = recipe.text.replace("size: 60.0", "size: 20.0")
    some = simulate_some(text, range(2))
    item = make_item(smaller, 1)
    assert np.array_equal(some.waves[1], item.wave)
    there = some.labels[1] != 0
    kinds = np.array(["C", "C vacancy"])[some.labels[1, there] - 1]
    assert np.array_equal(kinds, np.array(item.record["kinds"])[item.species])
    assert np.array_equal(some.places[1, there], item.sites[:, :2])
    assert some.wavelength[1] == pytest.approx(wavelengths([item.record["energy"]])[0])
