# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks._narrowing import narrowed

WIDER = {2: 4, 4: 6, 6: 7}


def with_random_weights(arguments, rng):
    model = architecture.build(arguments, 1)
    for one in model.weights:
        low = 0.5 if one.path.endswith(("gamma", "variance")) else -0.5
        one.assign(rng.uniform(low, 1.0, one.shape))
    return model


def weights(model):
    return {one.path: np.asarray(one) for one in model.weights}


def widened(narrow, wide, rng):
    """Spread the channels of a network over those of a wider one, whose others do nothing."""
    places = {
        (few, many): np.sort(rng.choice(many, few, replace=False)) for few, many in WIDER.items()
    }
    arrays = {}
    for path, shape in ((one.path, tuple(one.shape)) for one in wide.weights):
        source = narrow[path]
        arrays[path] = np.ones(shape) if path.endswith("variance") else np.zeros(shape)
        axes = zip(source.shape, shape, strict=True)
        where = [np.arange(n) if n == m else places[n, m] for n, m in axes]
        arrays[path][np.ix_(*where)] = source
    return arrays


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"heights": True, "decoys": ["vacancy"]},
        {"images": 3, "material": True},
        {"images": 3, "wave": True},
        {"widths": [2, 4, 4]},
    ],
)
def test_channels_that_do_nothing_are_left_out(more):
    rng = np.random.default_rng(5)
    arguments = {"widths": [2, 4, 6], "dilations": [1, 2]} | more
    wider = arguments | {"widths": [WIDER[width] for width in arguments["widths"]]}
    model = with_random_weights(arguments, rng)
    arrays = widened(weights(model), architecture.build(wider, 1), rng)
    cut = narrowed(arrays, wider, arguments["widths"])
    assert set(cut) == set(weights(model))
    for path, array in weights(model).items():
        np.testing.assert_array_equal(cut[path], array, err_msg=path)


def test_the_strongest_channels_are_kept_in_their_order():
    rng = np.random.default_rng(6)
    arguments = {"widths": [4, 6], "dilations": [1]}
    arrays = weights(with_random_weights(arguments, rng))
    weak, norm = [0, 4], "middle0_first_norm"
    arrays[f"{norm}/gamma"][weak] *= 1e-3
    cut = narrowed(arrays, arguments, [4, 4])
    np.testing.assert_array_equal(cut[f"{norm}/gamma"], arrays[f"{norm}/gamma"][[1, 2, 3, 5]])
    np.testing.assert_array_equal(cut["down0_first/kernel"], arrays["down0_first/kernel"])
