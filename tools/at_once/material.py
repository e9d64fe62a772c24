# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes prepare for `train_at_once.py`: exit waves and their sites, and conditions."""

from collections import deque
from typing import NamedTuple

import numpy as np

from at_once.batch import Kinds, make_kinds
from at_once.camera import MARGIN
from at_once.conditions import Told, is_blended, tell
from at_once.lens import wavelengths
from at_once.targets import Turn
from hyperspy_dlatoms.recipes.recipe import Recipe, parse_recipe
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions
from hyperspy_dlatoms.training import fit
from hyperspy_dlatoms.training.examples import labels_of

CHUNK = 64
"""Batches whose conditions are drawn, and brought to the accelerator, at once."""
SITES = 1536
"""On a wave, at most."""
SURVEY = 4000
"""Conditions drawn to see how many images are of which kind."""


class Some(NamedTuple):
    """Waves and what is in them, stacked; see `batch.Batch`."""

    waves: np.ndarray
    wavelength: np.ndarray
    places: np.ndarray
    labels: np.ndarray
    heights: np.ndarray


class Drawn(NamedTuple):
    """What is drawn for batches; `wave` in [0, 1) chooses among the waves."""

    told: Told
    turn: Turn
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
    wavelength = wavelengths(np.array([item.record["energy"] for item in items]))
    waves = np.stack([item.wave for item in items])
    return Some(waves, wavelength, places, labels.astype(np.int32), heights)


def survey(recipe: Recipe) -> Kinds:
    """See how many images of a recipe are of which kind."""
    rng = np.random.default_rng(recipe.seed)
    drawn = [draw_conditions(rng, recipe.imaging) for _ in range(SURVEY)]
    sampling = fit.network_of(recipe)["sampling"]
    return make_kinds(
        fit.settings_of(recipe)["batch"],
        np.mean([is_blended(one) for one in drawn]),
        np.mean([one.camera.sampling > sampling for one in drawn]),
    )


def draw_chunk(text: str, kinds: Kinds, seed: list[int]) -> Drawn:
    """Draw conditions for the places of batches."""
    recipe, rng = parse_recipe(text), np.random.default_rng(seed)
    settings, sampling = fit.settings_of(recipe), fit.network_of(recipe)["sampling"]
    waiting: dict[tuple[bool, bool], deque] = {}
    chosen = []
    for place in list(range(kinds.size)) * CHUNK:
        kind = (place < kinds.blended, place in kinds.coarse)
        while not waiting.get(kind):
            one = draw_conditions(rng, recipe.imaging)
            drawn = (is_blended(one), one.camera.sampling > sampling)
            waiting.setdefault(drawn, deque(maxlen=8 * kinds.size)).append(one)
        chosen.append(waiting[kind].popleft())
    shape = (CHUNK, kinds.size)
    told = tell(chosen)
    size = round(recipe.waves["size"] / recipe.waves["sampling"])
    sides = np.full(kinds.size, size)
    sides[list(kinds.coarse)] -= MARGIN
    room = (sides - settings["crop"] + 1)[:, np.newaxis]
    return Drawn(
        Told(
            {name: array.reshape(shape) for name, array in told.values.items()},
            told.offsets.reshape(*shape, -1),
            told.weights.reshape(*shape, -1),
        ),
        Turn(
            (rng.random((*shape, 2)) * room).astype(np.int32),
            rng.random((*shape, 2)) < 0.5,
            rng.random(shape) < 0.5,
        ),
        rng.random(shape) < settings["inverted"],
        rng.random(shape).astype(np.float32),
    )
