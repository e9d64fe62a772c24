# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting the domain of a network: which images it reads correctly."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.distance import cdist

from hyperspy_dlatoms.networks.domain import BANDS, Domain, standardise
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training._comparison import tolerance, without_decoys
from hyperspy_dlatoms.training._series_outliers import SERIES_KINDS, draw_series_outlier
from hyperspy_dlatoms.training.examples import first_held_out, held_out
from hyperspy_dlatoms.training.extrapolation import Outcome, examine, fallen, usual_f1
from hyperspy_dlatoms.training.outliers import KINDS, draw_outlier, take_picture

# Images of training waves, of other kinds, and of held-out waves: half an hour on two cores.
INSIDE, OUTSIDE, GOOD = 1000, 2800, 1000
FEWEST_SITES = 30  # In a wave used for an image of another kind, so that it is not empty.
_TRIES = 1000  # Waves searched for one with that many sites.
_DIMENSIONS = 200  # Principal directions of the descriptions that are kept.
_EXAMPLES = 1000  # Images that vote: in float16 they add 0.4 MB to a model file.
_REGULARISATION = 0.1  # Of the votes, in units of the kernel, whose diagonal is 1.
# Shrinks the covariance of the spectra towards its diagonal, since there are few images outside.
_SHRINKAGE = 0.1
_QUANTILES = (0.99, 0.998, 0.998, 0.998)  # Shares of good images within each of the limits.
# Factors by which the limits lie farther from the median than those shares require. The spectrum
# of scans varies more, since many are smoothed before they are saved, and some have no noise.
_MARGINS = {"HRTEM": (1.0, 1.3, 1.3, 1.3), "STEM": (1.0, 1.3, 2.6, 1.3)}


def learn_domain(
    network: AtomNetwork,
    recipe: Recipe,
    data: DataSet,
    rng: np.random.Generator,
    track: Callable,
    numbers: tuple[int, int, int] = (INSIDE, OUTSIDE, GOOD),
) -> Domain:
    """Fit a network's domain on training images, outliers, and held-out images (`numbers`)."""
    n_inside, n_outside, n_good = numbers
    card, pixel = network.card, recipe.waves.sampling
    trained, untrained = range(first_held_out(recipe)), held_out(recipe)

    def known(indices: Sequence[int], number: int) -> Iterator[Outcome]:
        for index in track(rng.choice(indices, number), "domain"):
            item = without_decoys(data, index, card)
            picture = take_picture(rng, item, recipe.imaging, pixel, card)
            yield examine(network, picture.crop(rng), tolerance(card))

    def foreign() -> Iterator[Outcome]:
        draw, kinds = draw_outlier, KINDS
        if card.images > 1:
            draw, kinds = draw_series_outlier, SERIES_KINDS
        for number in track(range(n_outside, 0, -1), "outside"):
            drawn = (without_decoys(data, rng.choice(trained), card) for _ in range(_TRIES))
            item = next((one for one in drawn if len(one.sites) >= FEWEST_SITES), None)
            if item is None:
                raise ValueError(
                    f"No wave of {data.directory} has the {FEWEST_SITES} sites needed to learn the "
                    "domain: make larger waves, or keep the domain as it is."
                )
            picture = draw(rng, kinds[number % len(kinds)], item, recipe.imaging, pixel, card)
            yield examine(network, picture, tolerance(card))

    def split(outcomes: Sequence[Outcome]) -> tuple[np.ndarray, np.ndarray]:
        """Return descriptions of the images read correctly, and of those misread."""
        wrong = fallen(outcomes, usual_f1(inside, np.array([one.dose for one in outcomes])))
        descriptions = np.array([one.description for one in outcomes])
        return descriptions[~wrong], descriptions[wrong]

    inside = list(known(trained, n_inside))
    right, wrong = split(inside)
    also_right, outside = split(list(foreign()))
    good, _ = split(list(known(untrained[::2], n_good)))
    return fit_domain(
        np.concatenate([right, also_right]),
        np.concatenate([wrong, outside]),
        good,
        card.domain["sampling"],
        _MARGINS[card.modality],
    )


def fit_domain(
    inside: np.ndarray,
    outside: np.ndarray,
    good: np.ndarray,
    sampling: tuple[float, float],
    margins: Sequence[float] = _MARGINS["HRTEM"],
) -> Domain:
    """Fit a domain to descriptions of images that a network reads correctly, and misreads."""
    # The limits are set by `good` images, of waves it was not trained on; `sampling` is the least
    # and largest in training (Å/px). Least squares with Gaussian kernels centred on a random part
    # of the images; those inside and those outside have the same total weight.
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
    chosen = np.random.default_rng(0).permutation(len(every))[:_EXAMPLES]
    examples = _half(points[chosen])
    squared = cdist(points, examples, "sqeuclidean")
    reach = _half(np.array([np.median(squared)]))
    weights = np.where(says > 0, 1 / len(outside), 1 / len(inside)) * len(every) / 2
    odd = standard[says < 0, -2 * BANDS :]
    covariance = np.cov(odd.T)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance) + 0.1)
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
    most = np.array([np.quantile(one, q) for one, q in zip(measured.T, _QUANTILES, strict=True)])
    limits = usual + np.maximum(most - usual, 0.05) * margins
    return replace(domain, usual=_half(usual), limits=_half(limits))


def _principal(standard: np.ndarray) -> np.ndarray:
    """Return the directions of largest variance, each divided by the root of its spread."""
    _, spread, directions = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)
    spread = spread[:_DIMENSIONS] / np.sqrt(len(standard))
    return directions[:_DIMENSIONS].T / np.sqrt(np.maximum(spread, 1e-2))


def _votes(
    kernel: np.ndarray, chosen: np.ndarray, says: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Solve the regularised least-squares problem for the vote of each example."""
    weighted = kernel.T * weights
    within = kernel[chosen]
    ridge = _REGULARISATION * within + 1e-3 * np.eye(len(chosen))
    return np.linalg.solve(weighted @ kernel + ridge, weighted @ says)


def _half(values: np.ndarray) -> np.ndarray:
    """Round to the precision of a model file."""
    return np.asarray(values, np.float16).astype(np.float32)
