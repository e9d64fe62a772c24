# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT
from hyperspy_dlatoms.training.losses import LOG_SIGMA, site_loss, teacher_loss

TARGETS = np.zeros((1, 4, 4, 3), np.float32)
TARGETS[0, 1, 2] = 1, 0.4, -0.3


def maps(probability=0.99, offset=(0.4, -0.3), log_sigma=-1.0):
    out = np.zeros((1, 4, 4, 6), np.float32)
    out[..., 0] = 5.0
    out[0, 1, 2, 0] = 0.0
    out[0, 1, 2, 1] = np.log(probability / (1 - probability))
    out[..., 2:4] = offset
    out[..., 4:] = log_sigma
    return out


def loss(**changes):
    return float(site_loss(TARGETS, maps(**changes)))


def test_the_truth_has_the_least_loss():
    assert loss() < loss(probability=0.5)
    assert loss() < loss(offset=(0.5, -0.3))
    assert loss() < loss(offset=(0.4, 0.0))


def test_offsets_count_only_where_a_site_is():
    elsewhere = maps()
    elsewhere[0, 3, 3, 2:4] = 5.0
    assert float(site_loss(TARGETS, elsewhere)) == pytest.approx(loss())


def test_the_best_deviation_is_that_of_the_errors():
    error = 0.2
    tried = np.linspace(-3, 0, 61)
    entropy = loss(log_sigma=0.0)
    wrong = [loss(offset=(0.4 + error, -0.3 + error), log_sigma=v) - entropy for v in tried]
    # Training sees the weight, exp(log_sigma), as a constant.
    likelihood = np.array(wrong) / np.exp(tried)
    assert np.exp(tried[likelihood.argmin()]) == pytest.approx(error, rel=0.06)


def test_a_deviation_beyond_its_bounds_is_pulled_back():
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    import tensorflow as tf

    too_sure = tf.Variable(maps(offset=(1.0, 0.5), log_sigma=LOG_SIGMA[0] - 2))
    with tf.GradientTape() as tape:
        value = site_loss(TARGETS, too_sure)
    gradient = tape.gradient(value, too_sure).numpy()
    assert np.isfinite(value)
    assert (gradient[0, 1, 2, 4:] < 0).all()


def test_heights_have_the_weight_that_they_are_given():
    targets = np.concatenate([TARGETS, np.full((1, 4, 4, 1), 3.0, np.float32)], axis=-1)

    def weighed(height, weight):
        told = np.zeros((1, 4, 4, 2), np.float32)
        told[..., 0] = height / HEIGHT_UNIT
        return float(site_loss(targets, np.concatenate([maps(), told], axis=-1), weight))

    assert weighed(3, 0) == weighed(9, 0)
    once, twice = (weighed(9, weight) - weighed(3, weight) for weight in (1, 2))
    assert 0 < once == pytest.approx(twice / 2, rel=1e-3)


def with_heights(value):
    return np.concatenate([value, np.full((*value.shape[:3], 2), 0.3, np.float32)], axis=-1)


@pytest.mark.parametrize("heights", [False, True])
def test_a_network_learns_most_from_a_teacher_by_saying_the_same(heights):
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    import tensorflow as tf

    taught = with_heights(maps(0.9)) if heights else maps(0.9)
    towards = np.random.default_rng(4).normal(0, 0.3, (5, taught.shape[-1]))
    maps_of = [taught.copy() for _ in towards]
    for one, step in zip(maps_of, towards, strict=True):
        one[0, 1, 2] += step
    for one in (taught, *maps_of):
        changed = tf.Variable(one)
        with tf.GradientTape() as tape:
            value = teacher_loss(taught, changed, heights)
        gradient = tape.gradient(value, changed).numpy()
        if one is taught:
            np.testing.assert_allclose(gradient, 0, atol=1e-6)
        else:
            assert (gradient * (one - taught)).sum() > 0


def test_a_teacher_that_is_sure_is_as_the_truth():
    taught = maps(1 - 1e-6, log_sigma=LOG_SIGMA[0])
    taught[..., 0] *= 20
    taught[0, 1, 2, 0] = 0
    learnt = maps(0.8, offset=(0.1, 0.2))
    expected = float(site_loss(TARGETS, learnt))
    assert float(teacher_loss(taught, learnt, False)) == pytest.approx(expected, rel=1e-3)
