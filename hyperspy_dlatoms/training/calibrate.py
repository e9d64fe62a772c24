# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrating a trained network: probabilities, deviations, thresholds, scores and domain."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms._doing import tracker
from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.networks._precision import F1, HALF, SHIFT
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import Recipe, parse_recipe
from hyperspy_dlatoms.registry.catalogue import file_of
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.training import _thresholds
from hyperspy_dlatoms.training._comparison import compare, without_decoys
from hyperspy_dlatoms.training._probabilities import apply, fit
from hyperspy_dlatoms.training.domain import learn_domain
from hyperspy_dlatoms.training.examples import held_out

_SEED = 31
_SEED_OF_ENSEMBLES = 33
# Å: sites of the two precisions closer than this are the same; columns are at least 0.8 Å apart.
_SAME = 0.3
_NO_SITES = "{!r} returns exit waves: there is nothing to calibrate."
_WAVES = 8  # Exit waves compared in half precision, at most: they have thousands of sites.


def calibrate_network(
    network: str | Path,
    data: str | Path | None = None,
    output: str | Path | None = None,
    *,
    images: int = 20,
    keep_domain: bool = False,
    show_progressbar: bool = True,
) -> Path:
    """Calibrate a trained network, and choose its thresholds and its domain.

    The exit waves held out from training are imaged under new conditions. Every second wave
    calibrates the probabilities and standard deviations. The other waves, together with images of
    vacuum and amorphous carbon, choose the threshold and the hysteresis threshold: of the pairs
    that leave fewer than 0.002 false atoms per nm² on the empty images (0.01 on scanned ones), the
    one with the best mean F1 over the images of all doses. Images that are mostly misread are
    ignored, since no threshold can mend them. Then the domain is fitted. Finally the network is
    compared in single and half precision, to decide whether it runs in half precision where that is
    faster.

    Parameters
    ----------
    network : str or pathlib.Path
        The model file, or the name of an installed network.
    data : str or pathlib.Path, optional
        Directory of the data set it was trained on, by default ``data/NAME``.
    output : str or pathlib.Path, optional
        The model file to write, by default `network` itself if it is a file.
    images : int
        Number of images at each dose.
    keep_domain : bool
        Whether to keep the present domain. Fitting it is the slowest part: half an hour.
    show_progressbar : bool
        Whether to show progress, on stderr.

    Returns
    -------
    pathlib.Path
        The file written, with the scores against dose on its card.

    Raises
    ------
    FileNotFoundError
        If the model or the data set does not exist.
    ValueError
        If the network reads too few images correctly to be calibrated, the data set was made from
        another recipe, the recipe holds out fewer than two waves, or an installed network is given
        without `output`.
    """
    import keras

    path = file_of(network)
    if output is None and path != Path(network):
        raise ValueError(
            f"{str(network)!r} is installed with the package and is not changed: give the file to "
            "write as output."
        )
    card, _ = read_model(path)
    if card.kind != "sites":
        raise ValueError(_NO_SITES.format(card.name))
    card = dataclasses.replace(card, reach=_thresholds.reach_for(card))
    recipe = parse_recipe(card.recipe)
    dataset = _data_of(card, data or Path("data") / card.name)
    network = AtomNetwork.load(path, "float32")
    waves = waves_to_calibrate(recipe)
    domain, track = network.domain, tracker(show_progressbar)

    rng = np.random.default_rng(_SEED + 2)
    outcomes = [
        compare(network, recipe, without_decoys(dataset, index, card), dose, rng)
        for dose in track(_thresholds.doses(card.modality), "probabilities")
        for index in rng.choice(waves[1::2], images)
    ]
    # A copy, since a loaded network is shared by everyone who loads it.
    model = keras.models.clone_model(network.model)
    model.set_weights(network.model.get_weights())
    decoys = card.arguments.get("decoys", ())
    apply(model, len(card.classes) + len(decoys), fit(outcomes))
    network = AtomNetwork.from_model(card, model)

    rng = np.random.default_rng(_SEED)
    counts: dict[float, list[np.ndarray]] = {dose: [] for dose in _thresholds.doses(card.modality)}
    for dose in track(counts, "thresholds"):
        for index in rng.choice(waves[::2], images):
            item = without_decoys(dataset, index, card)
            counts[dose].append(
                _thresholds.count(compare(network, recipe, item, dose, rng), network)
            )
    numbers = range(_thresholds.EMPTY * images)
    empty = [
        _thresholds.false_on_empty(network, recipe, n, rng) for n in track(numbers, "empty images")
    ]
    threshold, hysteresis, scores = _thresholds.choose(counts, empty, network)

    card = dataclasses.replace(
        card, threshold=threshold, anchor=hysteresis, scores=card.scores | scores
    )
    if not keep_domain:
        network = AtomNetwork.from_model(card, model)
        domain = learn_domain(network, recipe, dataset, np.random.default_rng(_SEED + 1), track)
    output = Path(output or path)
    AtomNetwork.from_model(card, model, domain).save(output)
    some = np.random.default_rng(_SEED + 3).choice(waves, min(images, _WAVES))
    items = (without_decoys(dataset, index, card) for index in track(some, "half precision"))
    measured = compare_precisions(output, items, _SEED + 3)
    written, arrays = read_model(output)
    write_model(
        output, dataclasses.replace(written, scores=written.scores | {HALF: measured}), arrays
    )
    return output


