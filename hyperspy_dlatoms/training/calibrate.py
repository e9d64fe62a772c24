# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrating a trained network: probabilities and deviations, thresholds, scores, domain."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms._doing import tracker
from hyperspy_dlatoms.networks._precision import HALF
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.registry.catalogue import file_of
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training import _thresholds
from hyperspy_dlatoms.training._comparison import compare, without_decoys
from hyperspy_dlatoms.training._half_precision import compare_precisions
from hyperspy_dlatoms.training._probabilities import apply, fit
from hyperspy_dlatoms.training.domain import learn_domain
from hyperspy_dlatoms.training.examples import held_out

_SEED = 31
_SEED_OF_ENSEMBLES = 33
_WAVES = 8  # Exit waves whose images are compared in half precision at most: thousands of sites.


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

    Images of the exit waves held out from the training are taken under new conditions. Those of
    every second wave calibrate the probabilities and standard deviations. Those of the other waves,
    with images of vacuum and amorphous carbon, choose the threshold and the hysteresis threshold:
    the pair with the best mean F1 of the images of all doses of those that leave fewer than 0.002
    false atoms per nm² on the empty images, 0.01 of scanned ones. Images that are mostly read wrong
    have no say, since no threshold mends them. The domain is fitted then. At last the network is
    compared in single and in half precision, which decides whether it runs in the latter where that
    is faster.

    Parameters
    ----------
    network : str or pathlib.Path
        The model file, or the name of an installed network.
    data : str or pathlib.Path, optional
        Directory of the data set that it was trained on, by default ``data/NAME``.
    output : str or pathlib.Path, optional
        The model file to write, by default `network` itself if it is a file.
    images : int
        Images at each dose.
    keep_domain : bool
        Whether to keep the present domain. Fitting it takes the longest, half an hour.
    show_progressbar : bool
        Whether to show progress, on stderr.

    Returns
    -------
    pathlib.Path
        The file written, with the scores against dose on its card.

    Raises
    ------
    FileNotFoundError
        If the model or the data set is not there.
    ValueError
        If the network reads too few of the images right to be calibrated, the data set is of
        another recipe, its recipe holds out fewer than two waves, or there is no `output` for an
        installed network.
    """
    import keras

    path = file_of(network)
    if output is None and path != Path(network):
        raise ValueError(
            f"{str(network)!r} is installed with the package and stays as it is: give the file to "
            "write as output."
        )
    card, _ = read_model(path)
    if card.kind != "sites":
        raise ValueError(f"{card.name!r} returns exit waves: there is nothing to calibrate.")
    card = dataclasses.replace(card, reach=_thresholds.reach_for(card))
    recipe = parse_recipe(card.recipe)
    dataset = _data_of(card, data or Path("data") / card.name)
    network = AtomNetwork.load(path, "float32")
    waves = held_out(recipe)
    if len(waves) < 2:
        raise ValueError(
            f"The recipe of {card.name!r} holds out {len(waves)} of {recipe.waves.count} waves, of "
            "which probabilities and thresholds need different ones, 2 or more: train with more "
            "waves, or with a larger training.validation_share."
        )
    domain, track = network.domain, tracker(show_progressbar)

    rng = np.random.default_rng(_SEED + 2)
    outcomes = [
        compare(network, recipe, without_decoys(dataset, index, card), dose, rng)
        for dose in track(_thresholds.doses(card.modality), "probabilities")
        for index in rng.choice(waves[1::2], images)
    ]
    # A copy, since networks that were loaded are kept for all who load them.
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


def calibrate_ensemble(
    members: str | Sequence[str | Path],
    data: str | Path = "data",
    *,
    images: int = 7,
    show_progressbar: bool = True,
) -> float:
    """Return the threshold of an ensemble, the least mean probability of a site.

    It is chosen as that of a network, on the held-out waves of its members, as many of each. All
    members are applied to all images, each with its own thresholds.

    Parameters
    ----------
    members : str or sequence of str or pathlib.Path
        The name of an ensemble, or names or files of its members.
    data : str or pathlib.Path
        Folder of the data sets of its members, each in ``data/NAME``.
    images : int
        Images at each dose, of the waves of each member.
    show_progressbar : bool
        Whether to show progress, on stderr.

    Returns
    -------
    float

    Raises
    ------
    FileNotFoundError
        If a data set is not there.
    ValueError
        If `members` is no ensemble.
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


def _data_of(card: ModelCard, directory: str | Path) -> DataSet:
    """Open the data set that a network was trained on."""
    dataset = DataSet(directory)
    if not dataset.recipe.makes_same_data(parse_recipe(card.recipe)):
        raise ValueError(
            f"{directory} holds a data set of another recipe than that of {card.name!r}."
        )
    return dataset
