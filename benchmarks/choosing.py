# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the network chosen for an image is the one that reads it best.

The images are of waves held out from training, from data sets or simulated from recipes; no
metadata say how they were made. A choice is right if no network's F1 is more than 0.02 above that
of the chosen one; images that none reads (F1 below 0.5) do not count. Also prints 95 %
limits, the result when the metadata say how the images were made, and, of the images in which the
chosen network finds some sites, how many raise a warning::

    python benchmarks/choosing.py data/crystal data/stem recipes/graphene.yaml \
        recipes/metal-nanoparticle.yaml

The figures of the guide are sums of ``--seed 41`` and ``--seed 77``, on data sets that no network
was trained on: 120 waves each of the recipes ``crystal`` and ``stem``, with the seeds 30413 and
51207 and ``validation_share: 0.9``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from hyperspy_dlatoms.analysis import match
from hyperspy_dlatoms.detection.choosing import (
    ENOUGH,
    UNCLEAR,
    UNSURE,
    Rating,
    choose,
    evidence,
    rate,
    weigh_modality,
)
from hyperspy_dlatoms.recipes.recipe import Recipe, read_recipe
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.dataset import DataSet, make_item
from hyperspy_dlatoms.training.examples import held_out
from hyperspy_dlatoms.training.outliers import take_picture

NETWORKS = ("metal-nanoparticle", "graphene", "crystal", "stem")
SEED = 41
DOSES = {"HRTEM": (300.0, 1e5), "STEM": (3000.0, 1e6)}
"""e/Å², drawn uniformly in the logarithm."""

FEWEST, READ, AS_GOOD, TOLERANCE = 40, 0.5, 0.02, 0.45

MISREAD, READ_WELL = 0.7, 0.9
"""F1 below which an image counts as misread, and from which as read well."""


class Trial(NamedTuple):
    """An image, and how each network reads it."""

    recipe: str
    scanned: bool
    dose: float
    ratings: list[Rating]
    f1: dict[str, float]

    def loss(self, told: bool = False) -> float:
        """Return how far the chosen network's F1 is below the best of the networks allowed."""
        ratings = self.known(told)
        best = max(self.f1[one.name] for one in ratings)
        return best - self.f1[choose(ratings).name]

    def known(self, told: bool = False) -> list[Rating]:
        """Return the ratings, if `told` only of networks for images made this way."""
        if told:
            return [one for one in self.ratings if one.scanned == self.scanned]
        return weigh_modality(self.ratings)

    def sure(self) -> float:
        """Return the probability given to the way the image was really made."""
        return next(r.likely for r in weigh_modality(self.ratings) if r.scanned == self.scanned)


def trials(source: Path, number: int, seed: int = SEED) -> Iterator[Trial]:
    """Yield the trials of a data set or a recipe."""
    networks = [catalogue.load(name) for name in NETWORKS]
    rng = np.random.default_rng(seed)
    recipe, item_of = _waves(source)
    low, high = DOSES[recipe.modality]
    for index in rng.permutation(held_out(recipe)):
        item = item_of(int(index))
        # Only some columns of a support are listed.
        if len(item.sites) < FEWEST or item.record["specimen"].get("support") == "oxide":
            continue
        imaging = recipe.imaging | {"dose": {"log": [low, high]}}
        picture = take_picture(rng, item, imaging, recipe.waves.sampling)
        ratings = [rate(picture.image[None], picture.pixel, network) for network in networks]
        kinds = np.array(item.record["kinds"])[item.species]
        places = picture.positions * picture.pixel
        f1 = {r.name: _f1(r.sites[0], places, kinds) for r in ratings}
        yield Trial(recipe.name, recipe.modality == "STEM", float(picture.dose), ratings, f1)
        number -= 1
        if number == 0:
            return


def _waves(source: Path) -> tuple[Recipe, object]:
    if source.is_dir():
        data = DataSet(source, partial=True)
        return data.recipe, data.__getitem__
    recipe = read_recipe(source)
    return recipe, lambda index: make_item(recipe, index)


