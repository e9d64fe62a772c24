# SPDX-License-Identifier: GPL-3.0-or-later
"""Folding of batch normalisations into the convolutions before them, for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperspy_dlatoms.networks.architecture import NORM, build
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.running import policy

if TYPE_CHECKING:
    import keras


def fold(card: ModelCard, model: keras.Model) -> keras.Model:
    """Build the same network, with weights of its own, without its batch normalisations.

    Once trained, a normalisation is a scale and a shift of each channel. The scale goes into the
    kernel of the convolution before it and the shift into a bias, which spares two passes over the
    output of the convolution.
    """
    # Source: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    # Integer-Arithmetic-Only Inference", CVPR (2018), section 3.2.
    from keras import ops

    with policy(model.get_layer("stem").dtype_policy.name):
        folded = build(card.arguments, len(card.classes), folded=True)
    for layer in folded.layers:
        if not layer.weights:
            continue
        weights = [variable.value for variable in model.get_layer(layer.name).weights]
        norm = _norm_of(model, layer.name)
        if norm is not None:
            gain = norm.gamma / ops.sqrt(norm.moving_variance + norm.epsilon)
            weights = [weights[0] * gain, norm.beta - norm.moving_mean * gain]
        for variable, value in zip(layer.weights, weights, strict=True):
            variable.assign(value)
    return folded


def _norm_of(model: keras.Model, name: str) -> keras.layers.BatchNormalization | None:
    """Return the normalisation behind a layer, if it has one."""
    return next((layer for layer in model.layers if layer.name == f"{name}{NORM}"), None)
