# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the threshold of an ensemble, and write it into the package's catalogue.

By the rule of ``tools/calibrate.py``, on the exit waves that its members held out from their
trainings, as many of each, and on vacuum and amorphous carbon. All members look at all images, and
the mean of their probabilities is compared with the threshold; what a member reports has reached
its own thresholds already::

    python tools/calibrate_ensemble.py graphene-ensemble data
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from calibrate import ALONE, DOSES, EMPTY, choose, false_on_empty, score_wave, tolerance_of, wave_of
from catalogue import current

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry._publishing import write_catalogue
from hyperspy_dlatoms.registry.sources import OWN
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training.fit import training_examples

SEED = 33


def main() -> None:
    """Take the images, find the sites, choose the threshold, write the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ensemble")
    parser.add_argument("data", type=Path, help="folder of the data sets of its members, by name")
    parser.add_argument("--images", type=int, default=7, help="at each dose, of each member's")
    arguments = parser.parse_args()
    ensemble = registry.load(arguments.ensemble)
    rng = np.random.default_rng(SEED)
    counts, empty = {dose: [] for dose in DOSES}, []
    for member in ensemble.members:
        recipe = parse_recipe(member.card.recipe)
        data = DataSet(arguments.data / member.card.name)
        waves = training_examples(data, recipe, validation=True).indices
        tolerance = tolerance_of(member)
        for dose in DOSES:
            for index in rng.choice(waves, arguments.images):
                item = wave_of(data, index, member)
                counts[dose].append(score_wave(ensemble, recipe, item, dose, tolerance, rng))
        empty += [false_on_empty(ensemble, recipe, n, rng) for n in range(EMPTY * arguments.images)]
    threshold, *_ = choose(counts, empty, ALONE)
    entries = [
        dataclasses.replace(entry, threshold=threshold)
        if entry.name == arguments.ensemble
        else entry
        for entry in current(OWN)
    ]
    write_catalogue(OWN, "hyperspy-dlatoms", entries)


if __name__ == "__main__":
    main()
