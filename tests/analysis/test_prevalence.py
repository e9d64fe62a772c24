# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, binom

from hyperspy_dlatoms.analysis import Rates, prevalence

PERFECT = Rates(1.0, 0.0)


def coverage(shares, sites, rates, level):
    """The exact probability that the interval holds a true share, for each of these."""
    found = np.arange(sites // 3)
    low, high = np.array([prevalence(int(n), sites, rates, level)[1:] for n in found]).T
    x = shares[:, None] * rates.recall + (1 - shares[:, None]) * rates.false_per_site
    holds = (low <= shares[:, None]) & (shares[:, None] <= high)
    return np.sum(binom.pmf(found, sites, x) * holds, axis=1)


@pytest.mark.parametrize("rates", [PERFECT, Rates(0.8, 0.004), Rates(0.55, 0.03)])
@pytest.mark.parametrize("level", [0.68, 0.95])
def test_the_interval_holds_the_truth_as_often_as_it_says(rates, level):
    held = coverage(np.linspace(0.001, 0.15, 150), 300, rates, level)
    assert held.mean() == pytest.approx(level, abs=0.02)
    # The number found is whole, so that no interval can hold each share equally often.
    assert held.min() > level - 0.5 * (1 - level) - 0.01
    # A sheet without any vacancy is held too, although the share cannot be less.
    assert coverage(np.zeros(1), 300, rates, level) > level - 0.05


def test_the_uncertainty_of_the_rates_is_in_the_interval():
    rng = np.random.default_rng(1)
    share, sites, recall, false = 0.06, 2000, 0.8, 0.01
    x = share * recall + (1 - share) * false
    held = {"with": 0, "without": 0}
    for _ in range(150):
        found = rng.binomial(sites, x)
        measured = rng.binomial(30, recall) / 30, rng.binomial(500, false) / 500
        for way, known in (("with", Rates(*measured, 30, 500)), ("without", Rates(*measured))):
            _, low, high = prevalence(found, sites, known)
            held[way] += (low <= share <= high) / 150
    assert 0.9 <= held["with"] <= 0.99
    assert held["without"] < 0.88


def test_for_perfect_reports_and_many_counts_it_is_that_of_a_beta_distribution():
    estimate, low, high = prevalence(300, 3000, PERFECT)
    assert estimate == pytest.approx(0.1)
    np.testing.assert_allclose([low, high], beta.interval(0.95, 301, 2701), atol=5e-4)


def test_for_many_counts_it_is_that_of_rogan_and_gladen():
    rates = Rates(0.8, 0.02, vacancies=500, sites=20_000)
    found, sites = 2000, 20_000
    estimate, low, high = prevalence(found, sites, rates)
    x, gap = found / sites, 0.78
    variance = x * (1 - x) / sites
    variance += estimate**2 * 0.8 * 0.2 / 500 + (1 - estimate) ** 2 * 0.02 * 0.98 / 20_000
    assert estimate == pytest.approx((x - 0.02) / gap)
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(variance) / gap, rel=0.08)


@pytest.mark.parametrize("sites", [1, 20, 300, 100_000])
def test_nothing_found(sites):
    for rates in (PERFECT, Rates(0.7, 0.003, 100, 5000)):
        estimate, low, high = prevalence(0, sites, rates)
        assert estimate == low == 0
        assert 0 < high <= 1
    # The rule of three, for flat odds before.
    assert prevalence(0, 300, PERFECT).high == pytest.approx(3 / 301, rel=0.02)


@pytest.mark.parametrize(
    ("found", "sites", "rates"),
    [
        (10, 1_000_000, Rates(0.9, 0.0, 50, 100)),  # Far more sites than the rates are known from.
        (0, 400, Rates(0.1, 0.0, 10, 10_000)),  # Next to no recall.
        (30, 2000, Rates(0.8, 0.01, 100, 2000)),
    ],
)
def test_the_interval_is_that_of_drawn_rates(found, sites, rates):
    rng = np.random.default_rng(0)
    recall, false = (
        rng.beta(rate * n + 0.5, (1 - rate) * n + 0.5, 20_000)
        for rate, n in ((rates.recall, rates.vacancies), (rates.false_per_site, rates.sites))
    )
    estimate, low, high = prevalence(found, sites, rates)
    shares = np.linspace(0, min(2 * high, 1), 200)
    reports = [p * recall + (1 - p) * false for p in shares]
    density = [np.mean(x**found * (1 - x) ** (sites - found)) for x in reports]
    order = np.argsort(density)[::-1]
    enough = np.searchsorted(np.cumsum(np.take(density, order)), 0.95 * np.sum(density)) + 1
    inside = shares[order[:enough]]
    np.testing.assert_allclose([low, high], [inside.min(), inside.max()], atol=0.06 * high)
    assert low <= estimate <= high


def test_fewer_than_the_false_reports_are_none():
    estimate, low, high = prevalence(2, 1000, Rates(0.9, 0.01))
    assert estimate == low == 0 < high < 0.01


def test_all_found_and_no_sites():
    estimate, low, high = prevalence(50, 50, PERFECT)
    assert estimate == high == 1 > low > 0.9
    estimate, low, high = prevalence(0, 0, PERFECT)
    assert math.isnan(estimate)
    assert (low, high) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1.2, 0.0), "recall is 1.2"),
        ((0.9, -0.1), "false_per_site is -0.1"),
        ((0.1, 0.2), "recall above false_per_site"),
        ((0.9, 0.1, 0), "vacancies is 0"),
        ((0.9, 0.1, 5, math.nan), "sites is nan"),
    ],
)
def test_rates_out_of_range(arguments, said):
    with pytest.raises(ValueError, match=said):
        Rates(*arguments)


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="found is 5 of 4"):
        prevalence(5, 4, PERFECT)
    with pytest.raises(ValueError, match="level is 95"):
        prevalence(1, 4, PERFECT, 95)
