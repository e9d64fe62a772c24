# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches made by JAX on an accelerator, from waves that are simulated while a training runs.

A CPU makes about a hundred batches a minute; an H100 trains on that many in a second. Batches are
therefore made on the device, by compiled functions, and Keras's ``fit`` receives arrays that are
already there. Making a batch and starting a step takes 2 ms on one core (0.6 and 1.4), running them
9 ms on an H100 (32 frames). Nothing waits for a step except to stay close to it, so no training
loop of our own is needed.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import queue
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, most_processes, prepare, write_items
from hyperspy_dlatoms.simulation.imaging.electrons import jax_noise
from hyperspy_dlatoms.training._batches import Drawn, Plan, Waves, make_batch
from hyperspy_dlatoms.training._drawing import CHUNK, draw_chunk, plan_of, waves_of
from hyperspy_dlatoms.training.examples import first_held_out, seed_of

# Waves needed before a training begins: two batches of the shipped recipes.
_FEWEST = 64
_HELD_OUT = 64  # Waves that the loss is validated on.
_TASK = 8  # Waves that a process simulates at once.
# Chunks of conditions drawn in advance, and batches made ahead of their steps.
_AHEAD = 4
_SPARE = 3  # Cores left for the training and for drawing conditions.


def is_due() -> bool:
    """Return whether Keras runs on JAX, and JAX on an accelerator."""
    import keras

    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() != "cpu"


def check(recipe: Recipe) -> None:
    """Check that the batches of a recipe can be made on the device."""
    if recipe.modality == "STEM":
        raise ValueError(
            "Scanned images (STEM) can only be made on the CPU: train without --on-device."
        )
    import keras

    if keras.backend.backend() != "jax":
        raise ValueError(
            "Only JAX makes batches on the device, but Keras runs on "
            f"{keras.backend.backend()}: set KERAS_BACKEND=jax, or train without --on-device."
        )
    sampling = recipe.network.sampling
    if recipe.waves.sampling > sampling * 1.001:
        raise ValueError(
            f"The waves are coarser than the network ({sampling} Å/px), so their images cannot be "
            "made on the device: simulate finer waves, or train without --on-device."
        )


class Supply:
    """The waves of a data set in the order they are needed, simulated in that order too."""

    def __init__(self, recipe: Recipe, directory: Path):
        prepare(recipe, directory)
        self.recipe, self.directory = recipe, directory
        self.arrived: queue.Queue[tuple[int, Waves | BaseException]] = queue.Queue(maxsize=64)
        self._data, self._stopped = DataSet(directory, partial=True), threading.Event()
        missing, tasks = set(self._data.missing()), _tasks(recipe)
        self._cores, futures = None, {}
        if missing:
            # Each process has a core to itself.
            os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
            self._cores = _processes(max((os.cpu_count() or 1) - _SPARE, 1))
            for task in tasks:
                if lacked := [index for index in task if index in missing]:
                    futures[task] = self._cores.submit(
                        write_items, recipe.text, str(directory), lacked
                    )
        thread = threading.Thread(target=self._read, args=(tasks, futures), daemon=True)
        thread.start()

    def close(self) -> None:
        """Stop simulating; waves already written are kept."""
        self._stopped.set()
        if self._cores is not None:
            _end(self._cores)

    def _read(self, tasks: list[range], futures: dict[range, concurrent.futures.Future]) -> None:
        try:
            for task in tasks:
                if task in futures:
                    futures[task].result()
                for index in task:
                    self._put((index, waves_of(self._data[index], self.recipe)))
        except BaseException as error:  # raised again by whoever waits for waves
            self._put((-1, error))

    def _put(self, one: tuple[int, Waves | BaseException]) -> None:
        while not self._stopped.is_set():
            try:
                self.arrived.put(one, timeout=1)
                return
            except queue.Full:
                pass


