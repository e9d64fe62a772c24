# SPDX-License-Identifier: GPL-3.0-or-later
"""The loss: a likelihood of what is there, and of where it is."""

from __future__ import annotations

from typing import Any

from hyperspy_dlatoms.networks.architecture import LOG_SIGMA

BETA = 0.5
"""Power of the predicted variance that weighs the likelihood of an offset."""

CLASS_WEIGHT = 4.0
POSITION_WEIGHT = 0.5


def site_loss(targets: Any, maps: Any) -> Any:
    """
    Add the cross-entropy of the classes and the Gaussian likelihood of the offsets.

    Because both are likelihoods, the probabilities come out calibrated and the deviations are those
    of the errors, as far as training reaches. The likelihood of an offset is weighed by a power of
    the predicted variance, so that the few sites that are known best do not drown all others.

    Parameters
    ----------
    targets : tensor
        (n, h, w, 3), see :func:`hyperspy_dlatoms.training.targets.rasterise`.
    maps : tensor
        (n, h, w, classes + 5), see :func:`hyperspy_dlatoms.networks.architecture.build`.

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
    entropy = ops.sparse_categorical_crossentropy(classes, maps[..., :-4], from_logits=True)
    raw = maps[..., -2:]
    log_sigma = ops.clip(raw, *LOG_SIGMA)
    # Beyond its bounds a deviation has no say in the likelihood, and this alone brings it back.
    beyond = ops.sum((raw - log_sigma) ** 2, axis=-1)
    error = (targets[..., 1:] - maps[..., -4:-2]) * ops.exp(-log_sigma)
    weight = ops.stop_gradient(ops.exp(2 * BETA * log_sigma))
    surprise = ops.sum(weight * (0.5 * error**2 + log_sigma), axis=-1)
    position = ops.sum((surprise + beyond) * present) / (ops.sum(present) + 100.0)
    return CLASS_WEIGHT * ops.mean(entropy) + POSITION_WEIGHT * position
