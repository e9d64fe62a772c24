# SPDX-License-Identifier: GPL-3.0-or-later
"""Train networks on an accelerator: some hundred times the examples of `dlatoms train` a second.

The processor simulates exit waves all the while, in the order in which they are needed, and draws
conditions; JAX makes the images (`imaging_at_once`) and takes the steps. It needs JAX and optax::

    KERAS_BACKEND=jax python recipes/train_at_once.py work \\
        recipes/graphene.yaml=200 recipes/metal-nanoparticle.yaml=200

trains each by its recipe, but for so many seconds at most, and writes ``work/NAME.safetensors``, to
be finished by `calibrate.py`. Waves are drawn from those that there are yet. Called again it goes
on with what is not finished.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import time
from collections import deque
from functools import cache
from pathlib import Path
from typing import NamedTuple

import imaging_at_once as at_once
import numpy as np
from make import is_made

from hyperspy_dlatoms.drafts import draft_of
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import policy
from hyperspy_dlatoms.simulation.conditions import draw_conditions, images_of
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.draws import bounds
from hyperspy_dlatoms.simulation.recipe import Recipe, parse_recipe, read_recipe
from hyperspy_dlatoms.training import fit
from hyperspy_dlatoms.training.examples import labels_of
from hyperspy_dlatoms.training.schedule import learning_rate, progress

CHUNK = 64
"""Batches whose conditions are drawn, and brought to the accelerator, at once."""
TASK = 8
"""Waves that are simulated, and brought there, at once."""
FIRST = 0.6
"""Share of the waves of a network that are simulated before any of the next one."""
FEWEST = 8
"""Tasks that have to be there before a training begins."""
HELD_OUT, VALIDATION = 64, 8
"""Waves, and batches, that the loss is validated with."""
SITES = 1536
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


def main() -> None:
    """Train one network after the other, while others' waves are simulated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="of the checkpoints")
    parser.add_argument("recipes", nargs="+", help="RECIPE=SECONDS")
    parser.add_argument("--output", type=Path, help="of the model files (the directory)")
    options = parser.parse_args()
    output = options.output or options.directory
    for folder in (options.directory, output):
        folder.mkdir(parents=True, exist_ok=True)
    asked = [text.rsplit("=", 1) for text in options.recipes]
    recipes = [read_recipe(path) for path, _ in asked]
    seconds = {recipe.name: float(text) for recipe, (_, text) in zip(recipes, asked, strict=True)}
    recipes = [recipe for recipe in recipes if not is_made(path_of(recipe, output), recipe)]
    for recipe in recipes:
        check(recipe)
    # Of the processes, each of which has a core to itself.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    context = multiprocessing.get_context("spawn")
    cores = concurrent.futures.ProcessPoolExecutor(max((os.cpu_count() or 1) - 3, 1), context)
    drawers = concurrent.futures.ProcessPoolExecutor(2, context)
    try:
        pending = {
            cores.submit(simulate_some, recipes[number].text, task): (number, held_out)
            for number, held_out, task in in_order(recipes)
        }
        trainings = [Training(recipe, options.directory) for recipe in recipes]
        steps = compiled(trainings)
        for training, step in zip(trainings, steps, strict=True):
            chunks = Chunks(drawers, training.recipe.text, training.kinds)
            training.run(
                step, seconds[training.recipe.name], lambda: collect(pending, trainings), chunks
            )
            training.write(path_of(training.recipe, output))
    finally:
        for pool in (cores, drawers):
            pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def path_of(recipe: Recipe, output: Path) -> Path:
    """Give the path of a network's model file."""
    return output / f"{recipe.name}.safetensors"


def check(recipe: Recipe) -> None:
    """Refuse what cannot be made at once."""
    network, settings = fit.network_of(recipe), fit.settings_of(recipe)
    first = first_held_out(recipe)
    for wrong, what in (
        (images_of(recipe.imaging) > 1 or network["wave"], "focal series and exit waves"),
        ("mtf_curve" in recipe.imaging, "measured transfer functions"),
        (settings["curriculum"] is not None, "a curriculum"),
        (settings["seed"] is not None, "a seed of the examples"),
        (network["sampling"] != recipe.waves["sampling"], "waves on another grid"),
        (network["normalisation_width"] != at_once.WIDTH, "another width of the normalisation"),
        (first < FEWEST * TASK, f"fewer than {FEWEST * TASK} waves to train on"),
        (recipe.waves["count"] - first < TASK, f"fewer than {TASK} waves held out"),
    ):
        if wrong:
            raise ValueError(
                f"The recipe {recipe.name!r} has {what}, which are not made at once: train it by "
                "`dlatoms train`, or change it."
            )


