# SPDX-License-Identifier: GPL-3.0-or-later
"""Test of a network's domain: whether it scores misread images above 1.

Each image has the network's F1 and the domain's score. An image is *fallen* (misread) if its F1 is
more than 0.1 below the median for images of the domain.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection._inference import known_of
from hyperspy_dlatoms.detection.pipeline import find_sites, working_image
from hyperspy_dlatoms.networks.domain import describe
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.training._comparison import BORDER
from hyperspy_dlatoms.training.outliers import Picture

_FALL = 0.1  # Drop in F1 that a user would want to be warned of.
_DECADES = 0.3  # Doses within a factor of two count as alike.
_NO_NOISE = 1e6  # e/Å², at which an image shows no noise.


class Outcome(NamedTuple):
    """The result of a network on an image."""

    kind: str  # Kind of the image.
    dose: float  # e/Å².
    sites: int  # Number of true sites.
    f1: float  # Without true sites: 1 if nothing was found, else 0.
    description: np.ndarray  # By `hyperspy_dlatoms.networks.domain.describe`.
    score: float  # Of the domain, above 1 for an image outside; nan if the network has none.
    reasons: tuple[str, ...]  # In what respect the image is outside.


def examine(network: AtomNetwork, picture: Picture, tolerance: float) -> Outcome:
    """Find the sites of an image to a tolerance in Å, and score it with the domain."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        defoci, elements = picture.known
        (found,) = find_sites(
            picture.image[None], picture.sampling, network, defoci=defoci, elements=elements
        )
    several = len(network.card.classes) > 1 and picture.labels is not None
    classes = found[:, 5] if several else np.zeros(len(found))
    number, f1 = _f1(found[:, :2] * picture.pixel, classes, picture, tolerance)
    working, features = see(network, picture)
    score, reasons = np.nan, ()
    if network.domain is not None:
        score, reasons, *_ = network.domain.score(
            sampling=picture.sampling, working=working, features=features
        )
    description = describe(working, features)
    return Outcome(picture.kind, picture.dose, number, f1, description, score, reasons)


def see(network: AtomNetwork, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return a domain's input for a picture: the working image or images, and features (m, C)."""
    working, *_ = working_image(picture.image, picture.sampling, network.card)
    missing = [(0, -length % network.grid_multiple) for length in working.shape[-2:]]
    missing = [(0, 0)] * (working.ndim - 2) + missing
    known = known_of(network.card, *picture.known)
    _, features = network.infer(np.pad(working, missing, mode="symmetric")[None], *known)
    return working, features.reshape(-1, features.shape[-1])


def usual_f1(outcomes: Sequence[Outcome], dose: np.ndarray) -> np.ndarray:
    """Return the median F1 of images with sites near each dose (n,), e/Å²."""
    known = [one for one in outcomes if one.sites]
    f1 = np.array([one.f1 for one in known])
    order = np.argsort(f1)
    apart = _decades([one.dose for one in known])[order] - _decades(dose)[:, None]
    weight = np.cumsum(np.exp(-0.5 * (apart / _DECADES) ** 2), axis=1)
    middle = (weight < weight[:, -1:] / 2).sum(axis=1)
    return f1[order][middle]


def fallen(outcomes: Sequence[Outcome], usual: np.ndarray | float) -> np.ndarray:
    """Return which images have F1 more than 0.1 below the usual (below 1 without sites)."""
    sites = np.array([one.sites for one in outcomes])
    return np.array([one.f1 for one in outcomes]) < np.where(sites > 0, usual, 1.0) - _FALL


def _f1(
    found: np.ndarray, classes: np.ndarray, picture: Picture, tolerance: float
) -> tuple[int, float]:
    """Count the true sites and compute F1; `found` in Å. A site of the wrong class is wrong."""
    true = picture.positions * picture.pixel
    labels = np.zeros(len(true)) if picture.labels is None else picture.labels
    far = np.array(picture.image.shape[-2:]) * picture.pixel - BORDER
    is_found, is_true = (np.all((p > BORDER) & (p < far), axis=1) for p in (found, true))
    pairs = match(found, true, tolerance)
    open_ones = labels[pairs[:, 1]] == -1
    is_found[pairs[open_ones, 0]] = False
    is_true &= labels != -1
    pairs = pairs[classes[pairs[:, 0]] == labels[pairs[:, 1]]]
    right = int(np.count_nonzero(is_true[pairs[:, 1]]))
    is_found[pairs[:, 0]] = False
    false, number = int(np.count_nonzero(is_found)), int(np.count_nonzero(is_true))
    return number, 2 * right / (number + right + false) if number + false else 1.0


def _decades(dose: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.log10(np.minimum(dose, _NO_NOISE))
