# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.training._comparison import Outcome
from hyperspy_dlatoms.training._probabilities import (
    Calibration,
    Line,
    apply,
    fit,
    fit_deviation,
    fit_probability,
)


def test_odds_that_are_right_stay():
    rng = np.random.default_rng(0)
    probability = rng.random(50_000)
    line = fit_probability(probability, rng.random(50_000) < probability)
    assert line == pytest.approx((1, 0), abs=0.05)


def test_rare_sites_get_smaller_odds():
    rng = np.random.default_rng(0)
    probability = rng.random(50_000)
    line = fit_probability(probability, rng.random(50_000) < 0.2 * probability)
    assert line.offset < -1


@pytest.mark.parametrize("right", [True, False])
def test_odds_need_both_kinds(right):
    with pytest.raises(ValueError, match="some that are not"):
        fit_probability(np.full(9, 0.5), np.full(9, right))


@pytest.mark.parametrize(("factor", "power"), [(0.5, 1.0), (1.5, 1.6), (1.0, 0.6)])
def test_deviations_become_those_of_the_errors(factor, power):
    rng = np.random.default_rng(0)
    sigmas = np.exp(rng.uniform(-4, 0, 40_000))
    true = factor * sigmas**power
    line = fit_deviation(true * rng.standard_normal(40_000), sigmas)
    assert line.slope == pytest.approx(power, abs=0.03)
    np.testing.assert_allclose(np.exp(line.offset + line.slope * np.log(sigmas)), true, rtol=0.1)


def test_a_few_misplaced_sites_do_not_widen_the_rest():
    rng = np.random.default_rng(0)
    errors = 0.1 * rng.standard_normal(10_000)
    errors[:200] = 3.0
    line = fit_deviation(errors, np.full(10_000, 0.2))
    assert np.exp(line.offset + line.slope * np.log(0.2)) == pytest.approx(0.1, rel=0.05)


def test_deviations_need_errors():
    with pytest.raises(ValueError, match="expected 20"):
        fit_deviation(np.ones(5), np.ones(5))


@pytest.mark.parametrize(("n_classes", "decoys"), [(1, []), (3, []), (1, ["vacancy"])])
def test_last_layer_does_it(n_classes, decoys):
    from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, build
    from hyperspy_dlatoms.networks.maps import read_output

    arguments = {"widths": [8, 8], "dilations": [1], "heights": True, "decoys": decoys}
    model = build(arguments, n_classes)
    n_classes += len(decoys)
    frames = 0.1 * np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype(np.float32)

    def read():
        return read_output(np.asarray(model(frames)), n_classes).each(np.asarray)

    before = read()
    apply(model, n_classes, Calibration(Line(0.5, -1.0), Line(1.2, 0.3), Line(0.8, -0.1)))
    after = read()

    def odds(maps):
        share = maps.probability / (1 - maps.probability.sum(axis=-1, keepdims=True))
        return np.log(share)

    np.testing.assert_allclose(odds(after), 0.5 * odds(before) - 1.0, atol=1e-4)
    np.testing.assert_array_equal(after.offset, before.offset)
    np.testing.assert_allclose(np.log(after.sigma), 1.2 * np.log(before.sigma) + 0.3, atol=1e-4)
    np.testing.assert_array_equal(after.height[..., 0], before.height[..., 0])
    logs = [np.log(maps.height[..., 1] / HEIGHT_UNIT) for maps in (before, after)]
    np.testing.assert_allclose(logs[1], 0.8 * logs[0] - 0.1, atol=1e-4)


def outcome(rng, share, sites=400):
    """Of an image of which so many sites are right, whose deviations are twice the errors."""
    right = rng.random(sites) < share
    errors = np.abs(rng.normal(0, 0.1, (sites, 2)))
    errors[~right] = 3.0
    found = np.column_stack([np.full(sites, 0.8), np.full((sites, 2), 0.2), errors])
    return Outcome(found, np.empty((sites, 0)), right, found[:, :3], right | True, 1.0, sites)


def test_images_that_are_not_read_count_for_nothing():
    rng = np.random.default_rng(0)
    outcomes = [outcome(rng, share) for share in (0.9, 0.9, 0.6, 0.05)]
    calibration = fit(outcomes)
    slope, offset = calibration.probability
    # Of those read.
    assert 1 / (1 + np.exp(-offset - slope * np.log(4))) == pytest.approx(0.8, abs=0.03)
    slope, offset = calibration.position
    assert np.exp(offset + slope * np.log(0.2)) == pytest.approx(0.1, rel=0.05)
    assert calibration.height == Line()


def test_a_network_that_reads_nothing_cannot_be_calibrated():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="reads 1 of 2 held-out images.*train it for longer"):
        fit([outcome(rng, 0.6), outcome(rng, 0.05)])
