# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hyperspy_dlatoms.networks._folding import fold
from hyperspy_dlatoms.networks.architecture import build
from hyperspy_dlatoms.networks.running import policy

# Filled in anew from the arguments.
OF_ARCHITECTURE = {"kind": None, "images": None, "heights": None}


def trained(arguments, n_classes):
    """Build a network whose normalisations are not what they begin as."""
    import keras

    keras.utils.set_random_seed(1)
    model, rng = build(arguments, n_classes), np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith(("gamma", "moving_variance")):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        elif variable.path.endswith(("beta", "moving_mean")):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


def shown(model):
    """Random images, and the defoci of series, of the shapes that the network takes."""
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(2, 32, 48, model.inputs[0].shape[-1])).astype(np.float32)
    return frames if len(model.inputs) == 1 else [frames, np.ones((2, 4), np.float32)]


@pytest.mark.parametrize(
    "more", [{}, {"heights": True}, {"decoys": ["hole"]}, {"images": 3}, {"wave": True}]
)
def test_gives_what_the_network_gives(card, more):
    arguments = card.arguments | more
    model = trained(arguments, len(card.classes))
    folded = fold(dataclasses.replace(card, arguments=arguments, **OF_ARCHITECTURE), model)
    ours, right = (np.asarray(one(shown(model), training=False)) for one in (folded, model))
    assert np.abs(right).max() > 0.1
    np.testing.assert_allclose(ours, right, atol=1e-5 * np.abs(right).max())


def test_no_normalisation_is_left_and_the_network_keeps_its_own(card):
    import keras

    def norms(model):
        return [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]

    model = trained(card.arguments, len(card.classes))
    before = [np.asarray(variable) for variable in model.weights]
    assert norms(model) and not norms(fold(card, model))
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


def test_precision_stays(card):
    with policy("mixed_bfloat16"):
        model = build(card.arguments, len(card.classes))
    assert fold(card, model).get_layer("stem").compute_dtype == "bfloat16"
