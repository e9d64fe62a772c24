# SPDX-License-Identifier: GPL-3.0-or-later
"""Making what a network says of its own errors true, by images that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

if TYPE_CHECKING:
    import keras

WITHIN = 0.683
"""Share of normal errors within one standard deviation."""

_SURE = 1e-6


class Line(NamedTuple):
    """What a number of a network is to be replaced with: ``offset + slope * number``.

    Attributes
    ----------
    slope, offset : float
    """

    slope: float = 1.0
    offset: float = 0.0


class Calibration(NamedTuple):
    """How the last layer of a network is to be changed.

    Attributes
    ----------
    probability : Line
        Of the logarithm of the odds of a site.
    position, height : Line
        Of the logarithm of the standard deviations of positions, and of heights.
    """

    probability: Line = Line()
    position: Line = Line()
    height: Line = Line()


def fit_probability(probability: np.ndarray, right: np.ndarray) -> Line:
    """Fit the line that makes the odds of sites those of being right.

    Parameters
    ----------
    probability : numpy.ndarray
        Of each site found, shape (n,).
    right : numpy.ndarray
        Whether it is one, bool, shape (n,).

    Returns
    -------
    Line
        Of the logarithm of the odds.

    Raises
    ------
    ValueError
        If not some sites are right and some are wrong.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin
    Classifiers (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.training._probabilities import fit_probability
    >>> rng = np.random.default_rng(0)
    >>> true = rng.random(20_000)
    >>> too_sure = true**2 / (true**2 + (1 - true) ** 2)
    >>> line = fit_probability(too_sure, rng.random(20_000) < true)
    >>> round(line.slope, 1), abs(round(line.offset, 1))
    (0.5, 0.0)
    """
    right = np.asarray(right, bool)
    if right.all() or not right.any():
        raise ValueError(
            f"{np.count_nonzero(right)} of {len(right)} sites are right: expected some that are "
            "and some that are not."
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
    """Fit the line that makes 68 % of the errors smaller than their standard deviations.

    Its slope is that of the largest likelihood of normal errors, its offset that of the share.

    Parameters
    ----------
    errors, sigmas : numpy.ndarray
        Of one shape and unit; sigmas above 0.

    Returns
    -------
    Line
        Of the natural logarithm of the standard deviation.

    Raises
    ------
    ValueError
        If there are fewer than 20 errors.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.training._probabilities import fit_deviation
    >>> errors = np.random.default_rng(0).normal(0, 0.1, 50_000)
    >>> line = fit_deviation(errors, np.full(50_000, 0.2))
    >>> bool(abs(np.exp(line.offset + line.slope * np.log(0.2)) - 0.1) < 0.002)
    True
    """
    errors, sigmas = np.abs(np.ravel(errors)), np.ravel(sigmas)
    if errors.size < 20:
        raise ValueError(f"There are {errors.size} errors, expected 20 or more.")
    logs = np.log(sigmas)
    centre = float(logs.mean())

    def surprise(parameters: np.ndarray) -> float:
        slope, offset = parameters
        fitted = offset + slope * (logs - centre)
        return float(np.mean(fitted + 0.5 * errors**2 * np.exp(-2 * fitted)))

    start = [1.0, 0.5 * np.log(np.mean(errors**2) + 1e-30)]
    slope = float(minimize(surprise, start, method="Nelder-Mead").x[0])
    slope = float(np.clip(slope, 0.2, 3.0))
    ratio = np.quantile(errors / np.exp(slope * logs), WITHIN)
    return Line(slope, float(np.log(max(ratio, 1e-30))))


def apply(model: keras.Model, n_classes: int, calibration: Calibration) -> None:
    """Change the last layer of a network so that its numbers come out calibrated.

    All that is to be replaced is linear in the last layer, so that nothing is left to be done when
    the network is used.

    Parameters
    ----------
    model : keras.Model
        Built by `hyperspy_dlatoms.networks.architecture.build`; changed in place.
    n_classes : int
        Kinds of sites and decoys, the background not counted.
    calibration : Calibration
        How. The odds of a site are those of all classes against the background; their slope
        sharpens or softens the choice between classes as well.
    """
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