def in_order(recipes: list[Recipe]) -> list[tuple[int, bool, range]]:
    """Give tasks (number of the recipe, whether held out, indices) in the order they are needed."""
    now, later = [], []
    for number, recipe in enumerate(recipes):
        count = recipe.waves["count"]
        first = first_held_out(recipe)
        soon = TASK * round(FIRST * first / TASK)
        for held_out, begin, end, tasks in (
            (True, first, min(first + HELD_OUT, count), now),
            (False, 0, soon, now),
            (False, soon, first, later),
        ):
            tasks += [
                (number, held_out, range(index, index + TASK))
                for index in range(begin, end - TASK + 1, TASK)
            ]
    return now + later


def first_held_out(recipe: Recipe) -> int:
    """Give the first wave that is held out, as `fit.training_examples` has it."""
    count, share = recipe.waves["count"], fit.settings_of(recipe)["validation_share"]
    return count - max(1, round(share * count))


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
    sampling = recipe.network["sampling"]
    return at_once.make_kinds(
        fit.settings_of(recipe)["batch"],
        np.mean([at_once.is_blended(one) for one in drawn]),
        np.mean([one.camera.sampling > sampling for one in drawn]),
    )


def draw_chunk(text: str, kinds: at_once.Kinds, seed: list[int]) -> Drawn:
    """Draw conditions for the places of batches."""
    recipe, rng = parse_recipe(text), np.random.default_rng(seed)
    settings, sampling = fit.settings_of(recipe), recipe.network["sampling"]
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


class Chunks:
    """Chunks of conditions, drawn ahead by processes."""

    def __init__(self, drawers, text: str, kinds: at_once.Kinds):
        self.drawers, self.text, self.kinds = drawers, text, kinds
        self.number, self.ahead = 0, deque()

    def take(self) -> Drawn:
        """Give the next chunk."""
        while len(self.ahead) < 8:
            self.number += 1
            seed = [parse_recipe(self.text).seed, self.number]
            self.ahead.append(self.drawers.submit(draw_chunk, self.text, self.kinds, seed))
        return self.ahead.popleft().result()


class Pool:
    """Waves on the accelerator."""

    def __init__(self, count: int, size: int):
        import jax.numpy as jnp

        self.there = 0
        self.some = Some(
            jnp.zeros((count, size, size), jnp.complex64),
            jnp.full(count, 0.02, jnp.float32),
            jnp.zeros((count, SITES, 2), jnp.float32),
            jnp.zeros((count, SITES), jnp.int32),
            jnp.zeros((count, SITES), jnp.float32),
        )

    def add(self, some: Some) -> None:
        """Bring waves there."""
        self.some = putting()(self.some, some, self.there)
        self.there += len(some.waves)


@cache
def putting():
    """Give what puts waves into a pool, compiled."""
    import jax

    def put(pool, some, start):
        return jax.tree.map(
            lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, start, 0), pool, some
        )

    return jax.jit(put, donate_argnums=0)


def collect(pending, trainings) -> None:
    """Bring the waves that were simulated since to the accelerator."""
    for future in [future for future in pending if future.done()]:
        number, held_out = pending.pop(future)
        training = trainings[number]
        (training.held_out if held_out else training.pool).add(future.result())


