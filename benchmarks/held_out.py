# SPDX-License-Identifier: GPL-3.0-or-later
"""How well networks read images of a recipe's held-out waves, say of your own crystal.

Prints a row for each network and dose: precision, recall and F1 of all sites, mean F1 per image::

    dlatoms train cosn.yaml --minutes 10
    python benchmarks/held_out.py cosn.yaml data/cosn crystal runs/cosn/cosn.safetensors
"""

import argparse
from pathlib import Path

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.recipes.recipe import read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training._comparison import compare
from hyperspy_dlatoms.training.examples import held_out

SEED = 9
FEWEST = 20
"""A wave with fewer sites shows no crystal."""

THRESHOLD = 0.5
"""For all networks, since an uncalibrated one has no threshold of its own."""


def main() -> None:
    """Take images of the held-out waves at each dose, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("data", type=Path, help="its data set")
    parser.add_argument("models", nargs="+", help="names, or model files")
    parser.add_argument("--doses", type=float, nargs="+", default=(1e3, 1e4, 1e5), help="e/Å²")
    parser.add_argument("--images", type=int, default=3, help="of each wave (%(default)s)")
    options = parser.parse_args()
    recipe, data = read_recipe(options.recipe), DataSet(options.data)
    items = [data[int(index)] for index in held_out(recipe)]
    items = [item for item in items if len(item.sites) >= FEWEST] * options.images
    print(f"{len(items)} images at each dose")
    for model in options.models:
        network = registry.load(model)
        for dose in options.doses:
            rng = np.random.default_rng(SEED)
            outcomes = [compare(network, recipe, item, dose, rng, THRESHOLD) for item in items]
            counts = [(one.right.sum(), len(one.right), one.true) for one in outcomes]
            right, found, true = np.sum(counts, axis=0)
            each = np.mean([2 * r / max(1, f + t) for r, f, t in counts])
            print(
                f"{model:40s} {dose:8g} e/Å²  precision {right / max(1, found):.3f}  recall "
                f"{right / true:.3f}  F1 {2 * right / (found + true):.3f}  per image {each:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