class OnDevice:
    """A source of batches like `Examples`, but made on JAX's device."""

    def __init__(self, recipe: Recipe, supply: Supply):
        self.recipe, self.supply, self.seed = recipe, supply, seed_of(recipe)
        self.progress = 0.0
        self.plan = plan_of(recipe)
        self.images = self.plan.images
        count = recipe.waves.count
        self.first = first_held_out(recipe)
        self.trained = _Pool(self.first)
        self.held_out = _Pool(min(_HELD_OUT, count - self.first))
        self._make = _compiled(self.plan)
        self._chunk: tuple[int, Any] = (-1, None)
        self._drawing: dict[int, concurrent.futures.Future] = {}
        self._drawers = _processes(2)
        self._made: deque[Any] = deque()

    def close(self) -> None:
        """End the processes that draw conditions."""
        _end(self._drawers)

    @property
    def waves(self) -> int:
        """Number of waves that batches draw on."""
        return self.trained.there

    def _wait(self) -> None:
        """Wait until there are enough waves to begin."""
        while self.trained.there < min(_FEWEST, self.first) or self.held_out.missing:
            self._collect(wait=True)

    def draw_batch(self, number: int) -> tuple[Any, Any]:
        """Make one batch from the waves that have arrived so far."""
        while self._collect(wait=False):
            pass
        batch = self._make_of(self.trained, self._drawn(number // CHUNK), number, self.seed)
        self._made.append(batch[1])
        if len(self._made) > _AHEAD:
            # Not too far ahead of the device, or the training time would be wrong.
            self._made.popleft().block_until_ready()
        return batch

    def validation(self, seed: int, batches: int) -> list[tuple[Any, Any]]:
        """Make batches from held-out waves."""
        self._wait()
        made = []
        for number in range(batches):
            if number % CHUNK == 0:
                chunk = draw_chunk(self.recipe, self.plan, [seed, number // CHUNK], 1.0)
            made.append(self._make_of(self.held_out, chunk, number, seed))
        return made

    def _make_of(self, pool: _Pool, chunk: Drawn, number: int, seed: int) -> tuple[Any, Any]:
        import jax

        key = jax.random.fold_in(jax.random.key(seed % 2**31), number)
        return self._make(pool.waves, pool.there, chunk, number % CHUNK, key)

    def _drawn(self, number: int) -> Drawn:
        """Return a chunk of conditions, and start drawing the next ones."""
        import jax

        for ahead in range(number, number + _AHEAD):
            if ahead not in self._drawing and ahead != self._chunk[0]:
                self._drawing[ahead] = self._drawers.submit(
                    draw_chunk, self.recipe, self.plan, [self.seed, ahead], self.progress
                )
        if self._chunk[0] != number:
            self._chunk = number, jax.device_put(self._drawing.pop(number).result())
        return self._chunk[1]

    def _collect(self, wait: bool) -> bool:
        """Copy a wave to the device, if one has arrived."""
        try:
            index, waves = self.supply.arrived.get(block=wait)
        except queue.Empty:
            return False
        if isinstance(waves, BaseException):
            raise waves
        if index < self.first:
            self.trained.add(waves)
        elif self.held_out.missing:
            self.held_out.add(waves)
        return True


class _Pool:
    """Waves on the device."""

    def __init__(self, count: int):
        self.there, self.missing = 0, count
        self.waves: Any = None

    def add(self, waves: Waves) -> None:
        """Copy a wave to the device."""
        import jax
        import jax.numpy as jnp

        if self.waves is None:
            self.waves = jax.tree.map(
                lambda one: jnp.zeros((self.missing, *one.shape), one.dtype), waves
            )
            self._put = jax.jit(
                lambda pool, new, at: jax.tree.map(lambda a, b: a.at[at].set(b), pool, new),
                donate_argnums=0,
            )
        self.waves = self._put(self.waves, waves, self.there)
        self.there, self.missing = self.there + 1, self.missing - 1


def _compiled(plan: Plan) -> Any:
    """Return the compiled function that makes a batch."""
    import jax
    import jax.numpy as jnp

    def make(waves: Waves, there: Any, chunk: Drawn, row: Any, key: Any) -> tuple[Any, Any]:
        drawn = jax.tree.map(lambda array: array[row], chunk)
        index = jnp.minimum((drawn.wave * there).astype(int), there - 1)
        chosen = jax.tree.map(lambda array: array[index], waves)
        # By default, an accelerator multiplies matrices at lower precision.
        with jax.default_matmul_precision("highest"):
            return make_batch(jnp, jax_noise(key), chosen, drawn, plan)

    return jax.jit(make)


def _tasks(recipe: Recipe) -> list[range]:
    """Return the waves in the order needed: some held out, those to train on, the rest."""
    count = recipe.waves.count
    first = first_held_out(recipe)
    parts = ((first, min(first + _HELD_OUT, count)), (0, first), (first + _HELD_OUT, count))
    return [
        range(start, min(start + _TASK, end))
        for begin, end in parts
        for start in range(begin, end, _TASK)
    ]


def _processes(number: int) -> concurrent.futures.ProcessPoolExecutor:
    # A forked process could hang beside JAX's threads.
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(min(number, most_processes()), context)


def _end(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """End a pool and its running processes."""
    processes: Sequence[Any] = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
