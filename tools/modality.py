# SPDX-License-Identifier: GPL-3.0-or-later
"""Teach the networks for all crystals to tell scanned images (STEM) from those of a camera (HRTEM).

It is kept beside their domains, whose fit it follows, and nothing else of the files is changed. Run
`catalogue.py` afterwards::

    python tools/modality.py data/crystal data/stem && python tools/catalogue.py

Each network sees the same images: of each data set 600 of waves that `crystal` and `stem` are
trained on, and 200 each of `recipes/graphene.yaml` and `recipes/metal-nanoparticle.yaml`, whose
waves are simulated. Lens, dose and scan are those of the recipes, parts of 30 Å or more are cut out
and a quarter of them smoothed.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks.domain import PREFIX
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, make_item
from hyperspy_dlatoms.training.examples import first_held_out
from hyperspy_dlatoms.training.modality import describe_images, fit_scanned

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "hyperspy_dlatoms/registry/weights"
SPECIAL = ("graphene", "metal-nanoparticle")
SEED = 37


def main() -> None:
    """Draw the images, fit, and rewrite the model files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="data sets of crystal and stem")
    parser.add_argument(
        "--networks", nargs="+", default=["stem", "crystal"], help="names, or model files"
    )
    parser.add_argument("--images", type=int, default=600, help="of each data set (%(default)s)")
    parser.add_argument("--special", type=int, default=200, help="of each recipe (%(default)s)")
    options = parser.parse_args()
    paths = [Path(one) for one in options.networks]
    paths = [one if one.is_file() else WEIGHTS / f"{one}.safetensors" for one in paths]
    networks = [AtomNetwork.load(path, "float32") for path in paths]
    rng = np.random.default_rng(SEED)
    found: dict[str, list[list[np.ndarray]]] = {"HRTEM": [], "STEM": []}
    for directory in options.data:
        data = DataSet(directory, partial=True)
        there = set(range(first_held_out(data.recipe))) - set(data.missing())
        drawn = describe_images(
            networks, data.recipe, data.__getitem__, sorted(there), options.images, rng
        )
        found[data.recipe.modality].append(drawn)
        print(directory, len(drawn[0]), "images", flush=True)
    for name in SPECIAL:
        recipe = read_recipe(ROOT / f"recipes/{name}.yaml")
        simulated, number = partial(make_item, recipe), options.special
        waves = range(first_held_out(recipe))
        found["HRTEM"].append(describe_images(networks, recipe, simulated, waves, number, rng))
        print(name, number, "images", flush=True)
    for index, (path, network) in enumerate(zip(paths, networks, strict=True)):
        both = [np.concatenate([one[index] for one in found[kind]]) for kind in ("HRTEM", "STEM")]
        domain = fit_scanned(network.domain, *both)
        wrong = [np.mean((domain.rate_scanned(x) > 0.5) != k) for k, x in enumerate(both)]
        card, arrays = read_model(path)
        write_model(path, card, arrays | {f"{PREFIX}scanned": domain.scanned})
        print(f"{path.name}: of these {wrong[0]:.3f} HRTEM, {wrong[1]:.3f} STEM wrong", flush=True)


if __name__ == "__main__":
    main()
