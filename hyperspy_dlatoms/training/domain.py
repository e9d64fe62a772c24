# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting the domain of a network: which images it reads right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.distance import cdist

from hyperspy_dlatoms.networks.domain import Domain, standardise
from hyperspy_dlatoms.networks.spectrum import BANDS

DIMENSIONS = 200
EXAMPLES = 1000
REGULARISATION = 0.1
SHRINKAGE = 0.1
QUANTILES = (0.99, 0.998, 0.998, 0.998)
"""Shares of good images within each of the limits."""

MARGINS = (1.0, 1.3, 1.3, 1.3)
"""By which the limits are farther from the median than those shares ask for."""


def fit_domain(
    inside: np.ndarray,
    outside: np.ndarray,
    good: np.ndarray,
    sampling: tuple[float, float],
    seed: int = 0,
) -> Domain:
    """Fit the domain of a network.

    Parameters
    ----------
    inside : numpy.ndarray
        Images that the network reads right, by `hyperspy_dlatoms.networks.domain.describe`,
        shape (n, D).
    outside : numpy.ndarray
        Images that it reads wrong, of the training set and of other kinds, shape (m, D).
    good : numpy.ndarray
        Images of exit waves that it was not trained on, and that it reads right, to set the limits
        by, shape (l, D).
    sampling : tuple of float
        Least and largest sampling that it was trained on, Å/px.
    seed : int
        Of the choice of the examples that are kept.

    Returns
    -------
    Domain
        Of values that float16, and so a model file, holds without loss.

    Raises
    ------
    ValueError
        If there are fewer than 20 images of a kind.

    Notes
    -----
    Least squares over all images, those inside and outside counting the same in all, on a Gaussian
    kernel at a random part of them. The reach of the kernel is the median distance of two images.
    """
    for name, images in (("inside", inside), ("outside", outside), ("good", good)):
        if len(images) < 20:
            raise ValueError(f"There are {len(images)} images {name!r}, at least 20 are needed.")
    every = np.concatenate([inside, outside])
    says = np.repeat([-1.0, 1.0], [len(inside), len(outside)])
    centre, scale = _half(inside.mean(axis=0)), inside.std(axis=0)
    scale = _half(scale + 0.05 * np.median(scale) + 1e-3)
    standard = standardise(every, centre, scale)
    projection = _half(_principal(standard))
    points = standard @ projection
    chosen = np.random.default_rng(seed).permutation(len(every))[:EXAMPLES]
    examples = _half(points[chosen])
    squared = cdist(points, examples, "sqeuclidean")
    reach = _half(np.array([np.median(squared)]))
    weights = np.where(says > 0, 1 / len(outside), 1 / len(inside)) * len(every) / 2
    odd = standard[says < 0, -2 * BANDS :]
    covariance = np.cov(odd.T)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance) + 0.1)
    domain = Domain(
        sampling=np.asarray(sampling, np.float32),
        centre=centre,
        scale=scale,
        projection=projection,
        examples=examples,
        votes=_half(_votes(np.exp(-squared / reach), chosen, says, weights)),
        reach=reach,
        whitening=_half(np.linalg.cholesky(np.linalg.inv(covariance))),
        usual=np.zeros(4),
        limits=np.ones(4),
    )
    measured = domain.measure(good)
    usual = np.median(measured, axis=0)
    most = np.array([np.quantile(one, q) for one, q in zip(measured.T, QUANTILES, strict=True)])
    limits = usual + np.maximum(most - usual, 0.05) * MARGINS
    return replace(domain, usual=_half(usual), limits=_half(limits))


def _principal(standard: np.ndarray) -> np.ndarray:
    """Directions of the largest variance, each divided by the root of its spread."""
    _, spread, directions = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)
    spread = spread[:DIMENSIONS] / np.sqrt(len(standard))
    return directions[:DIMENSIONS].T / np.sqrt(np.maximum(spread, 1e-2))


def _votes(
    kernel: np.ndarray, chosen: np.ndarray, says: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Solve the regularised least squares for the vote of each example."""
    weighted = kernel.T * weights
    within = kernel[chosen]
    ridge = REGULARISATION * within + 1e-3 * np.eye(len(chosen))
    return np.linalg.solve(weighted @ kernel + ridge, weighted @ says)


def _half(values: np.ndarray) -> np.ndarray:
    """Round to what a model file holds."""
    return np.asarray(values, np.float16).astype(np.float32)
