# SPDX-License-Identifier: GPL-3.0-or-later
"""Train networks on an accelerator: some hundred times the examples of `dlatoms train` a second.

The processor simulates exit waves all the while, in the order in which they are needed, and draws
conditions; JAX makes the images (`at_once`) and takes the steps. It needs JAX and optax::

    KERAS_BACKEND=jax python tools/train_at_once.py work \\
        recipes/graphene.yaml=200 recipes/metal-nanoparticle.yaml=200

trains each by its recipe, but for so many seconds at most, and writes ``work/NAME.safetensors``, to
be finished by `calibrate.py`. Waves are drawn from those that there are yet. Called again it goes
on with what is not finished.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
from collections import deque
from pathlib import Path

from at_once.conditions import SEVERAL
from at_once.material import Drawn, draw_chunk, simulate_some
from at_once.normalisation import WIDTH
from at_once.training import FEWEST, HELD_OUT, Training, compiled
from make import is_made

from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.recipe import Recipe, read_recipe
from hyperspy_dlatoms.simulation.imaging.conditions import images_of
from hyperspy_dlatoms.simulation.imaging.lens import RAMP_STEP
from hyperspy_dlatoms.training import fit

TASK = 8
"""Waves that are simulated, and brought to the accelerator, at once."""
FIRST = 0.6
"""Share of the waves of a network that are simulated before any of the next one."""


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
            chunks = Chunks(drawers, training)
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
    first = fit.first_held_out(recipe.waves["count"], settings)
    ramp = max(map(abs, bounds(recipe.imaging.get("defocus_ramp", 0.0))))
    longest = (SEVERAL - 1) * RAMP_STEP
    for wrong, what in (
        (images_of(recipe.imaging) > 1 or network["wave"], "focal series and exit waves"),
        ("mtf_curve" in recipe.imaging, "measured transfer functions"),
        (ramp > longest, f"ramps of the defocus of more than {longest:g} Å"),
        (settings["curriculum"] is not None, "a curriculum"),
        (settings["seed"] is not None, "a seed of the examples"),
        (network["sampling"] != recipe.waves["sampling"], "waves on another grid"),
        (network["normalisation_width"] != WIDTH, "another width of the normalisation"),
        (first < FEWEST, f"fewer than {FEWEST} waves to train on"),
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
        first = fit.first_held_out(count, fit.settings_of(recipe))
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


class Chunks:
    """Chunks of conditions, drawn ahead by processes."""

    def __init__(self, drawers, training: Training):
        self.drawers, self.recipe, self.kinds = drawers, training.recipe, training.kinds
        # After a break others are drawn than before.
        self.number, self.ahead = training.state["step"], deque()

    def take(self) -> Drawn:
        """Give the next chunk."""
        while len(self.ahead) < 8:
            self.number += 1
            seed = [self.recipe.seed, self.number]
            self.ahead.append(self.drawers.submit(draw_chunk, self.recipe.text, self.kinds, seed))
        return self.ahead.popleft().result()


def collect(pending, trainings) -> None:
    """Bring the waves that were simulated since to the accelerator."""
    for future in [future for future in pending if future.done()]:
        number, held_out = pending.pop(future)
        training = trainings[number]
        (training.held_out if held_out else training.pool).add(future.result())


if __name__ == "__main__":
    main()
