# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.evaluation.calibration import (
    coverage,
    expected_calibration_error,
    reliability,
)


@pytest.fixture
def draws():
    rng = np.random.default_rng(4)
    probability = rng.uniform(0.05, 1, 50_000)
    return probability, rng.random(50_000) < probability


def test_true_probabilities_are_reliable(draws):
    rows = reliability(*draws)
    assert sum(row["atoms"] for row in rows) == 50_000
    for row in rows:
        assert row["low"] <= row["probability"] <= row["high"]
        assert row["right"] == pytest.approx(row["probability"], abs=0.03)
    assert expected_calibration_error(*draws) < 0.01


def test_overconfidence(draws):
    probability, right = draws
    stated = np.clip(probability + 0.2, 0, 1)
    expected = np.mean(stated - probability)
    assert expected_calibration_error(stated, right) == pytest.approx(expected, abs=0.01)


def test_one_is_in_the_last_bin():
    (row,) = reliability(np.ones(3), np.array([True, True, False]), bins=5)
    assert (row["low"], row["high"], row["atoms"]) == (0.8, 1.0, 3)


def test_coverage():
    errors = np.random.default_rng(0).normal(0, 1, (50_000, 2))
    right, bold = (
        coverage(errors, np.ones_like(errors)),
        coverage(errors, 0.5 * np.ones_like(errors)),
    )
    assert right["within_1"] == pytest.approx(0.683, abs=0.01)
    assert right["within_2"] == pytest.approx(0.954, abs=0.01)
    assert bold["within_2"] == pytest.approx(right["within_1"])
    assert bold["rms_ratio"] == pytest.approx(2, abs=0.02)
    errors[:2] = np.nan
    assert coverage(errors, np.ones_like(errors))["within_1"] == pytest.approx(0.683, abs=0.01)


def test_nothing():
    assert reliability(np.empty(0), np.empty(0, bool)) == []
    assert expected_calibration_error(np.empty(0), np.empty(0, bool)) is None
    assert set(coverage(np.full(2, np.nan), np.ones(2)).values()) == {None}
