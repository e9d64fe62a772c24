# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrate a trained network, set its threshold, the scores on its card, and its domain.

Images of the exit waves that were held out from the training are taken under conditions drawn
afresh. By those of every second wave the probabilities and standard deviations are made to be what
they say. The probabilities are of images that it reads at all: where most of what it reports is
wrong it mostly took the contrast for the opposite one, which is for the guard to say. The
deviations are of images that it reads well: of many wrong sites some are near a true one by chance,
and their distance is no error of a position. Then images are taken of the other waves, and of
vacuum and amorphous carbon, as many at each dose, since a network that has learnt what sheets look
like sees one in a thin film the sooner the lower the dose. There are two thresholds, that of all
sites and that of their anchors (`hyperspy_dlatoms.detection.anchors`). Of those that leave fewer
than 0.002 false atoms per nm² on the empty ones, the two with the best F1 over all doses are
written into the model file, with the scores against dose.

Of a network of single images the domain is fitted then: from images that it reads right, and images
that it reads wrong, of the training waves and of other kinds; its limits are set on the held-out
waves. The shipped networks were finished by::

    dlatoms train recipes/graphene.yaml
    python tools/calibrate.py runs/graphene/graphene.safetensors data/graphene \\
        hyperspy_dlatoms/registry/weights/graphene.safetensors

With ``--keep-domain`` the domain of the file stays as it is.
"""

import argparse
import dataclasses
from itertools import product
from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection._symmetry import members_of
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sites import CONNECTED, column_names, likeliest_connected
from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT
from hyperspy_dlatoms.networks.domain import Domain
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions, images_of
from hyperspy_dlatoms.simulation.imaging.image import take_image, take_series
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.wave import exit_wave
from hyperspy_dlatoms.training._probabilities import (
    Calibration,
    Line,
    apply,
    fit_deviation,
    fit_probability,
)
from hyperspy_dlatoms.training.domain import fit_domain
from hyperspy_dlatoms.training.extrapolation import examine, fallen, usual_f1
from hyperspy_dlatoms.training.fit import training_examples
from hyperspy_dlatoms.training.outliers import KINDS, draw_outlier, take_picture

SEED = 31
BORDER = 3.0
TOLERANCE = {"C": 0.5}
LOWEST = 0.1
THRESHOLDS = np.arange(0.2, 0.925, 0.05).round(2)
ANCHORS = (*THRESHOLDS, 0.93, 0.95, 0.97, 0.98, 0.99)
ANCHORED = np.array([pair for pair in product(THRESHOLDS, ANCHORS) if pair[0] <= pair[1]])
"""Each threshold with each anchor from it on."""
ALONE = np.column_stack([THRESHOLDS, THRESHOLDS])
"""Each threshold, each site standing for itself: of an ensemble, whose members have anchors."""
MOST_FALSE = 0.002
ENERGIES = (80e3, 300e3)
INSIDE, OUTSIDE, GOOD = 1000, 2800, 1000
FEWEST_SITES = 30
LIKELY = 0.5
READ, WELL_READ = 0.5, 0.8
"""Least share of the likely sites of an image that are right."""
EMPTY = 12
"""Empty images for each image at a dose: of fewer, a single false atom would decide."""
DOSES = (100, 316, 1000, 3162, 10_000, 31_623, 100_000)
DOSES_OF_EMPTY = DOSES[1:]
"""Few training images have less; there a network takes some thin films for sheets."""


def main() -> None:
    """Take the images, find the sites, choose the threshold, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("output")
    parser.add_argument("--images", type=int, default=20, help="images at each dose")
    parser.add_argument("--keep-domain", action="store_true", help="that of the file")
    arguments = parser.parse_args()
    network = AtomNetwork.load(arguments.model)
    recipe = parse_recipe(network.card.recipe)
    data = DataSet(arguments.data)
    held_out = training_examples(data, recipe, validation=True).indices
    tolerance = tolerance_of(network)
    domain = network.domain
    network = calibrated(network, recipe, data, held_out[1::2], arguments.images, tolerance)
    held_out = held_out[::2]
    counts = {dose: [] for dose in DOSES}
    rng = np.random.default_rng(SEED)
    for dose in DOSES:
        for index in rng.choice(held_out, arguments.images):
            counts[dose].append(
                score_wave(network, recipe, wave_of(data, index, network), dose, tolerance, rng)
            )
    empty = [false_on_empty(network, recipe, n, rng) for n in range(EMPTY * arguments.images)]
    threshold, anchor, scores = choose(counts, empty, ANCHORED)
    card = dataclasses.replace(
        network.card, threshold=threshold, anchor=anchor, scores=network.card.scores | scores
    )
    # The guard knows single images only.
    if not arguments.keep_domain and images_of(recipe.imaging) == 1:
        network = AtomNetwork.from_model(card, network.model)
        domain = find_domain(network, recipe, data, tolerance)
    AtomNetwork.from_model(card, network.model, domain).save(arguments.output)


