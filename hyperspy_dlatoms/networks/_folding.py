# SPDX-License-Identifier: GPL-3.0-or-later
"""Folding of batch normalisations into the convolutions before them, for inference.

Once trained, a normalisation is a scale and a shift of each channel. The scale goes into the kernel
of the preceding convolution and the shift into a bias, which saves two passes over its output.
"""

# Source: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
# Integer-Arithmetic-Only Inference", CVPR (2018), section 3.2.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.networks.architecture import NORM, build
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.running import policy

if TYPE_CHECKING:
    import keras

# The arrays of a normalisation; and what it adds to the variance, the default of Keras.
OF_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_EPSILON = np.float32(1e-3)


def fold(card: ModelCard, model: keras.Model) -> keras.Model:
    """Build the same network, with weights of its own, without its batch normalisations."""
    from keras.ops import convert_to_numpy

    with policy(model.get_layer("stem").dtype_policy.name):
        folded = build(card.arguments, len(card.classes), folded=True)
    fill(folded, {one.path: convert_to_numpy(one) for one in model.weights})
    return folded


def fill(folded: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Fill a network that was built folded with the weights of the trained one, by name."""
    for layer in folded.layers:
        if layer.weights:
            layer.set_weights(folded_weights(arrays, layer.name))


def trained(
    folded: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the trained network's weights from those of the folded one's."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in folded.items():
        layer, _, kind = name.rpartition("/")
        of_norm = [f"{layer}{NORM}/{one}" for one in OF_NORM]
        normalised = kind == "bias" and any(one in arrays for one in of_norm)
        shapes |= dict.fromkeys(of_norm if normalised else [name], shape)
    return shapes


def folded_weights(arrays: Mapping[str, np.ndarray], layer: str) -> list[np.ndarray]:
    """Return the kernel of a layer, and its bias if it or a following normalisation has one."""
    kernel, bias = arrays[f"{layer}/kernel"], arrays.get(f"{layer}/bias")
    if f"{layer}{NORM}/gamma" in arrays:
        gamma, beta, mean, variance = (arrays[f"{layer}{NORM}/{one}"] for one in OF_NORM)
        gain = gamma / np.sqrt(variance + _EPSILON)
        kernel, bias = kernel * gain, beta - mean * gain
    return [kernel] if bias is None else [kernel, bias]
