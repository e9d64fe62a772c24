# SPDX-License-Identifier: GPL-3.0-or-later
"""Teach the networks for all crystals to tell scanned (STEM) from camera (HRTEM) images.

The fit follows that of their domains and is stored beside them; nothing else in the files changes.
Run `catalogue.py` afterwards::

    python tools/modality.py data/crystal data/stem && python tools/catalogue.py

Each network sees the same images: 600 from each data set, of waves that `crystal` and `stem` are
trained on, and 200 each from `recipes/graphene.yaml` and `recipes/metal-nanoparticle.yaml`, whose
waves are simulated. Lens, dose and scan are those of the recipes; parts of 30 Å or more are cut out
and a quarter of them smoothed.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from hyperspy_dlatoms.networks.domain import PREFIX, Domain, describe, standardise
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import Recipe, read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, Item, make_item
from hyperspy_dlatoms.training.domain import FEWEST_SITES
from hyperspy_dlatoms.training.examples import first_held_out
from hyperspy_dlatoms.training.extrapolation import see
from hyperspy_dlatoms.training.outliers import take_picture

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "hyperspy_dlatoms/registry/weights"
SPECIAL = ("graphene", "metal-nanoparticle")
SEED = 37

_SMOOTHED = 0.25
"""Share of the images smoothed by `_WIDTHS` px, as many are before they are saved: otherwise white
noise would give away how they were made."""

_WIDTHS = (0.5, 2.0)

_RIDGE = 20.0
"""Penalty on squared weights, in units of images: best of 1 to 1000 on left-out materials."""

_STEPS = 30
"""Steps of Newton's method, which needs about ten."""


def describe_images(
    networks: Sequence[AtomNetwork],
    recipe: Recipe,
    item_of: Callable[[int], Item],
    indices: Sequence[int],
    number: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return each network's descriptions (number, D) of images of waves, drawn from a recipe."""
    rows: list[list[np.ndarray]] = [[] for _ in networks]
    indices = rng.permutation(np.asarray(indices))
    for index in np.resize(indices, 10 * number):
        if len(rows[0]) == number:
            break
        item = item_of(int(index))
        if len(item.sites) < FEWEST_SITES:
            continue
        picture = take_picture(rng, item, recipe.imaging, recipe.waves.sampling).crop(rng)
        if rng.random() < _SMOOTHED:
            picture = picture._replace(image=gaussian_filter(picture.image, rng.uniform(*_WIDTHS)))
        for row, network in zip(rows, networks, strict=True):
            row.append(describe(*see(network, picture), picture.sampling))
    return [np.array(row) for row in rows]


def fit_scanned(domain: Domain, camera: np.ndarray, scanned: np.ndarray) -> Domain:
    """Fit a domain to tell descriptions (n, D) of scanned images from those of camera images."""
    # Logistic regression of the standardised ones, each kind counting the same, by Newton's method.
    for name, images in (("camera", camera), ("scanned", scanned)):
        if len(images) < 20:
            raise ValueError(f"There are {len(images)} images {name!r}, at least 20 are needed.")
    standard = standardise(np.concatenate([camera, scanned]), domain.centre, domain.scale)
    known = np.column_stack([standard, np.ones(len(standard))])
    truth = np.repeat([0.0, 1.0], [len(camera), len(scanned)])
    counts = len(known) / 2 / np.where(truth > 0, len(scanned), len(camera))
    ridge = np.full(known.shape[1], _RIDGE)
    ridge[-1] = 1e-6
    weights = np.zeros(known.shape[1])
    for _ in range(_STEPS):
        odds = expit(known @ weights)
        slope = known.T @ (counts * (odds - truth)) + ridge * weights
        curvature = (known.T * (counts * odds * (1 - odds))) @ known + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return replace(domain, scanned=weights.astype(np.float16).astype(np.float32))


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
        print(f"{path.name}: wrong on {wrong[0]:.3f} of HRTEM, {wrong[1]:.3f} of STEM", flush=True)


if __name__ == "__main__":
    main()
