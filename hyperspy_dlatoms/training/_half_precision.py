# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of a network in single and in half precision, on the same simulated images."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.networks._precision import F1, SHIFT
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import Item
from hyperspy_dlatoms.training._comparison import compare
from hyperspy_dlatoms.training._thresholds import doses

# Å: within it sites of both precisions are the same one; the nearest columns are 0.8 Å apart.
_SAME = 0.3


def compare_precisions(path: Path, items: Iterable[Item], seed: int) -> dict[str, Any]:
    """Find the sites of images of waves at each dose in both precisions."""
    # For a card: F1 and rms error (pm) of each over all images with the card's thresholds, the
    # numbers of images and sites, and the rms shift (pm, per axis) of sites between the precisions.
    networks = [AtomNetwork.load(path, precision) for precision in ("float32", "bfloat16")]
    card = networks[0].card
    recipe = parse_recipe(card.recipe)
    # Of each precision: true, found and right sites, and the squared errors of the latter (Å²).
    totals, shifts, number = np.zeros((2, 4)), [], 0
    for index, item in enumerate(items):
        for dose in doses(card.modality):
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