class Training:
    """The training of one network."""

    def __init__(self, recipe: Recipe, directory: Path):
        import jax
        import optax

        self.recipe, self.network = recipe, fit.network_of(recipe)
        self.settings = fit.settings_of(recipe)
        self.kinds = survey(recipe)
        size = round(recipe.waves["size"] / recipe.waves["sampling"])
        self.pool, self.held_out = Pool(first_held_out(recipe), size), Pool(HELD_OUT, size)
        coarsest = bounds(recipe.imaging["sampling"])[1]
        self.grid = at_once.make_grid(size, recipe.waves["sampling"], coarsest)
        with policy(self.settings["precision"]):
            arguments = fit.arguments_of(recipe, self.network)
            self.model = architecture.build(arguments, len(self.network["classes"]))
        shared = [self.settings[name] for name in ("batch", "crop", "precision", "weight_decay")]
        self.signature = json.dumps([arguments, self.network["classes"], shared], sort_keys=True)
        if self.settings["start"] is not None:
            fit.start_from(self.model, self.settings["start"], len(self.network["dilations"]))
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.scale_by_adam(eps=1e-7),
            optax.add_decayed_weights(self.settings["weight_decay"]),
        )
        # Copies, since what a step is given is freed.
        weights = [jax.numpy.array(v.value, copy=True) for v in self.model.trainable_variables]
        others = [jax.numpy.array(v.value, copy=True) for v in self.model.non_trainable_variables]
        averages = [jax.numpy.array(v.value, copy=True) for v in self.model.trainable_variables]
        self.carry = (weights, others, self.optimizer.init(weights), averages)
        self.state = {"step": 0, "minutes": 0.0, "best": float("nan")}
        self.checkpoint = directory / f"{recipe.name}.checkpoint.safetensors"

    def run(self, step, seconds: float, collect, chunks: Chunks) -> None:
        """Train for so many seconds, those before a break counted in."""
        import jax

        self._resume()
        # Other draws than before the break.
        chunks.number = self.state["step"]
        step, make = step.result(), self._maker()
        while self.pool.there < FEWEST * TASK or not self.held_out.there:
            collect()
            time.sleep(0.1)
        key = jax.random.fold_in(jax.random.key(self.recipe.seed), self.state["step"])
        validation = self._validation(make, chunks, key)
        begun, before = time.monotonic(), 60 * self.state["minutes"]
        done, losses, number = self._share(seconds), [], 0
        while done < 1:
            if number % CHUNK == 0:
                collect()
                chunk = jax.device_put(chunks.take())
            key, now = jax.random.split(key)
            frames, targets = make(self.pool.some, self.pool.there, chunk, number % CHUNK, now)
            taken = self.state["step"]
            rate = learning_rate(taken, done, self.settings["learning_rate"])
            momentum = min(self.settings["averaging"], (1 + taken) / (10 + taken))
            self.carry, loss = step(self.carry, frames, targets, rate, momentum)
            losses.append(loss)
            number += 1
            self.state["step"] += 1
            if number % 8 == 0:
                # Not too far ahead of the accelerator, or the clock would be wrong.
                losses[-4].block_until_ready()
                self.state["minutes"] = (before + time.monotonic() - begun) / 60
            done = self._share(seconds)
            if number % self.settings["steps_per_epoch"] == 0:
                self._report(validation, losses)
                losses = []
                self._save()
        if losses:
            self._report(validation, losses)

    def _share(self, seconds: float) -> float:
        """Tell how much of the training is done."""
        return progress(
            self.state["step"], self.state["minutes"], self.settings["steps"], seconds / 60
        )

    def _maker(self):
        """Give the compiled function that makes frames and targets."""
        import jax
        import jax.numpy as jnp

        network = self.network
        scintillator = bool(self.recipe.imaging.get("noise_transfer", 0))

        def make(some, there, chunk, number, key):
            drawn = jax.tree.map(lambda array: array[number], chunk)
            index = jnp.minimum((drawn.wave * there).astype(int), there - 1)
            chosen = [array[index] for array in some]
            keys = iter(jax.random.split(key, 16))
            noise = at_once.Noise(
                lambda shape: jax.random.uniform(next(keys), shape),
                lambda shape: jax.random.normal(next(keys), shape),
            )
            with jax.default_matmul_precision("highest"):
                frames, targets = at_once.make_batch(
                    jnp,
                    noise,
                    at_once.Batch(*chosen, drawn.told, drawn.turn, drawn.negative),
                    self.kinds,
                    self.grid,
                    crop=self.settings["crop"],
                    stride=architecture.STRIDE,
                    radius=network["radius"] / network["sampling"],
                    scintillator=scintillator,
                )
            return frames, targets if network["heights"] else targets[..., :3]

        return jax.jit(make)

    def _validation(self, make, chunks, key):
        """Give batches of held-out waves."""
        import jax

        chunk = jax.device_put(chunks.take())
        keys = jax.random.split(jax.random.fold_in(key, 1), VALIDATION)
        some, there = self.held_out.some, self.held_out.there
        return [make(some, there, chunk, number, keys[number]) for number in range(VALIDATION)]

    def _report(self, validation, losses) -> None:
        """Validate the averaged weights."""
        import jax

        from hyperspy_dlatoms.training.losses import site_loss

        def loss_of(weights, others, frames, targets):
            maps, _ = self.model.stateless_call(weights, others, frames, training=False)
            return site_loss(targets, maps)

        if not hasattr(self, "validate"):
            self.validate = jax.jit(loss_of)
        _, others, _, averages = self.carry
        loss = float(np.mean([self.validate(averages, others, *batch) for batch in validation]))
        self.state["best"] = loss
        print(
            f"{self.recipe.name}: step {self.state['step']}, {60 * self.state['minutes']:.0f} s, "
            f"{self.pool.there} waves, loss {np.mean([float(x) for x in losses]):.4f}, "
            f"held out {loss:.4f}",
            flush=True,
        )

    def _save(self) -> None:
        import jax
        from safetensors.numpy import save_file

        leaves = jax.tree.leaves(self.carry)
        arrays = {f"{i:05d}": np.array(leaf) for i, leaf in enumerate(leaves)}
        with draft_of(self.checkpoint) as draft:
            save_file(arrays, draft, {"state": json.dumps(self.state), "recipe": self.recipe.text})

    def _resume(self) -> None:
        import jax
        from safetensors import safe_open

        if not self.checkpoint.is_file():
            return
        with safe_open(self.checkpoint, framework="np") as file:
            if file.metadata()["recipe"] != self.recipe.text:
                return
            self.state = json.loads(file.metadata()["state"])
            leaves = [jax.numpy.array(file.get_tensor(name)) for name in sorted(file.keys())]
        self.carry = jax.tree.unflatten(jax.tree.structure(self.carry), leaves)

    def write(self, path: Path) -> None:
        """Write the averaged weights as a model file."""
        _, others, _, averages = self.carry
        for variables, values in (
            (self.model.trainable_variables, averages),
            (self.model.non_trainable_variables, others),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        card = fit.card_of(self.recipe, self.network, self.settings, self.state)
        training = card.training | {"waves": self.pool.there}
        card = dataclasses.replace(card, training=training)
        AtomNetwork.from_model(card, self.model).save(path)


def compiled(trainings):
    """Begin to compile the step of each training, one for those alike."""
    import jax
    import jax.numpy as jnp

    compilers, futures = concurrent.futures.ThreadPoolExecutor(), {}
    for training in trainings:
        if training.signature in futures:
            continue
        batch, crop = training.kinds.size, training.settings["crop"]
        cells, columns = crop // architecture.STRIDE, 4 if training.network["heights"] else 3
        frames = jax.ShapeDtypeStruct((batch, crop, crop, 1), jnp.float32)
        targets = jax.ShapeDtypeStruct((batch, cells, cells, columns), jnp.float32)
        lowered = jax.jit(step_of(training), donate_argnums=0).lower(
            training.carry, frames, targets, 0.0, 0.0
        )
        futures[training.signature] = compilers.submit(lowered.compile)
    return [futures[training.signature] for training in trainings]


def step_of(training: Training):
    """Give one step of the training of a network."""
    import jax
    import optax

    from hyperspy_dlatoms.training.losses import site_loss

    model, optimizer = training.model, training.optimizer

    def loss_of(weights, others, frames, targets):
        maps, others = model.stateless_call(weights, others, frames, training=True)
        return site_loss(targets, maps), others

    def step(carry, frames, targets, rate, momentum):
        weights, others, moments, averages = carry
        slope = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = slope(weights, others, frames, targets)
        updates, moments = optimizer.update(gradients, moments, weights)
        weights = optax.apply_updates(weights, jax.tree.map(lambda one: -rate * one, updates))
        averages = optax.incremental_update(weights, averages, 1 - momentum)
        return (weights, others, moments, averages), loss

    return step


if __name__ == "__main__":
    main()
