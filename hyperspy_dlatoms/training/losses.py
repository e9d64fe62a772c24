# SPDX-License-Identifier: GPL-3.0-or-later
"""The loss: a likelihood of what is there, and of where it is."""

from __future__ import annotations

from typing import Any

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, LOG_SIGMA

BETA = 0.5
"""Power of the predicted variance that weighs the likelihood of an offset."""

CLASS_WEIGHT = 4.0
POSITION_WEIGHT = 0.5
HEIGHT_WEIGHT = 0.1


def site_loss(targets: Any, maps: Any) -> Any:
    """
    Add the cross-entropy of the classes and the Gaussian likelihood of offsets and heights.

    Because both are likelihoods, the probabilities come out calibrated and the deviations are those
    of the errors, as far as training reaches. The likelihood of an offset is weighed by a power of
    the predicted variance, so that the few sites that are known best do not drown all others.

    Parameters
    ----------
    targets : tensor
        (n, h, w, 3) or with heights (n, h, w, 4), see
        :func:`hyperspy_dlatoms.training.targets.rasterise`. Cells of class -1 do not count.
    maps : tensor
        (n, h, w, classes + 5) or (n, h, w, classes + 7), see
        :func:`hyperspy_dlatoms.networks.architecture.build`.

    Returns
    -------
    tensor
        Scalar.

    References
    ----------
    A. Kendall and Y. Gal, "What uncertainties do we need in Bayesian deep learning for computer
    vision?", NeurIPS (2017), equation 5; M. Seitzer et al., "On the pitfalls of heteroscedastic
    uncertainty estimation with probabilistic neural networks", ICLR (2022), for the weight.
    """
    from keras import ops

    classes = ops.cast(targets[..., 0], "int32")
    present = ops.cast(classes > 0, "float32")
    counted = ops.cast(classes >= 0, "float32")
    with_heights = targets.shape[-1] > 3
    logits, end = maps.shape[-1] - (6 if with_heights else 4), maps.shape[-1]
    entropy = ops.sparse_categorical_crossentropy(
        ops.maximum(classes, 0), maps[..., :logits], from_logits=True
    )
    loss = CLASS_WEIGHT * ops.mean(entropy * counted)

    def of_sites(surprise):
        return ops.sum(surprise * present) / (ops.sum(present) + 100.0)

    offset, log_sigma = maps[..., logits : logits + 2], maps[..., logits + 2 : logits + 4]
    loss += POSITION_WEIGHT * of_sites(surprise(targets[..., 1:3], offset, log_sigma))
    if with_heights:
        height, log_deviation = maps[..., end - 2 : end - 1], maps[..., end - 1 : end]
        true = targets[..., 3:4] / HEIGHT_UNIT
        loss += HEIGHT_WEIGHT * of_sites(surprise(true, height, log_deviation))
    return loss


def wave_loss(targets: Any, waves: Any) -> Any:
    """
    Give the mean square of the difference between exit waves.

    Parameters
    ----------
    targets, waves : tensor
        (n, h, w, 8), see :func:`hyperspy_dlatoms.networks.waves.to_cells`.

    Returns
    -------
    tensor
        Scalar, of a pixel, in hundredths of the mean intensity.
    """
    from keras import ops

    # Real and imaginary part of a pixel add up.
    return 200 * ops.mean((targets - waves) ** 2)


def surprise(true: Any, mean: Any, raw: Any) -> Any:
    """
    Give the negative logarithm of a Gaussian likelihood, weighed by a power of its variance.

    Parameters
    ----------
    true, mean : tensor
        What is, and what the network says, (..., c).
    raw : tensor
        Logarithm of the predicted deviation, (..., c), before it is bounded to ``LOG_SIGMA``.

    Returns
    -------
    tensor
        Summed over the last axis, (...).
    """
    from keras import ops

    log_sigma = ops.clip(raw, *LOG_SIGMA)
    # Beyond its bounds a deviation has no say in the likelihood, and this alone brings it back.
    beyond = (raw - log_sigma) ** 2
    error = (true - mean) * ops.exp(-log_sigma)
    weight = ops.stop_gradient(ops.exp(2 * BETA * log_sigma))
    return ops.sum(weight * (0.5 * error**2 + log_sigma) + beyond, axis=-1)