def choose(counts, empty, pairs) -> tuple[float, float | None, dict[str, float]]:
    """Choose among pairs of a threshold and an anchor, and give the scores with them.

    Of images at each dose, `score_wave` gave the counts, and of empty images `false_on_empty`.
    """
    totals = {dose: np.sum(parts, axis=0) for dose, parts in counts.items()}
    false = np.mean(empty, axis=0)
    allowed = false <= MOST_FALSE
    # Where none is allowed, the one with the fewest false atoms.
    at = int(np.where(allowed, f1_of(sum(totals.values())), -false).argmax())
    scores = {
        "held-out images a dose": len(counts[DOSES[0]]),
        "false atoms on vacuum and amorphous carbon (nm⁻²)": round(float(false[at]), 4),
    }
    for dose, total in totals.items():
        _, found, right, squares = total[at]
        scores[f"F1 at {dose} e/Å²"] = round(float(f1_of(total)[at]), 3)
        scores[f"precision at {dose} e/Å²"] = round(float(right / max(found, 1)), 3)
        error = np.sqrt(squares / max(2 * right, 1))
        scores[f"rms error at {dose} e/Å² (pm)"] = round(100 * float(error), 1)
    for name, value in scores.items():
        print(f"{name}: {value}")
    threshold, anchor = (float(value) for value in pairs[at])
    print("threshold", threshold, "anchor", anchor)
    return threshold, anchor if anchor > threshold else None, scores


def sites_in(image, pixel, network) -> np.ndarray:
    """Find all sites that a threshold could leave, of an ensemble those that any member reports."""
    if isinstance(network, AtomEnsemble):
        return find_sites(image[None], pixel, network, minimum_agreement=0.0)[0]
    return find_sites(image[None], pixel, network, LOWEST)[0]


def reported(sites, pixel, network) -> np.ndarray:
    """Tell which sites each threshold and anchor would leave, bool, shape (n, pairs)."""
    probability = sites[:, 2]
    if isinstance(network, AtomEnsemble):
        return probability[:, np.newaxis] >= ALONE[:, 0]
    reach = CONNECTED * network.card.minimum_distance / pixel
    left = np.zeros((len(sites), len(ANCHORED)), bool)
    for threshold in THRESHOLDS:
        above = probability >= threshold
        likeliest = likeliest_connected(sites[above, :2], probability[above], reach)
        these = ANCHORED[:, 0] == threshold
        left[np.ix_(above, these)] = likeliest[:, np.newaxis] >= ANCHORED[these, 1]
    return left


class Outcome(NamedTuple):
    """Sites found in an image, beside those there.

    Attributes
    ----------
    found : numpy.ndarray
        Probability, and sigmas and errors (working px, y and x), of each counted one, shape (n, 5).
    heights : numpy.ndarray
        Sigma and error of the height (atoms), shape (n, 2), or (n, 0) where they are not told.
    right : numpy.ndarray
        Whether each is one, and of its class, bool, shape (n,).
    reported : numpy.ndarray
        Whether each threshold and anchor would leave it, see `reported`.
    true : int
        Number of sites there.
    """

    found: np.ndarray
    heights: np.ndarray
    right: np.ndarray
    reported: np.ndarray
    true: int


