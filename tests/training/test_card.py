# SPDX-License-Identifier: GPL-3.0-or-later
from hyperspy_dlatoms.recipes import parse_recipe
from hyperspy_dlatoms.training._callbacks import State
from hyperspy_dlatoms.training._card import card_of


def test_a_card_has_the_sampling_that_its_recipe_leaves_out():
    text = "{name: none, seed: 1, structures: [{structure: vacuum}], imaging: {defocus: 50}}"
    # The domain is fitted to it, after half an hour of images.
    assert card_of(parse_recipe(text), State(), 1).domain["sampling"] == [0.1, 0.1]


def test_a_computer_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    text = "{name: none, seed: 1, structures: [{structure: vacuum}], imaging: {defocus: 50}}"
    assert card_of(parse_recipe(text), State(), 1).commit == ""
