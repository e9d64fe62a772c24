# SPDX-License-Identifier: GPL-3.0-or-later
"""What is prepared for a training on an accelerator; the training itself needs one."""

import dataclasses

import pytest
import train_at_once
from at_once.training import HELD_OUT

from hyperspy_dlatoms.training import fit


def test_all_waves_but_those_held_out_are_simulated_once(recipe):
    tasks = train_at_once.in_order([recipe, recipe])
    for number in (0, 1):
        trained = [i for n, held_out, task in tasks if n == number and not held_out for i in task]
        held_out = [i for n, held_out, task in tasks if n == number and held_out for i in task]
        first = fit.first_held_out(recipe.waves["count"], fit.settings_of(recipe))
        assert trained == list(range(first - first % train_at_once.TASK))
        assert held_out == list(range(first, first + HELD_OUT))


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