def look_at(network, recipe, item, dose, tolerance, rng) -> Outcome:
    """Take an image of a wave, or a focal series, find the sites, and compare them with the truth.

    Sites of kinds that the network does not tell, and those near the edges, do not count.
    """
    conditions = draw_conditions(rng, recipe.imaging | {"dose": dose})
    image, pixel = take(recipe)(
        rng, item.wave, recipe.waves["sampling"], item.record["energy"], conditions
    )
    sites = sites_in(image, pixel, network)
    columns = column_names(network.card, len(members_of(network, False)))
    classes = class_of_sites(network.card.classes, item)
    places, scale = item.sites[:, :2] / pixel, pixel / network.card.sampling
    partner = np.full(len(sites), -1)
    first, second = match(sites[:, :2], places, tolerance / pixel).T
    partner[first] = second
    there = partner >= 0
    said = sites[:, 5] if len(network.card.classes) > 1 else np.zeros(len(sites))
    right = there & (classes[partner] == said) if len(places) else there
    errors, heights = np.full((len(sites), 2), np.nan), np.empty((len(sites), 0))
    errors[there] = np.abs(sites[there, :2] - places[partner[there]]) * scale
    if "height" in columns:
        heights = sites[:, [columns.index("height_sigma"), columns.index("height")]]
        heights[there, 1] = np.abs(heights[there, 1] - item.sites[partner[there], 2])
    size = recipe.waves["size"]
    counted = inner(sites[:, :2] * pixel, size)
    if len(places):
        counted &= ~(there & (classes[partner] < 0))
    found = np.column_stack([sites[:, 2], sites[:, 3:5] * scale, errors])
    true = np.count_nonzero(inner(item.sites[:, :2], size) & (classes >= 0))
    left = reported(sites, pixel, network)
    return Outcome(found[counted], heights[counted], right[counted], left[counted], true)


def tolerance_of(network) -> float:
    """Give the distance (Å) from a true site within which a site found is right."""
    return TOLERANCE.get(network.card.classes[0], 0.7)


def wave_of(data, index, network):
    """Give a wave and its sites, those of decoys left out."""
    item = data[int(index)]
    decoys = [
        number
        for number, kind in enumerate(item.record["kinds"])
        if kind in network.card.arguments.get("decoys", ())
    ]
    kept = ~np.isin(item.species, decoys)
    return dataclasses.replace(item, sites=item.sites[kept], species=item.species[kept])


def take(recipe):
    """Give what takes an image, or a focal series, under the conditions of a recipe."""
    return take_image if images_of(recipe.imaging) == 1 else take_series


def class_of_sites(classes, item) -> np.ndarray:
    """Give the class of each site, -1 for a kind that the network does not tell."""
    kinds = item.record["kinds"]
    if len(classes) == 1:
        return np.zeros(len(item.sites), int)
    number = [classes.index(kind) if kind in classes else -1 for kind in kinds]
    return np.array(number, int)[item.species]


def inner(places, size) -> np.ndarray:
    """Tell which places (y, x in Å) are farther than ``BORDER`` from the edges of the image."""
    return ((places > BORDER) & (size - places > BORDER)).all(axis=1)


def calibrated(network, recipe, data, waves, images, tolerance) -> AtomNetwork:
    """Change the last layer so that probabilities and deviations come out right."""
    rng = np.random.default_rng(SEED + 2)
    outcomes = [
        look_at(network, recipe, wave_of(data, index, network), dose, tolerance, rng)
        for dose in DOSES
        for index in rng.choice(waves, images)
    ]
    read, well_read = (
        [outcome for outcome in outcomes if share_right(outcome) >= least]
        for least in (READ, WELL_READ)
    )
    print(f"{len(read)} of {len(outcomes)} images are read, {len(well_read)} of them well")
    found, _, right = (np.concatenate([outcome[part] for outcome in read]) for part in range(3))
    odds = fit_probability(found[:, 0], right)
    found, heights, right = (
        np.concatenate([outcome[part] for outcome in well_read]) for part in range(3)
    )
    likely = right & (found[:, 0] > LIKELY)
    position = fit_deviation(found[likely, 3:5], found[likely, 1:3])
    height = Line()
    if heights.shape[1]:
        height = fit_deviation(*(heights[likely].T[::-1] / HEIGHT_UNIT))
    calibration = Calibration(odds, position, height)
    print(calibration)
    decoys = network.card.arguments.get("decoys", ())
    apply(network.model, len(network.card.classes) + len(decoys), calibration)
    return AtomNetwork.from_model(network.card, network.model)


