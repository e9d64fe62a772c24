# SPDX-License-Identifier: GPL-3.0-or-later
"""Input for batches made on an accelerator: waves, and conditions drawn in advance."""

from collections import deque

import numpy as np

from hyperspy_dlatoms.networks.waves import band_limited
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.dataset import Item
from hyperspy_dlatoms.simulation.imaging import conditions
from hyperspy_dlatoms.simulation.imaging.lens import wavelength
from hyperspy_dlatoms.training._batches import Drawn, Plan, Turn, Waves
from hyperspy_dlatoms.training.examples import difficulty, given_defoci, labels_of, material_of

CHUNK = 32  # Batches whose conditions are drawn and sent to the accelerator together.
_SURVEY = 4000  # Conditions drawn to learn the share of each kind of image, to within 0.01.
_DENSEST = 0.43  # Room for sites per Å²: graphene has 0.38, a few more at its edges.


def plan_of(recipe: Recipe) -> Plan:
    """Plan the batches of a recipe, with slots for each kind of image as often as it is drawn."""
    network, settings, imaging = recipe.network, recipe.training, recipe.imaging
    rng, batch = np.random.default_rng(recipe.seed), settings.batch
    drawn = [conditions.draw_conditions(rng, imaging) for _ in range(_SURVEY)]
    coarse = np.mean([one.camera.sampling > network.sampling for one in drawn])
    number = round(batch * coarse)
    spread = (np.arange(number) + 0.5) * batch / max(number, 1)
    coarsest = max(bounds(imaging.get("sampling", 0.1))[1], network.sampling)
    return Plan(
        batch=batch,
        blended=round(batch * np.mean([one.is_blended for one in drawn])),
        coarse=tuple(int(place) for place in spread),
        images=recipe.frame_images,
        size=round(recipe.waves.size / recipe.waves.sampling),
        wave_sampling=recipe.waves.sampling,
        sampling=network.sampling,
        coarsest=coarsest,
        width=network.normalisation_width,
        radius=network.radius,
        crop=settings.crop,
        heights=network.heights,
        wave=network.wave,
        scintillators=bool(bounds(imaging.get("noise_transfer", 0))[1]),
        curve=tuple((float(q), float(t)) for q, t in imaging.get("mtf_curve", ())),
    )


def most_sites(recipe: Recipe) -> int:
    """Return how many sites each wave has room for."""
    return max(round(_DENSEST * recipe.waves.size**2), 1)


def waves_of(item: Item, recipe: Recipe) -> Waves:
    """Return one wave with what a network should learn from it, without a leading axis."""
    network, room = recipe.network, most_sites(recipe)
    if len(item.sites) > room:
        raise ValueError(
            f"A wave of {recipe.waves.size:g} Å has {len(item.sites)} sites; in batches made on "
            f"an accelerator at most {room} fit: train without --on-device."
        )
    missing = (0, room - len(item.sites))
    labels = labels_of(item, network.classes, network.decoys)
    truth = np.zeros((0, 0), np.complex64)
    if network.wave:
        truth = band_limited(item.wave, network.sampling)
    return Waves(
        item.wave,
        np.float32(wavelength(item.record["energy"])),
        np.pad(item.sites[:, :2], [missing, (0, 0)]).astype(np.float32),
        np.pad(labels, missing).astype(np.int32),
        np.pad(item.sites[:, 2], missing).astype(np.float32),
        truth,
        material_of(item, network.wave) if network.material else np.zeros(0, np.float32),
    )


def draw_chunk(recipe: Recipe, plan: Plan, seed: list[int], progress: float) -> Drawn:
    """Draw the conditions of a chunk of batches, each array of shape (CHUNK, batch, ...)."""
    rng = np.random.default_rng(seed)
    settings, sampling = recipe.training, plan.sampling
    harder = difficulty(settings.curriculum, progress)
    waiting: dict[tuple[bool, bool], deque] = {}
    chosen = []
    for place in list(range(plan.batch)) * CHUNK:
        kind = (place < plan.blended, place in plan.coarse)
        while not waiting.get(kind):
            one = conditions.draw_conditions(rng, recipe.imaging, **harder)
            drawn = (one.is_blended, one.camera.sampling > sampling)
            # While a rare kind is being drawn, images of the others wait, but not many.
            waiting.setdefault(drawn, deque(maxlen=8 * plan.batch)).append(one)
        chosen.append(waiting[kind].popleft())
    shape = (CHUNK, plan.batch)
    many = conditions.most_defoci(recipe.imaging)
    arrays = conditions.stack_arrays([conditions.as_arrays(one, many) for one in chosen])
    given = [given_defoci(rng, one.defoci, plan.images, settings.known_defoci) for one in chosen]

    def split(array: np.ndarray) -> np.ndarray:
        return array.reshape(*shape, *array.shape[1:])

    return Drawn(
        arrays.each(split),
        Turn(
            (rng.random((*shape, 2)) * plan.room()[:, np.newaxis]).astype(np.int32),
            rng.random((*shape, 2)) < 0.5,
            rng.random(shape) < 0.5,
        ),
        rng.random(shape) < settings.inverted,
        split(np.array(given)),
        rng.random(shape).astype(np.float32),
        (rng.random((*shape, 1)) < settings.known_material).astype(np.float32),
    )
