# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit the domain of a network for MoS2 focal series, and write it into the model file::

python tools/series_domain.py mos2-focal-series data/mx2-focal-series domains/mos2.safetensors

The waves are those of MoS2, carbon and vacuum in a data set of ``recipes/mx2-focal-series.yaml``,
none of which the network was trained on. (If the network's own data set is available, `dlatoms
calibrate` fits its domain.)
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry.catalogue import file_of
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.training._series_outliers import class_of
from hyperspy_dlatoms.training.domain import learn_domain

HELD_OUT = 0.4
"""Fraction of the waves whose images set the limits."""

OTHERS = ("amorphous-carbon", "vacuum")


class Waves:
    """Waves of some specimens in a data set, with kinds named after a network's classes."""

    def __init__(self, directory: Path, card):
        self.directory, self.card = directory, card
        self.data = DataSet(directory, partial=True)
        records = sorted((directory / "records").glob("*.json"))
        self.indices = [int(path.stem) for path in records if self._fits(path)]

    def _fits(self, path: Path) -> bool:
        specimen = json.loads(path.read_text(encoding="utf-8"))["specimen"]
        if "elements" not in specimen:
            return True
        return tuple(specimen["elements"]) == ("Mo", "S") and specimen["phase"] == "2H"

    def __getitem__(self, number: int) -> Item:
        item = self.data[self.indices[number]]
        kinds = [class_of(kind, self.card) for kind in item.record["kinds"]]
        return dataclasses.replace(item, record=item.record | {"kinds": kinds})


def main() -> None:
    """Fit the domain and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", help="a name or a file")
    parser.add_argument("data", type=Path, help="data set of recipes/mx2-focal-series.yaml")
    parser.add_argument("output", type=Path)
    parser.add_argument("--numbers", type=int, nargs=3, default=(1000, 2800, 1000))
    options = parser.parse_args()
    path = file_of(options.network)
    card, _ = read_model(path)
    recipe, waves = parse_recipe(card.recipe), Waves(options.data, card)
    recipe = dataclasses.replace(
        recipe,
        waves=recipe.waves | {"count": len(waves.indices)},
        training=recipe.training | {"validation_share": HELD_OUT},
    )
    print(len(waves.indices), "waves", flush=True)
    network, rng = AtomNetwork.load(path), np.random.default_rng(32)
    domain = learn_domain(
        network, recipe, waves, rng, lambda items, name: items, tuple(options.numbers)
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    AtomNetwork.from_model(card, network.model, domain).save(options.output)


if __name__ == "__main__":
    main()