def share_right(outcome: Outcome) -> float:
    """Give the share of the likely sites of an image that are right, 1 where there are none."""
    likely = outcome.found[:, 0] > LIKELY
    return outcome.right[likely].mean() if likely.any() else 1.0


def find_domain(network, recipe, data, tolerance) -> Domain:
    """Look at images from inside and outside of the training set, and fit the domain."""
    rng = np.random.default_rng(SEED + 1)
    pixel = recipe.waves["sampling"]

    def known(validation, number):
        """Look at images of the waves trained on, or of half of those held out."""
        indices = training_examples(data, recipe, validation=validation).indices
        indices = indices[::2] if validation else indices
        for index in rng.choice(indices, number):
            picture = take_picture(rng, wave_of(data, index, network), recipe.imaging, pixel)
            yield examine(network, picture.crop(rng), tolerance)

    def foreign(number):
        """Look at images of other kinds."""
        indices = training_examples(data, recipe).indices
        while number:
            item = wave_of(data, rng.choice(indices), network)
            if len(item.sites) >= FEWEST_SITES:
                kind = KINDS[number % len(KINDS)]
                picture = draw_outlier(rng, kind, item, recipe.imaging, pixel)
                yield examine(network, picture, tolerance)
                number -= 1

    def split(outcomes):
        """Descriptions of those read right, and of the others."""
        wrong = fallen(outcomes, usual_f1(inside, np.array([one.dose for one in outcomes])))
        descriptions = np.array([one.description for one in outcomes])
        return descriptions[~wrong], descriptions[wrong]

    inside = list(known(False, INSIDE))
    right, wrong = split(inside)
    also_right, outside = split(list(foreign(OUTSIDE)))
    good, _ = split(list(known(True, GOOD)))
    print(
        f"domain: {len(right)} + {len(also_right)} images inside, "
        f"{len(wrong)} + {len(outside)} outside"
    )
    return fit_domain(
        np.concatenate([right, also_right]),
        np.concatenate([wrong, outside]),
        good,
        network.card.domain["sampling"],
    )


def score_wave(network, recipe, item, dose, tolerance, rng) -> np.ndarray:
    """Take one image, and count true, found and right sites and their squared error (Å²)."""
    found, _, right, left, true = look_at(network, recipe, item, dose, tolerance, rng)
    squares = ((found[:, 3:5] * network.card.sampling) ** 2).sum(axis=1)
    true = np.full(left.shape[1], true)
    hits = left[right]
    return np.column_stack([true, left.sum(axis=0), hits.sum(axis=0), squares[right] @ hits])


def false_on_empty(network, recipe, number, rng) -> np.ndarray:
    """Take an image of vacuum or amorphous carbon, and count sites per nm² at each threshold."""
    size, pixel = recipe.waves["size"], recipe.waves["sampling"]
    energy = ENERGIES[number % 2]
    specimen = vacuum(size) if number % 8 < 2 else amorphous_carbon(rng, size)
    wave, *_ = exit_wave(rng, specimen, energy, sampling=pixel)
    dose = DOSES_OF_EMPTY[number // 8 % len(DOSES_OF_EMPTY)]
    conditions = draw_conditions(rng, recipe.imaging | {"dose": dose})
    image, sampling = take(recipe)(rng, wave, pixel, energy, conditions)
    sites = sites_in(image, sampling, network)
    return reported(sites, sampling, network).sum(axis=0) / (size / 10) ** 2


def f1_of(total: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall at each choice."""
    true, found, right, _ = total.T
    return 2 * right / np.maximum(true + found, 1)


if __name__ == "__main__":
    main()