def _f1(found: np.ndarray, true: np.ndarray, kinds: np.ndarray) -> float:
    """Return the F1 of sites (n, 2; Å); light columns and vacancies count neither way."""
    counted = ~np.isin(kinds, ("light column", "C vacancy"))
    pairs = match(found, true, TOLERANCE)[:, 1]
    neither = np.count_nonzero(~counted[pairs])
    return 2 * (len(pairs) - neither) / max(len(found) - neither + counted.sum(), 1)


def table(every: list[Trial]) -> str:
    """Return how often the choice is right, by recipe of the images and by dose."""
    read = [one for one in every if max(one.f1.values()) >= READ]
    groups = {
        name: [one for one in read if one.recipe == name] for name in {o.recipe for o in read}
    }
    for decade in range(2, 6):
        part = [one for one in read if int(np.log10(min(one.dose, 9e5))) == decade]
        groups[f"10^{decade} to 10^{decade + 1} e/Å²"] = part
    lines = [
        f"{'':22} images   right [95 %]          HRTEM/STEM correct   F1 lost   right, told   lost"
    ]
    for name, part in (groups | {"all": read}).items():
        if part:
            losses = np.array([one.loss() for one in part])
            seen = np.mean([one.sure() > 0.5 for one in part])
            right = int(np.count_nonzero(losses <= AS_GOOD))
            low, high = binomtest(right, len(part)).proportion_ci(method="wilson")
            lines.append(
                f"{name:22} {len(part):6}   {right / len(part):.3f} [{low:.3f}, {high:.3f}]"
                f"   {seen:18.3f}   {losses.mean():7.4f}   {_right_if_told(part)}"
            )
    return "\n".join([*lines, _warned(every), _unsure(every)])


def _right_if_told(part: list[Trial]) -> str:
    losses = np.array([one.loss(told=True) for one in part])
    return f"{np.mean(losses <= AS_GOOD):11.3f}   {losses.mean():.4f}"


def _warned(every: list[Trial]) -> str:
    """Return how many images raise a warning, among those misread and among the others."""
    lines = []
    for told in (False, True):
        counts = {True: [0, 0], False: [0, 0]}
        for one in every:
            chosen = choose(ratings := one.known(told))
            if chosen.inside and len(chosen.sites[0]) >= ENOUGH:
                count = counts[one.f1[chosen.name] < MISREAD]
                count[0] += evidence(chosen, ratings) < UNCLEAR
                count[1] += 1
        (bad, misread), (good, others) = counts[True], counts[False]
        lines.append(
            f"warnings{' if told' * told}: on {bad} of {misread} with F1 < {MISREAD}, "
            f"on {good} of {others} others"
        )
    return "\n".join(lines)


def _unsure(every: list[Trial]) -> str:
    """Return how many images the networks for all crystals are unsure of, misread and others."""
    lines = []
    for name, scanned in (("crystal", False), ("stem", True)):
        read = [
            (rating.probability < UNSURE, one.f1[name])
            for one in every
            for rating in one.ratings
            if rating.name == name and one.scanned == scanned and rating.domain <= 1
            if len(rating.sites[0]) >= ENOUGH
        ]
        bad = [unsure for unsure, f1 in read if f1 < MISREAD]
        good = [unsure for unsure, f1 in read if f1 >= READ_WELL]
        lines.append(
            f"{name} unsure of {sum(bad)} of {len(bad)} with F1 < {MISREAD}, {sum(good)} of "
            f"{len(good)} with F1 >= {READ_WELL}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, help="data sets, or recipes")
    parser.add_argument("--images", type=int, default=60, help="of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the images (%(default)s)")
    options = parser.parse_args()
    every: list[Trial] = []
    for source in options.sources:
        every += trials(source, options.images, options.seed)
        print(source, flush=True)
    print(table(every))


if __name__ == "__main__":
    main()
