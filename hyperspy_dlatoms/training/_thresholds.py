# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's threshold and hysteresis threshold, chosen by F1 and false atoms."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.detection.sites import likeliest_connected, reach_of
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.imaging.modality import at_dose, draw_any, take_any
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.wave import exit_wave
from hyperspy_dlatoms.training._comparison import Outcome, all_sites
from hyperspy_dlatoms.training._probabilities import READ

# e/Å², half a decade apart, from doses that barely show metal columns to those that show single
# atoms.
DOSES = (100, 316, 1000, 3162, 10_000, 31_623, 100_000)
# The same for scanned images, whose detectors see a hundredth of the electrons or less.
SCANNED_DOSES = (1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
EMPTY = 12  # Empty images per image at a dose: with fewer, a single false atom would decide.
# False atoms per nm² allowed in empty images: one in five frames of 10 nm a side, or one in each.
_MOST_FALSE = {"HRTEM": 0.002, "STEM": 0.01}
# Å. Sites of any crystal are connected up to this distance: in each of 253 simulated crystals, nine
# in ten of the shortest links that join all columns are shorter.
_ANY_LATTICE = 4.5
_EMPTY_ENERGIES = (80e3, 300e3)  # eV, the two that most microscopes are aligned for.
_LOW = np.arange(0.2, 0.925, 0.05).round(2)
_HIGH = (*_LOW, 0.93, 0.95, 0.97, 0.98, 0.99)
# Each threshold with each hysteresis threshold at or above it.
_PAIRS = np.array([pair for pair in product(_LOW, _HIGH) if pair[0] <= pair[1]])
# Each threshold without hysteresis, for ensembles, whose members have applied their own.
_ALONE = np.column_stack([_LOW, _LOW])


def doses(modality: str) -> tuple[int, ...]:
    """Return the doses (e/Å²) at which a network is calibrated."""
    return SCANNED_DOSES if modality == "STEM" else DOSES


def reach_for(card: ModelCard) -> float | None:
    """Return the distance (Å) within which sites are connected; None for twice the least one."""
    # For networks of any crystal, the least one is that of dumbbells and says nothing of lattices.
    return None if card.materials else _ANY_LATTICE


class Choice(NamedTuple):
    """The chosen thresholds, and the scores they give."""

    threshold: float
    hysteresis: float | None
    scores: dict[str, Any]


def count(outcome: Outcome, network: AtomNetwork | AtomEnsemble) -> np.ndarray:
    """Count true, found and right sites, and sum their squared errors (Å²), (pairs, 5)."""
    # The last column is 1 for an image read correctly, 0 for one that is mostly misread.
    squares = ((outcome.found[:, 3:5] * network.card.sampling) ** 2).sum(axis=1)
    left = _left(outcome.places, outcome.pixel, network)[outcome.counted]
    hits = left[outcome.right]
    true = np.full(left.shape[1], outcome.true)
    read = np.full(left.shape[1], outcome.share_right() >= READ)
    return np.column_stack(
        [true, left.sum(axis=0), hits.sum(axis=0), squares[outcome.right] @ hits, read]
    )


def false_on_empty(
    network: AtomNetwork | AtomEnsemble, recipe: Recipe, number: int, rng: np.random.Generator
) -> np.ndarray:
    """Count the sites per nm² in an image of vacuum or amorphous carbon, (pairs,)."""
    size, pixel = recipe.waves.size, recipe.waves.sampling
    energy = _EMPTY_ENERGIES[number % 2]
    specimen = vacuum(size) if number % 8 < 2 else amorphous_carbon(rng, size)
    if recipe.modality == "STEM":
        wave, *_ = scattering_map(rng, specimen, sampling=pixel)
    else:
        wave, *_ = exit_wave(rng, specimen, energy, sampling=pixel)
    # Few training images have lower doses; there a network mistakes some thin films for sheets.
    empty = doses(recipe.modality)[1:]
    dose = empty[number // 8 % len(empty)]
    conditions = draw_any(rng, at_dose(recipe.imaging, dose))
    image, pixel, _ = take_any(rng, wave, pixel, energy, conditions, np.empty((0, 2)))
    sites = all_sites(image, pixel, network)
    return _left(sites[:, :3], pixel, network).sum(axis=0) / (size / 10) ** 2


def choose(
    counts: Mapping[float, Sequence[np.ndarray]],
    empty: Sequence[np.ndarray],
    network: AtomNetwork | AtomEnsemble,
) -> Choice:
    """Choose by the `count` of images at each dose, and by `false_on_empty` of empty ones."""
    # Takes the pair with the best mean F1 over all doses among those with few enough false atoms;
    # if there is none, the pair with the fewest. Images that are mostly misread do not influence
    # the choice, but do count in the scores.
    images = np.array([part for parts in counts.values() for part in parts])
    weights = images[..., 4] * (images[..., 0] > 0)
    f1 = (weights * _f1(images)).sum(axis=0) / np.maximum(weights.sum(axis=0), 1)
    totals = {dose: np.sum(parts, axis=0) for dose, parts in counts.items()}
    false = np.mean(empty, axis=0)
    at = int(np.where(false <= _MOST_FALSE[network.card.modality], f1, -false).argmax())
    scores = {
        "held-out images a dose": len(next(iter(counts.values()))),
        "false atoms on vacuum and amorphous carbon (nm⁻²)": round(float(false[at]), 4),
    }
    for dose, total in totals.items():
        _, found, right, squares, _ = total[at]
        scores[f"F1 at {dose} e/Å²"] = round(float(_f1(total)[at]), 3)
        scores[f"precision at {dose} e/Å²"] = round(float(right / max(found, 1)), 3)
        error = np.sqrt(squares / max(2 * right, 1))
        scores[f"rms error at {dose} e/Å² (pm)"] = round(100 * float(error), 1)
    low, high = map(float, (_ALONE if isinstance(network, AtomEnsemble) else _PAIRS)[at])
    return Choice(low, high if high > low else None, scores)


def _left(places: np.ndarray, pixel: float, network: AtomNetwork | AtomEnsemble) -> np.ndarray:
    """Return which sites (y, x in px, probability) each pair keeps, bool, (n, pairs)."""
    probability = places[:, 2]
    if isinstance(network, AtomEnsemble):
        return probability[:, np.newaxis] >= _ALONE[:, 0]
    reach = reach_of(network.card) / pixel
    left = np.zeros((len(places), len(_PAIRS)), bool)
    for threshold in _LOW:
        above = probability >= threshold
        likeliest = likeliest_connected(places[above, :2], probability[above], reach)
        these = _PAIRS[:, 0] == threshold
        left[np.ix_(above, these)] = likeliest[:, np.newaxis] >= _PAIRS[these, 1]
    return left


def _f1(total: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and recall of each pair, (..., pairs)."""
    true, found, right = (total[..., column] for column in range(3))
    return 2 * right / np.maximum(true + found, 1)
