# SPDX-License-Identifier: GPL-3.0-or-later
"""Spotiflow, trained on frames like those of a network for scanned images.

The frames are made with this package. Spotiflow is trained, and used by `stem_peers.py`, in its own
environment, which needs nothing else::

    python benchmarks/spotiflow_peer.py frames recipes/stem.yaml data/stem-waves frames.npz
    python -m venv data/environments/spotiflow
    data/environments/spotiflow/bin/python -m pip install spotiflow==0.6.5
    data/environments/spotiflow/bin/python benchmarks/spotiflow_peer.py train frames.npz \\
        runs/spots --minutes 128
    python benchmarks/stem_peers.py data/stem --spotiflow runs/spots

It uses its default settings and augmentation, and the threshold that it chooses on frames it was
not trained on. It cannot leave open whether a column counts, so light columns beside heavy ones are
background.

M. Dominguez Mantes et al., "Spotiflow: accurate and efficient spot detection for fluorescence
microscopy with deep stereographic flow regression", Nature Methods 22 (2025).
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hyperspy_dlatoms.recipes.recipe import Recipe
    from hyperspy_dlatoms.simulation.dataset import Item

HELD_OUT = 0.01
"""Frames for validation, as a share of the others; `stem` is not trained on their waves either."""

SEED = 7301


def frames(options: argparse.Namespace) -> None:
    """Image waves as in training, and write the frames with the positions of their columns."""
    from tqdm import tqdm

    from hyperspy_dlatoms.recipes.recipe import read_recipe
    from hyperspy_dlatoms.simulation.dataset import DataSet
    from hyperspy_dlatoms.training.examples import first_held_out

    recipe = read_recipe(options.recipe)
    data, first = DataSet(options.data), first_held_out(recipe)
    number = {"trained": options.number, "held out": round(HELD_OUT * options.number)}
    waves = {"trained": range(first), "held out": range(first, len(data))}
    written = {}
    for part, count in number.items():
        rng = np.random.default_rng([SEED, count])
        images, spots = [], []
        with tqdm(total=count, desc=part) as progress:
            while len(images) < count:
                image, places = one_frame(rng, data[int(rng.choice(waves[part]))], recipe)
                if min(image.shape) < options.side:
                    continue
                image = image[: options.side, : options.side]
                images.append(((image - image.mean()) / (image.std() or 1)).astype(np.float16))
                inside = ((places >= 0) & (places <= options.side - 1)).all(axis=1)
                spots.append(places[inside].astype(np.float32))
                progress.update()
        written[f"{part} images"] = np.stack(images)
        written[f"{part} spots"] = np.concatenate(spots)
        written[f"{part} counts"] = np.array([len(one) for one in spots])
    np.savez(options.output, **written)


def one_frame(rng: np.random.Generator, item: Item, recipe: Recipe) -> tuple[np.ndarray, ...]:
    """Image a wave at the network's sampling; also return the positions of its columns (px)."""
    from hyperspy_dlatoms.networks.resampling import resample
    from hyperspy_dlatoms.simulation.imaging.modality import draw_any, take_any
    from hyperspy_dlatoms.training.examples import labels_of

    target = recipe.network.sampling
    conditions = draw_any(rng, recipe.imaging)
    counts, pixel, places = take_any(
        rng,
        item.wave,
        recipe.waves.sampling,
        item.record["energy"],
        conditions,
        item.sites[:, :2],
        None if conditions.sampling > target else target,
    )
    image, grid = resample(counts.reshape(counts.shape[-2:]), pixel, target)
    is_column = labels_of(item, recipe.network.classes, recipe.network.decoys) > 0
    return image, grid.to_working(places[is_column])


def read(path: Path, part: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read the images and the spots of each."""
    with np.load(path) as data:
        ends = np.cumsum(data[f"{part} counts"])[:-1]
        images = [one.astype(np.float32) for one in data[f"{part} images"]]
        return images, np.split(data[f"{part} spots"], ends)


def train(options: argparse.Namespace) -> None:
    """Train Spotiflow for some minutes."""
    from lightning.pytorch.callbacks import Timer
    from lightning.pytorch.loggers import CSVLogger
    from spotiflow.model import Spotiflow

    trained, held_out = (read(options.frames, part) for part in ("trained", "held out"))
    Spotiflow().fit(
        *trained,
        *held_out,
        save_dir=str(options.output),
        # Short epochs, since the best one is kept.
        train_config={"num_train_samples": 200, "num_epochs": 10_000, "optimize_threshold": True},
        callbacks=None if options.minutes is None else [Timer(timedelta(minutes=options.minutes))],
        device="cpu",
        logger=CSVLogger(str(options.output)),
    )


def find(options: argparse.Namespace) -> None:
    """Replace images by their spots, at the paths read from standard input, until it ends."""
    from spotiflow.model import Spotiflow

    model = Spotiflow.from_folder(str(options.model), map_location="cpu")
    for line in sys.stdin:
        path = Path(line.strip())
        spots, _ = model.predict(np.load(path), subpix=True, verbose=False, device="cpu")
        np.save(path, spots)
        print("done", flush=True)


def main() -> None:
    """Run the requested command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("frames")
    command.set_defaults(run=frames)
    command.add_argument("recipe", type=Path)
    command.add_argument("data", type=Path, help="waves of the recipe")
    command.add_argument("output", type=Path)
    command.add_argument("--number", type=int, default=2000, help="of frames (%(default)s)")
    command.add_argument("--side", type=int, default=256, help="px (%(default)s)")
    command = commands.add_parser("train")
    command.set_defaults(run=train)
    command.add_argument("frames", type=Path)
    command.add_argument("output", type=Path)
    command.add_argument("--minutes", type=float, default=30.0, help="(%(default)s)")
    command = commands.add_parser("find")
    command.set_defaults(run=find)
    command.add_argument("model", type=Path)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
