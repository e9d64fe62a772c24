# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare shipped networks in single and half precision, and write the result on their cards.

The images show exit waves held out from training, simulated again, at seven doses. The weights are
unchanged. Run `catalogue.py` afterwards::

    python tools/half_precision.py crystal stem && python tools/catalogue.py
"""

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks import read_model, write_model
from hyperspy_dlatoms.networks._precision import HALF, keeps_accuracy
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.training.calibrate import compare_precisions
from hyperspy_dlatoms.training.examples import held_out

ROOT = Path(__file__).parents[1]
SEED = 35


def main() -> None:
    """Measure and rewrite the model files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", help="names of shipped networks, or model files")
    parser.add_argument("--waves", type=int, default=8, help="exit waves (%(default)s)")
    options = parser.parse_args()
    for name in options.names:
        path = Path(name)
        if not path.is_file():
            path = ROOT / "hyperspy_dlatoms/registry/weights" / f"{name}.safetensors"
        start = time.process_time()
        card, arrays = read_model(path)
        recipe = parse_recipe(card.recipe)
        chosen = np.random.default_rng(SEED).choice(held_out(recipe), options.waves, replace=False)
        items = (make_item(recipe, int(index)) for index in chosen)
        measured = compare_precisions(path, items, SEED)
        card = dataclasses.replace(card, scores=card.scores | {HALF: measured})
        write_model(path, card, arrays)
        verdict = "bfloat16" if keeps_accuracy(card) else "float32"
        print(
            f"{card.name}: {verdict}, {measured}, {time.process_time() - start:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
