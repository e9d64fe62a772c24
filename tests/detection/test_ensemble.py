# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from hyperspy_dlatoms.detection._ensemble import median_score, merge
from hyperspy_dlatoms.detection.sites import Candidates
from hyperspy_dlatoms.networks.domain import DomainScore

DISTANCE = 3.0
CLASSES = 3
MOSTLY = 0.9


def sites(
    places, probability, sigma=0.2, elsewhere=0.1, number=3, member=0, species=None, height=None
):
    """Sites of one of some members, of which the others have `elsewhere` there."""
    places = np.reshape(places, (-1, 2)).astype(float)
    n = len(places)
    readings = np.full((n, number), elsewhere)
    readings[:, member] = probability
    shares = None
    if species is not None:
        shares = np.full((n, CLASSES), (1 - MOSTLY) / (CLASSES - 1) * probability)
        shares[:, species] = MOSTLY * probability
    return Candidates(
        position=places,
        probability=np.full(n, probability),
        sigma=np.full((n, 2), sigma),
        species=None if species is None else np.full(n, species),
        class_probability=shares,
        height=None if height is None else np.tile(np.array(height, float), (n, 1)),
        score=np.full(n, probability),
        readings=readings,
    )


def tables(members, least):
    return merge(members, DISTANCE, least).table()


def test_the_same_site_of_all():
    places = [[10.0, 10.0], [10.3, 9.8], [9.7, 10.2]]
    found = [
        sites([place], probability, sigma, member=m)
        for m, (place, probability, sigma) in enumerate(
            zip(places, (0.9, 0.6, 0.75), (0.1, 0.2, 0.3), strict=True)
        )
    ]
    (site,) = tables(found, 1.0)
    sigmas = np.array([0.1, 0.2, 0.3])
    position = np.average(places, axis=0, weights=sigmas**-2.0)
    np.testing.assert_allclose(site[:2], position)
    assert site[2] == pytest.approx(0.75)
    # The variance of a mixture of three Gaussians, from its second moments.
    moments = np.square(places) + np.square(sigmas)[:, None]
    second = np.average(moments, axis=0, weights=sigmas**-2.0)
    np.testing.assert_allclose(site[3:5] ** 2, second - position**2)
    assert site[5] == 1


def test_a_member_without_the_site_counts_in_its_probability():
    nothing = sites([], 0.5)
    found = [sites([[5, 5]], 0.8, elsewhere=0.2), sites([[5, 6]], 0.6, elsewhere=0.4, member=1)]
    (site,) = tables([*found, nothing], 0.5)
    assert site[5] == pytest.approx(2 / 3)
    assert site[2] == pytest.approx((0.8 + 0.6 + (0.2 + 0.4) / 2) / 3)
    (alone,) = tables([nothing, nothing, sites([[5, 5]], 0.9, member=2)], 0.0)
    assert alone[2] == pytest.approx((0.9 + 0.1 + 0.1) / 3)
    assert alone[3] == pytest.approx(0.2)


@pytest.mark.parametrize(("least", "number"), [(0.0, 3), (1 / 3, 3), (0.5, 2), (2 / 3, 2), (1, 1)])
def test_minimum_agreement(least, number):
    places = np.array([[0, 0], [0, 10], [0, 20]])
    found = [sites(places[: m + 1], 0.8, member=m) for m in range(3)]
    merged = tables(found, least)
    np.testing.assert_array_equal(merged[:, :2], places[:number])
    np.testing.assert_allclose(merged[:, 5], [1, 2 / 3, 1 / 3][:number])


def test_tolerance_is_half_the_minimum_distance():
    at = [sites([[0, 0]], 0.8, number=2), sites([[0, DISTANCE / 2]], 0.8, number=2, member=1)]
    assert len(merge(at, DISTANCE, 1.0)) == 1
    beyond = [at[0], sites([[0, DISTANCE / 2 + 0.01]], 0.8, number=2, member=1)]
    assert len(merge(beyond, DISTANCE, 1.0)) == 0


