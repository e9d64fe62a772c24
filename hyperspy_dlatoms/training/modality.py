# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting how a network tells scanned images (STEM) from those of a camera (HRTEM)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from hyperspy_dlatoms.networks.domain import Domain, describe, standardise
from hyperspy_dlatoms.training.domain import FEWEST_SITES
from hyperspy_dlatoms.training.extrapolation import see
from hyperspy_dlatoms.training.outliers import take_picture

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork
    from hyperspy_dlatoms.recipes.recipe import Recipe
    from hyperspy_dlatoms.simulation.dataset import Item

_SMOOTHED = 0.25
"""Share of the images that are smoothed, by `_WIDTHS` px, as many are before they are saved: white
noise would else tell how they were made."""

_WIDTHS = (0.5, 2.0)

_RIDGE = 20.0
"""Of the squared weights, in units of images: best of 1 to 1000 on materials that were left out."""

_STEPS = 30
"""Of Newton's method, which takes about ten."""


def describe_images(
    networks: Sequence[AtomNetwork],
    recipe: Recipe,
    item_of: Callable[[int], Item],
    indices: Sequence[int],
    number: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Describe images (number, D) of waves with sites to each network, drawn by a recipe."""
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
    """Fit a domain to tell descriptions (n, D) of scanned images from those of a camera."""
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
