# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes prepare for `train_at_once.py`: exit waves and their sites, and conditions."""

from collections import deque
from typing import NamedTuple

import imaging_at_once as at_once
import numpy as np

from hyperspy_dlatoms.simulation.conditions import draw_conditions
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.recipe import Recipe, parse_recipe
from hyperspy_dlatoms.training import fit
from hyperspy_dlatoms.training.examples import labels_of

CHUNK = 64
"""Batches whose conditions are drawn, and brought to the accelerator, at once."""
SITES = 1536
"""On a wave, at most."""
SURVEY = 4000
"""Conditions drawn to see how many images are of which kind."""


class Some(NamedTuple):
    """Waves and what is in them, stacked; see `imaging_at_once.Batch`."""

    waves: np.ndarray
    wavelength: np.ndarray
    places: np.ndarray
    labels: np.ndarray
    heights: np.ndarray


class Drawn(NamedTuple):
    """What is drawn for batches; `wave` in [0, 1) chooses among the waves."""

    told: at_once.Told
    turn: at_once.Turn
    negative: np.ndarray
    wave: np.ndarray


def simulate_some(text: str, indices: range) -> Some:
    """Simulate waves, and say what a network is to learn of them."""
    recipe = parse_recipe(text)
    network = fit.network_of(recipe)
    items = [make_item(recipe, index) for index in indices]
    places, labels = np.zeros((len(items), SITES, 2), np.float32), np.zeros((len(items), SITES))
    heights = np.zeros((len(items), SITES), np.float32)
    for number, item in enumerate(items):
        some = slice(len(item.sites))
        places[number, some], heights[number, some] = item.sites[:, :2], item.sites[:, 2]
        labels[number, some] = labels_of(item, network["classes"], network["decoys"])
    wavelength = at_once.wavelengths(np.array([item.record["energy"] for item in items]))
    waves = np.stack([item.wave for item in items])
    return Some(waves, wavelength, places, labels.astype(np.int32), heights)


def survey(recipe: Recipe) -> at_once.Kinds:
    """See how many images of a recipe are of which kind."""
    rng = np.random.default_rng(recipe.seed)
    drawn = [draw_conditions(rng, recipe.imaging) for _ in range(SURVEY)]
    sampling = fit.network_of(recipe)["sampling"]
    return at_once.make_kinds(
        fit.settings_of(recipe)["batch"],
        np.mean([at_once.is_blended(one) for one in drawn]),
        np.mean([one.camera.sampling > sampling for one in drawn]),
    )


def draw_chunk(text: str, kinds: at_once.Kinds, seed: list[int]) -> Drawn:
    """Draw conditions for the places of batches."""
    recipe, rng = parse_recipe(text), np.random.default_rng(seed)
    settings, sampling = fit.settings_of(recipe), fit.network_of(recipe)["sampling"]
    waiting: dict[tuple[bool, bool], deque] = {}
    chosen = []
    for place in list(range(kinds.size)) * CHUNK:
        kind = (place < kinds.blended, place in kinds.coarse)
        while not waiting.get(kind):
            one = draw_conditions(rng, recipe.imaging)
            drawn = (at_once.is_blended(one), one.camera.sampling > sampling)
            waiting.setdefault(drawn, deque(maxlen=8 * kinds.size)).append(one)
        chosen.append(waiting[kind].popleft())
    shape = (CHUNK, kinds.size)
    told = at_once.tell(chosen)
    size = round(recipe.waves["size"] / recipe.waves["sampling"])
    sides = np.full(kinds.size, size)
    sides[list(kinds.coarse)] -= at_once.MARGIN
    room = (sides - settings["crop"] + 1)[:, np.newaxis]
    return Drawn(
        at_once.Told(
            {name: array.reshape(shape) for name, array in told.values.items()},
            told.offsets.reshape(*shape, -1),
            told.weights.reshape(*shape, -1),
        ),
        at_once.Turn(
            (rng.random((*shape, 2)) * room).astype(np.int32),
            rng.random((*shape, 2)) < 0.5,
            rng.random(shape) < 0.5,
        ),
        rng.random(shape) < settings["inverted"],
        rng.random(shape).astype(np.float32),
    )