def test_of_rivals_the_one_with_more_members_stays():
    found = [
        sites([[0, x]], p, member=m) for m, (x, p) in enumerate([(0, 0.6), (0, 0.6), (2, 0.9)])
    ]
    (site,) = tables(found, 0.0)
    assert site[1] == 0 and site[5] == pytest.approx(2 / 3)


def test_two_sites_of_a_member_are_never_one():
    # The second member's site is within the tolerance of both.
    found = [sites([[0, 0], [0, 3.1]], 0.8, number=2), sites([[0, 1.45]], 0.8, number=2, member=1)]
    merged = tables(found, 0.0)
    assert sorted(merged[:, 5]) == [1.0] or sorted(merged[:, 5]) == [0.5, 1.0]
    assert merged[merged[:, 5] == 1, 1] == pytest.approx([1.45 / 2])


def test_class_with_the_largest_sum_of_probabilities():
    found = [
        sites([[5, 5]], probability, member=m, species=kind)
        for m, (probability, kind) in enumerate([(0.95, 2), (0.5, 0), (0.4, 0)])
    ]
    (site,) = tables(found, 0.0)
    assert site[5:7].tolist() == [2, pytest.approx(1 / 3)]
    assert site[7:].sum() == pytest.approx(site[2])
    found[1] = sites([[5, 5]], 0.6, member=1, species=0)
    (site,) = tables(found, 0.0)
    assert site[5:7].tolist() == [0, pytest.approx(2 / 3)]
    assert len(tables(found, 1.0)) == 0


@pytest.mark.parametrize(("species", "columns"), [(None, 6), (0, 7 + CLASSES)])
def test_nothing(species, columns):
    nothing = [sites([], 0.5, species=species, number=2)] * 2
    assert tables(nothing, 0.5).shape == (0, columns)


def test_height_is_the_mean_of_the_members_that_count():
    found = [
        sites([[5, 5]], 0.8, member=m, height=height)
        for m, height in enumerate([(4.0, 0.3), (5.0, 0.4), (np.nan, np.nan)])
    ]
    (site,) = tables(found, 0.0)
    assert site[6] == pytest.approx(4.5)
    assert site[7] ** 2 == pytest.approx((0.3**2 + 0.4**2) / 2 + 0.25)
    (site,) = tables([found[2], found[2][:0], found[2][:0]], 0.0)
    assert np.isnan(site[6:]).all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_members_that_differ_by_chance(seed):
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.mgrid[:6, :7], axis=-1).reshape(-1, 2) * 2.2 * DISTANCE
    there = rng.random((3, len(lattice))) < 0.7
    found = [
        sites(lattice[t] + rng.uniform(-0.5, 0.5, (t.sum(), 2)), 0.8, member=m)
        for m, t in enumerate(there)
    ]
    merged = tables(found, 0.0)
    share = there.mean(axis=0)
    np.testing.assert_allclose(np.sort(merged[:, 5]), np.sort(share[share > 0]))
    assert (np.lexsort((merged[:, 1], merged[:, 0])) == np.arange(len(merged))).all()
    assert len(merged) < 2 or pdist(merged[:, :2]).min() > DISTANCE
    for order in itertools.permutations(range(3)):
        turned = [replace(found[m], readings=found[m].readings[:, list(order)]) for m in order]
        np.testing.assert_allclose(tables(turned, 0.0), merged)


def test_score_is_the_median():
    inside, outside = DomainScore(0.4, ()), DomainScore(3.0, ("texture",))
    assert median_score([inside, inside, outside]) == inside
    assert median_score([outside, inside, outside]) == outside
    assert median_score([inside]) == inside
    assert median_score([]) is None
    scanned = [DomainScore(0.4, (), odds) for odds in (0.9, None, 0.7)]
    assert median_score(scanned).scanned == pytest.approx(0.8)