def waves_to_calibrate(recipe: Recipe) -> range:
    """Return a recipe's held-out waves; raise ValueError if its network cannot be calibrated."""
    if recipe.network.wave:
        raise ValueError(_NO_SITES.format(recipe.name))
    waves = held_out(recipe)
    if len(waves) < 2:
        raise ValueError(
            f"The recipe of {recipe.name!r} holds out {len(waves)} of {recipe.waves.count} waves, "
            "but calibration needs 2 or more, to fit probabilities and thresholds on different "
            "ones: train with more waves, or with a larger training.validation_share."
        )
    return waves


def calibrate_ensemble(
    members: str | Sequence[str | Path],
    data: str | Path = "data",
    *,
    images: int = 7,
    show_progressbar: bool = True,
) -> float:
    """Return the threshold of an ensemble, the least mean probability of a site.

    It is chosen as for a network, on the held-out waves of its members, equally many from each. All
    members are applied to all images, each with its own thresholds.

    Parameters
    ----------
    members : str or sequence of str or pathlib.Path
        The name of an ensemble, or names or files of its members.
    data : str or pathlib.Path
        Folder of its members' data sets, each in ``data/NAME``.
    images : int
        Number of images at each dose from the waves of each member.
    show_progressbar : bool
        Whether to show progress, on stderr.

    Returns
    -------
    float

    Raises
    ------
    FileNotFoundError
        If a data set does not exist.
    ValueError
        If `members` is not an ensemble.
    """
    ensemble = registry.load(members)
    if not isinstance(ensemble, AtomEnsemble):
        raise ValueError(f"{members!r} is a single network: expected an ensemble, or its members.")
    rng, track = np.random.default_rng(_SEED_OF_ENSEMBLES), tracker(show_progressbar)
    counts: dict[float, list[np.ndarray]] = {
        dose: [] for dose in _thresholds.doses(ensemble.card.modality)
    }
    empty: list[np.ndarray] = []
    for member in ensemble.members:
        card, recipe = member.card, parse_recipe(member.card.recipe)
        dataset = _data_of(card, Path(data) / card.name)
        waves = held_out(recipe)
        for dose in track(counts, card.name):
            for index in rng.choice(waves, images):
                item = without_decoys(dataset, index, card)
                counts[dose].append(
                    _thresholds.count(compare(ensemble, recipe, item, dose, rng), ensemble)
                )
        numbers = range(_thresholds.EMPTY * images)
        empty += [
            _thresholds.false_on_empty(ensemble, recipe, n, rng)
            for n in track(numbers, "empty images")
        ]
    return _thresholds.choose(counts, empty, ensemble).threshold


def compare_precisions(path: Path, items: Iterable[Item], seed: int) -> dict[str, Any]:
    """Compare the sites found in both precisions, in images of waves at each dose."""
    # Returns for a card: F1 and rms error (pm) of each precision over all images at the card's
    # thresholds, the numbers of images and sites, and the rms shift of sites between them (pm, per
    # axis).
    networks = [AtomNetwork.load(path, precision) for precision in ("float32", "bfloat16")]
    card = networks[0].card
    recipe = parse_recipe(card.recipe)
    # For each precision: true, found and right sites, and the squared errors of the latter (Å²).
    totals, shifts, number = np.zeros((2, 4)), [], 0
    for index, item in enumerate(items):
        for dose in _thresholds.doses(card.modality):
            both = [
                compare(one, recipe, item, dose, np.random.default_rng([seed, index, dose]), None)
                for one in networks
            ]
            for total, outcome in zip(totals, both, strict=True):
                errors = outcome.found[outcome.right, 3:5] * card.sampling
                found, right = outcome.right.size, np.count_nonzero(outcome.right)
                total += np.array([outcome.true, found, right, np.sum(errors**2)])
            full, half = (outcome.places[:, :2] * outcome.pixel for outcome in both)
            first, second = match(full, half, _SAME).T
            shifts.append((full[first] - half[second]).ravel())
            number += 1
    true, found, right, squares = totals.T
    f1 = 2 * right / np.maximum(true + found, 1)
    errors = 100 * np.sqrt(squares / np.maximum(2 * right, 1))
    squared = np.square(np.concatenate(shifts or [np.zeros(1)]))
    return {
        "images": number,
        "true sites": int(true[0]),
        F1: [round(float(one), 4) for one in f1],
        "rms error in float32 and bfloat16 (pm)": [round(float(one), 2) for one in errors],
        SHIFT: round(100 * float(np.sqrt(squared.mean())) if squared.size else 0.0, 2),
    }


def _data_of(card: ModelCard, directory: str | Path) -> DataSet:
    """Open the data set that a network was trained on."""
    dataset = DataSet(directory)
    if not dataset.recipe.makes_same_data(parse_recipe(card.recipe)):
        raise ValueError(
            f"{directory} holds a data set of another recipe than that of {card.name!r}."
        )
    return dataset
