# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from extrapolation import area, table
from scipy.stats import norm

from hyperspy_dlatoms.training.extrapolation import Outcome, fallen


def outcome(f1, dose=1000.0, sites=50, kind="", score=0.5):
    return Outcome(kind, dose, sites, f1, np.zeros(3), score, ())


def test_area_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    bad, good = rng.normal(1.5, 1, 4000), rng.normal(0, 1, 4000)
    assert area(bad, good) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)
    assert area(good, bad) == pytest.approx(1 - area(bad, good))


def test_equal_scores_count_half():
    assert area(np.ones(3), np.ones(5)) == 0.5
    assert area(np.array([2.0, 3.0]), np.array([1.0])) == 1
    assert np.isnan(area(np.array([]), np.ones(2)))


def test_table():
    outcomes = [outcome(0.1, kind="a", score=3.0), outcome(0.3, kind="a", score=0.4)]
    outcomes += [outcome(0.9, kind="b", score=1.2), outcome(1.0, kind="b", score=0.2)]
    rows = table(outcomes, fallen(outcomes, 0.9), good=np.array([0.1, 0.5, 0.6]))
    assert [row[0] for row in rows] == ["a", "b", "all"]
    assert rows[0][1:6] == (2, 0.2, 1.0, pytest.approx((1 + 1 / 3) / 2), 0.5)
    assert rows[1][1:4] == (2, 0.95, 0.0) and rows[1][6] == 0.5
    assert np.isnan(rows[0][6]) and np.isnan(rows[1][4]) and np.isnan(rows[1][5])
    assert rows[2][1] == 4
