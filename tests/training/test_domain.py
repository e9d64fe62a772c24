# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.networks.domain import BANDS
from hyperspy_dlatoms.training.domain import fit_domain

CHANNELS = 20
SIZE = CHANNELS + 3 + 2 * BANDS


def images(rng, number, texture, tilt=0.0):
    """Descriptions: a texture in some channels, and a spectrum that falls by some power."""
    out = rng.normal(size=(number, SIZE)) * 0.3
    out[:, :5] += texture * np.array([1.0, -1.0, 0.5, 1.0, 0.0])
    out[:, CHANNELS : CHANNELS + 3] = rng.uniform(0, 1, (number, 3))
    out[:, -2 * BANDS : -BANDS] -= (1 + tilt) * np.linspace(-1, 1, BANDS)
    return out


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(0)
    inside, outside, good = images(rng, 300, 0), images(rng, 200, 1.5), images(rng, 400, 0)
    return fit_domain(inside, outside, good, (0.03, 0.26))


def outside_by(domain, descriptions):
    return (domain.rate(descriptions) > 1).mean(axis=0)


def test_few_good_images_are_outside(domain):
    rates = domain.rate(images(np.random.default_rng(1), 1000, 0))
    assert 0.001 < (rates > 1).any(axis=1).mean() < 0.05
    np.testing.assert_allclose(np.median(rates, axis=0), np.exp(-1), rtol=0.3)


def test_images_like_those_outside_are_outside(domain):
    votes, *_ = outside_by(domain, images(np.random.default_rng(2), 300, 1.5))
    assert votes > 0.9


def test_images_like_none_are_outside(domain):
    _, distance, _, _ = outside_by(domain, images(np.random.default_rng(3), 300, -8))
    assert distance > 0.9


def test_images_of_an_odd_spectrum_are_outside(domain):
    _, _, oddness, _ = outside_by(domain, images(np.random.default_rng(4), 300, 0, tilt=2))
    assert oddness > 0.9


def test_its_values_fit_in_float16(domain):
    for array in domain.to_arrays().values():
        np.testing.assert_allclose(array.astype(np.float16), array, rtol=1e-3, atol=1e-7)
    for name in ("examples", "votes", "projection", "limits"):
        array = getattr(domain, name)
        np.testing.assert_array_equal(array.astype(np.float16), array)


def test_too_few_images_are_refused():
    some = images(np.random.default_rng(6), 30, 0)
    with pytest.raises(ValueError, match="19 images 'outside', at least 20"):
        fit_domain(some, some[:19], some, (0.03, 0.26))
