# SPDX-License-Identifier: GPL-3.0-or-later
"""The training of a network by JAX, on waves that come while it runs; see `train_at_once.py`."""

import concurrent.futures
import dataclasses
import json
import time
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from at_once.batch import Batch, make_batch
from at_once.camera import make_grid
from at_once.electrons import Noise
from at_once.material import CHUNK, SITES, Some, survey
from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import policy
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.training import fit
from hyperspy_dlatoms.training._callbacks import State
from hyperspy_dlatoms.training._card import arguments_of, card_of
from hyperspy_dlatoms.training._schedule import learning_rate, share_done
from hyperspy_dlatoms.training._start import load_start, start_from

FEWEST = 64
"""Waves that have to be there before a training begins."""
HELD_OUT, VALIDATION = 64, 8
"""Waves, and batches, that the loss is validated with."""


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


class Training:
    """The training of one network."""

    def __init__(self, recipe: Recipe, directory: Path):
        import jax
        import optax

        self.recipe, self.network = recipe, fit.network_of(recipe)
        self.settings = fit.settings_of(recipe)
        self.kinds = survey(recipe)
        size = round(recipe.waves["size"] / recipe.waves["sampling"])
        first = fit.first_held_out(recipe.waves["count"], self.settings)
        self.pool, self.held_out = Pool(first, size), Pool(HELD_OUT, size)
        coarsest = bounds(recipe.imaging.get("sampling", 0.1))[1]
        self.grid = make_grid(size, recipe.waves["sampling"], coarsest)
        with policy(self.settings["precision"]):
            arguments = arguments_of(recipe, self.network)
            self.model = architecture.build(arguments, len(self.network["classes"]))
        shared = [self.settings[name] for name in ("batch", "crop", "precision", "weight_decay")]
        self.signature = json.dumps([arguments, self.network["classes"], shared], sort_keys=True)
        if self.settings["start"] is not None:
            start_from(
                self.model, load_start(self.settings["start"]), len(self.network["dilations"])
            )
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
        self._resume()

    def run(self, step, seconds: float, collect, chunks) -> None:
        """Train for so many seconds, those before a break counted in."""
        import jax

        step, make = step.result(), self._maker()
        while self.pool.there < FEWEST or not self.held_out.there:
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
        return share_done(
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
            noise = Noise(
                lambda shape: jax.random.uniform(next(keys), shape),
                lambda shape: jax.random.normal(next(keys), shape),
            )
            with jax.default_matmul_precision("highest"):
                frames, targets = make_batch(
                    jnp,
                    noise,
                    Batch(*chosen, drawn.told, drawn.turn, drawn.negative),
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

    @cached_property
    def _validate(self):
        """Give the compiled loss of weights on frames and targets."""
        import jax

        from hyperspy_dlatoms.training.losses import site_loss

        def loss_of(weights, others, frames, targets):
            maps, _ = self.model.stateless_call(weights, others, frames, training=False)
            return site_loss(targets, maps)

        return jax.jit(loss_of)

    def _report(self, validation, losses) -> None:
        """Validate the averaged weights."""
        _, others, _, averages = self.carry
        loss = float(np.mean([self._validate(averages, others, *batch) for batch in validation]))
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
        with atomic_write(self.checkpoint) as draft:
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
        card = card_of(self.recipe, self.network, self.settings, State(**self.state))
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
