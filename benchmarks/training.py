# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples per second of a recipe's training, and the share of time spent on input.

Give the recipe and its data set (`dlatoms simulate RECIPE -o DIR`).
"""

import argparse
import time

import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.recipes.recipe import read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training._card import arguments_of
from hyperspy_dlatoms.training.fit import make_stream, training_examples
from hyperspy_dlatoms.training.losses import site_loss

STEPS = 30


def main() -> None:
    """Train on fresh batches, train on one repeated batch, and make batches alone."""
    import keras

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("data")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    examples = training_examples(DataSet(arguments.data), recipe)
    examples.progress = 1.0
    model = architecture.build(arguments_of(recipe), len(recipe.network.classes))
    model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=1.0, use_ema=True), loss=site_loss)
    frames, targets = examples.draw_batch(0)

    class Again(keras.utils.PyDataset):
        def __len__(self) -> int:
            return STEPS

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return frames, targets

    fresh = make_stream(examples, STEPS, 0)
    model.fit(make_stream(examples, 3, 0), verbose=0)
    together = seconds(lambda: model.fit(fresh, verbose=0))
    alone = seconds(lambda: model.fit(Again(), verbose=0))
    made = seconds(lambda: [examples.draw_batch(i) for i in range(STEPS)])
    rate = recipe.training.batch * STEPS / together
    print(f"{rate:.1f} examples/s of {recipe.training.crop}² px, {together / STEPS:.2f} s a step")
    print(f"the network alone takes {alone / together:.2f} of that time, so the input costs")
    print(f"{1 - alone / together:.2f}; made alone, a batch takes {made / together:.2f} of a step")


def seconds(call) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
