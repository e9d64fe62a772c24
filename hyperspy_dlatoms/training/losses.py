# SPDX-License-Identifier: GPL-3.0-or-later
"""The loss: likelihoods of the classes, the offsets and the heights."""

from typing import Any

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, LOG_SIGMA

# Power of the predicted variance that weighs the likelihood, as Seitzer et al. recommend it.
_BETA = 0.5
# Weights of two parts; the mean entropy is over all cells, most of them background.
_CLASSES, _POSITIONS = 4.0, 0.5


def site_loss(targets: Any, maps: Any, height_weight: float = 0.1) -> Any:
    """Return the cross-entropy of classes and the Gaussian likelihood of offsets and heights."""
    # `targets` (n, h, w, 3 or 4) as of `rasterise`, cells of class -1 not counting; `maps` as of
    # `architecture.build`. Of likelihoods, probabilities and deviations come out calibrated.
    from keras import ops

    classes = ops.cast(targets[..., 0], "int32")
    present = ops.cast(classes > 0, "float32")
    counted = ops.cast(classes >= 0, "float32")
    with_heights = targets.shape[-1] > 3
    logits, end = maps.shape[-1] - (6 if with_heights else 4), maps.shape[-1]
    entropy = ops.sparse_categorical_crossentropy(
        ops.maximum(classes, 0), maps[..., :logits], from_logits=True
    )
    loss = _CLASSES * ops.mean(entropy * counted)

    def of_sites(surprise):
        return ops.sum(surprise * present) / (ops.sum(present) + 100.0)

    offset, log_sigma = maps[..., logits : logits + 2], maps[..., logits + 2 : logits + 4]
    loss += _POSITIONS * of_sites(surprise(targets[..., 1:3], offset, log_sigma))
    if with_heights:
        height, log_deviation = maps[..., end - 2 : end - 1], maps[..., end - 1 : end]
        true = targets[..., 3:4] / HEIGHT_UNIT
        loss += height_weight * of_sites(surprise(true, height, log_deviation))
    return loss


def teacher_loss(taught: Any, maps: Any, heights: bool, height_weight: float = 0.1) -> Any:
    """Return the loss of maps against those `taught`, of another network, in place of the sites."""
    # As `site_loss`: entropy of the classes and of the Gaussians of offsets and heights. A cell
    # counts by the probability that a site is there.
    # G. Hinton et al., "Distilling the Knowledge in a Neural Network", arXiv:1503.02531 (2015).
    from keras import ops

    logits, end = maps.shape[-1] - (6 if heights else 4), maps.shape[-1]
    likely = ops.softmax(taught[..., :logits])
    entropy = ops.categorical_crossentropy(likely, maps[..., :logits], from_logits=True)
    loss = _CLASSES * ops.mean(entropy)
    present = 1 - likely[..., 0]

    def of_sites(first: int, last: int, middle: int) -> Any:
        variance = ops.exp(2 * ops.clip(taught[..., middle:last], *LOG_SIGMA))
        told, raw = maps[..., first:middle], maps[..., middle:last]
        surprises = surprise(taught[..., first:middle], told, raw, variance)
        return ops.sum(surprises * present) / (ops.sum(present) + 100.0)

    loss += _POSITIONS * of_sites(logits, logits + 4, logits + 2)
    if heights:
        loss += height_weight * of_sites(end - 2, end, end - 1)
    return loss


def wave_loss(targets: Any, waves: Any) -> Any:
    """Return the mean square difference of exit waves (n, h, w, 8), see `waves.to_cells`."""
    # Of a pixel, in hundredths of the mean intensity.
    from keras import ops

    # Real and imaginary part of a pixel add up.
    return 200 * ops.mean((targets - waves) ** 2)


def surprise(true: Any, mean: Any, raw: Any, variance: Any = 0.0) -> Any:
    """Return the negative logarithm of a Gaussian likelihood (...), weighed by its variance."""
    # `true`, known with a `variance`, and `mean` (..., c), `raw` the logarithm of the predicted
    # deviation, unbounded. The weight keeps the few sites that are known best from drowning all
    # others.
    # A. Kendall and Y. Gal, NeurIPS (2017), equation 5; M. Seitzer et al., ICLR (2022), for the
    # weight.
    from keras import ops

    log_sigma = ops.clip(raw, *LOG_SIGMA)
    # Beyond its bounds a deviation has no gradient in the likelihood; this term brings it back.
    beyond = (raw - log_sigma) ** 2
    square = ((true - mean) ** 2 + variance) * ops.exp(-2 * log_sigma)
    weight = ops.stop_gradient(ops.exp(2 * _BETA * log_sigma))
    return ops.sum(weight * (0.5 * square + log_sigma) + beyond, axis=-1)
