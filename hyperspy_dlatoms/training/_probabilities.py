# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrating a network's probabilities and standard deviations on held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT

if TYPE_CHECKING:
    import keras

    from hyperspy_dlatoms.training._comparison import Outcome

_WITHIN = 0.683  # Fraction of normal errors within one standard deviation.
_SURE = 1e-6  # Probabilities stay this far from 0 and 1, about what float32 resolves near 1.
_LIKELY = 0.5  # A network reports the sites above this probability.
# Probabilities are learnt from images with at least this share of right sites: below it the network
# mostly mistook the contrast for its opposite, which the domain warns of.
READ = 0.5
_WELL_READ = 0.8  # The same for deviations: among many wrong sites, some match one by chance.
_FEWEST_ERRORS = 20  # Errors of ten sites along both axes: with fewer, a fitted line is chance.


class Line(NamedTuple):
    """A linear correction of a network's output: ``offset + slope * number``."""

    slope: float = 1.0
    offset: float = 0.0


class Calibration(NamedTuple):
    """The correction of a network's last layer."""

    probability: Line = Line()  # Acts on the log odds of a site.
    position: Line = Line()
    height: Line = Line()  # Both act on the logarithm of a standard deviation.


def fit(outcomes: Sequence[Outcome]) -> Calibration:
    """Fit the calibration to the sites found in images."""
    shares = [outcome.share_right() for outcome in outcomes]
    read, well_read = (
        [one for one, share in zip(outcomes, shares, strict=True) if share >= least]
        for least in (READ, _WELL_READ)
    )
    if not well_read:
        raise ValueError(
            f"The network reads {len(read)} of {len(outcomes)} held-out images, none of them well "
            "enough to calibrate it: train it for longer."
        )
    found, right = (np.concatenate([getattr(o, n) for o in read]) for n in ("found", "right"))
    probability = fit_probability(found[:, 0], right)
    found, heights, right = (
        np.concatenate([getattr(o, n) for o in well_read]) for n in ("found", "heights", "right")
    )
    likely = right & (found[:, 0] > _LIKELY)
    position, height = fit_deviation(found[likely, 3:5], found[likely, 1:3]), Line()
    if heights.shape[1]:
        height = fit_deviation(*(heights[likely].T[::-1] / HEIGHT_UNIT))
    return Calibration(probability, position, height)


def fit_probability(probability: np.ndarray, right: np.ndarray) -> Line:
    """Fit the line that turns the odds of sites (n,) into their odds of being right (n,)."""
    # J. Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin
    # Classifiers (1999).
    right = np.asarray(right, bool)
    if right.all() or not right.any():
        raise ValueError(
            f"{np.count_nonzero(right)} of {len(right)} sites are right: expected some that are "
            "and some that are not. Calibrate with more images."
        )
    odds = logit(np.clip(probability, _SURE, 1 - _SURE))
    sign = np.where(right, -1.0, 1.0)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        slope, offset = parameters
        wrong = sign * (slope * odds + offset)
        gradient = sign * expit(wrong)
        return np.logaddexp(0, wrong).mean(), np.array([(gradient * odds).mean(), gradient.mean()])

    slope, offset = minimize(loss, [1.0, 0.0], jac=True, bounds=[(0.05, 20), (-10, 10)]).x
    return Line(float(slope), float(offset))


def fit_deviation(errors: np.ndarray, sigmas: np.ndarray) -> Line:
    """Fit the line that makes 68 % of the errors smaller than their standard deviations."""
    # The slope maximises the likelihood of normal errors; the offset gives the share.
    errors, sigmas = np.abs(np.ravel(errors)), np.ravel(sigmas)
    if errors.size < _FEWEST_ERRORS:
        raise ValueError(
            f"There are {errors.size} errors, expected {_FEWEST_ERRORS} or more: calibrate with "
            "more images."
        )
    logs = np.log(sigmas)
    centre = float(logs.mean())

    def surprise(parameters: np.ndarray) -> float:
        slope, offset = parameters
        fitted = offset + slope * (logs - centre)
        return float(np.mean(fitted + 0.5 * errors**2 * np.exp(-2 * fitted)))

    start = [1.0, 0.5 * np.log(np.mean(errors**2) + 1e-30)]
    slope = float(minimize(surprise, start, method="Nelder-Mead").x[0])
    slope = float(np.clip(slope, 0.2, 3.0))
    ratio = np.quantile(errors / np.exp(slope * logs), _WITHIN)
    return Line(slope, float(np.log(max(ratio, 1e-30))))


def apply(model: keras.Model, n_classes: int, calibration: Calibration) -> None:
    """Change the last layer of a network in place; `n_classes` counts decoys, but no background."""
    # The odds are of all classes against the background; their slope also sharpens the choice
    # between classes. It is all linear in the last layer, so it costs nothing later.
    lines = [Line()] * (n_classes + 5)
    slope, offset = calibration.probability
    lines[0] = Line(slope, -offset)
    lines[1 : n_classes + 1] = [Line(slope, 0.0)] * n_classes
    lines[n_classes + 3 :] = [calibration.position] * 2
    _replace(model.get_layer("maps"), lines)
    if any(layer.name == "heights" for layer in model.layers):
        _replace(model.get_layer("heights"), [Line(), calibration.height])


def _replace(layer: keras.layers.Layer, lines: list[Line]) -> None:
    slopes, offsets = np.array(lines, np.float32).T
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * slopes, bias * slopes + offsets])
