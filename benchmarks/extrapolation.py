# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings of a network's domain, compared with its F1 on the same images.

The images are new ones of held-out waves of its data set, some with a wrong calibration or too much
astigmatism; and other crystals, dark fields, photographs and noise, which no training set contains.
The aim is an area under the ROC of 0.95 for images on which F1 falls by more than 0.1 ("fallen"),
with warnings on at most 2 % of the images that the network reads correctly::

    python benchmarks/extrapolation.py graphene data/graphene
"""

import argparse
import itertools
from collections.abc import Sequence

import numpy as np
from peers.foreign import (
    PHOTOGRAPHS,
    foreign_pictures,
    foreign_waves,
    noise,
    photograph,
    wrong_pictures,
)
from scipy.stats import mannwhitneyu

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training.examples import held_out
from hyperspy_dlatoms.training.extrapolation import Outcome, examine, fallen, usual_f1
from hyperspy_dlatoms.training.outliers import VISIBLE, take_picture

SEED = 990041
TOLERANCE = {"C": 0.5}
FEWEST_SITES = 30


def main() -> None:
    """Take the images, find the sites, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--each", type=int, default=16, help="images of each kind")
    arguments = parser.parse_args()
    network = registry.load(arguments.model)
    recipe, data, each = parse_recipe(network.card.recipe), DataSet(arguments.data), arguments.each
    tolerance = TOLERANCE.get(network.card.classes[0], 0.7)
    pixel, rng = recipe.waves.sampling, np.random.default_rng(SEED)
    # The domain's limits were set on the other half.
    items = [data[i] for i in held_out(recipe)[1::2]]
    with_sites = [item for item in items if len(item.sites) >= FEWEST_SITES]

    def outcomes(pictures):
        return [examine(network, picture, tolerance) for picture in pictures]

    def known(items, imaging, number):
        chosen = itertools.islice(itertools.cycle(items), number)
        return outcomes(take_picture(rng, item, imaging, pixel).crop(rng) for item in chosen)

    inside = known(items, recipe.imaging, 20 * each)
    visible = known(with_sites, recipe.imaging | VISIBLE, 4 * each)
    wrong = itertools.islice(itertools.cycle(with_sites), each)
    outside = outcomes(
        p for item in wrong for p in wrong_pictures(rng, item, recipe.imaging, pixel)
    )
    waves = list(foreign_waves(rng, each))
    outside += outcomes(foreign_pictures(rng, waves, recipe.imaging))
    names = itertools.islice(itertools.cycle(PHOTOGRAPHS), 3 * each)
    outside += outcomes(photograph(rng, name) for name in names)
    outside += outcomes(noise(rng) for _ in range(2 * each))

    usual = float(np.median([one.f1 for one in visible]))
    bad, poor = fallen(outside, usual), fallen(visible, usual)
    failed = fallen(inside, usual_f1(inside, np.array([one.dose for one in inside])))
    score = np.array([one.score for one in inside])
    print(f"{'images':18} number   F1  fallen  AUC  warned of fallen  of others")
    for name, number, f1, share, auc, of_fallen, of_others in table(outside, bad, score[~failed]):
        print(
            f"{name:18} {number:6} {f1:5.2f} {share:6.2f} {auc:6.3f} {of_fallen:10.2f} "
            f"{of_others:13.2f}"
        )
    good = np.concatenate(
        [
            score[~failed],
            [one.score for one, out in zip(visible, poor, strict=True) if not out],
            [one.score for one, out in zip(outside, bad, strict=True) if not out],
        ]
    )
    of_bad = np.array([one.score for one in outside])[bad]
    print(
        f"AUC of the fallen against held-out images read right {area(of_bad, score[~failed]):.3f}"
    )
    print(f"AUC of the fallen against all images read right {area(of_bad, good):.3f}")
    print(
        f"warned of held-out images: {100 * (score[~failed] > 1).mean():.1f} % of those read right "
        f"({len(score[~failed])}), {100 * (score[failed] > 1).mean():.1f} % of the others "
        f"({failed.sum()}); of all images read right {100 * (good > 1).mean():.1f} %"
    )


def table(
    outcomes: Sequence[Outcome], is_fallen: np.ndarray, good: np.ndarray
) -> list[tuple[str, int, float, float, float, float, float]]:
    """Summarise each kind of image and all together, with NaN where there are none.

    Columns: kind, images, mean F1, share of fallen images, area under their ROC against `good`
    (scores of images that the network reads correctly), and the shares of fallen images and of the
    others that raise a warning.
    """
    kinds = np.array([one.kind for one in outcomes])
    f1, score = (np.array([getattr(one, name) for one in outcomes]) for name in ("f1", "score"))
    rows = []
    for name in (*dict.fromkeys(kinds), "all"):
        of = (kinds == name) | (name == "all")
        bad, rest = score[of & is_fallen], score[of & ~is_fallen]
        shares = [float((part > 1).mean()) if len(part) else np.nan for part in (bad, rest)]
        row = (int(of.sum()), float(f1[of].mean()), float(is_fallen[of].mean()), area(bad, good))
        rows.append((str(name), *row, *shares))
    return rows


def area(bad: np.ndarray, good: np.ndarray) -> float:
    """Return the area under the ROC: the chance that a bad image scores above a good one."""
    if not len(bad) or not len(good):
        return np.nan
    return float(mannwhitneyu(bad, good).statistic / (len(bad) * len(good)))


if __name__ == "__main__":
    main()
