# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from hyperspy_dlatoms.detection.sites import (
    Candidates,
    Sites,
    candidates,
    column_names,
    hysteresis,
    keep_best,
    likeliest_connected,
    masked_fraction,
    reach_of,
    select,
)
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.networks.resampling import Grid

positions = arrays(
    float,
    st.tuples(st.integers(0, 30), st.just(2)),
    elements=st.integers(0, 4000).map(lambda value: value / 400),
)


def greedy(sites, score, distance):
    keep = np.zeros(len(sites), bool)
    for one in np.argsort(-score, kind="stable"):
        keep[one] = not (np.hypot(*(sites[keep] - sites[one]).T) <= distance).any()
    return keep


def maps_of(sites, shape=(16, 20), radius=2.5, classes=None, n_classes=1):
    """What a perfect network says of sites (y, x) in working px."""
    centres = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1) * 2 + 0.5
    probability = np.zeros((*shape, n_classes), np.float32)
    offset = np.zeros((*shape, 2), np.float32)
    nearest = np.full(shape, np.inf)
    for index, site in enumerate(np.asarray(sites, float)):
        difference = site - centres
        length = np.hypot(*np.moveaxis(difference, -1, 0))
        closer = length < nearest
        offset[closer] = difference[closer]
        nearest[closer] = length[closer]
        kind = 0 if classes is None else classes[index]
        probability[closer & (length < radius)] = 0.9 * np.eye(n_classes)[kind]
    return SiteMaps(probability, offset, np.full((*shape, 2), 0.3, np.float32))


@given(positions, st.integers(0, 999), st.sampled_from([0.001, 0.5, 1.2345, 5.0001]))
def test_keep_best_is_the_greedy_choice(sites, seed, distance):
    # Few different scores, so that equal ones are met as well.
    score = np.random.default_rng(seed).integers(0, 5, len(sites)) / 5
    keep = keep_best(sites, score, distance)
    np.testing.assert_array_equal(keep, greedy(sites, score, distance))
    apart = cdist(sites[keep], sites[keep]) + np.diag(np.full(keep.sum(), np.inf))
    assert (apart > distance).all()


@given(st.floats(4, 27), st.floats(4, 35))
def test_site_anywhere_in_a_cell_is_found_once_in_its_place(y, x):
    found = candidates(maps_of([(y, x)]), stride=2, threshold=0.5, reach=2.0)
    keep = keep_best(found.position, found.score, 2.0)
    np.testing.assert_allclose(found.position[keep], [(y, x)], atol=1e-5)


def test_candidates_below_the_threshold_or_outside_the_core_are_left_out():
    maps = maps_of([(5.0, 6.0), (20.0, 30.0)])
    assert len(candidates(maps, 2, 0.95, 2.0)) == 0
    found = candidates(maps, 2, 0.5, 2.0, core=(slice(0, 8), slice(0, 20)))
    np.testing.assert_allclose(found.position, [(5.0, 6.0)], atol=1e-5)


def test_probability_of_any_class_counts_and_the_most_probable_is_named():
    maps = maps_of([(5.0, 6.0), (20.0, 30.0)], classes=[2, 0], n_classes=3)
    split = SiteMaps(maps.probability * 0.6 + 0.1, maps.offset, maps.sigma)
    found = candidates(split, 2, 0.7, 2.0)
    found = found.sorted()
    np.testing.assert_allclose(found.probability, 0.54 + 0.3, rtol=1e-5)
    np.testing.assert_array_equal(found.species, [2, 0])
    np.testing.assert_allclose(found.class_probability.sum(axis=1), found.probability)


@pytest.mark.parametrize("n_classes", [1, 2])
def test_no_sites(n_classes):
    found = candidates(maps_of([], n_classes=n_classes), 2, 0.5, 2.0)
    assert len(found) == 0
    table = selected(found, (9, 9), Grid(0.0, 1.0), 2.0).table()
    assert table.shape == (0, 5 if n_classes == 1 else 6 + n_classes)


def selected(found, shape, grid, distance, upper=None, mask=None):
    return select(found, shape, grid, distance, upper, 6.0, mask, disc=3.0)


def candidates_at(positions, probability=0.9, **more):
    n = len(positions)
    return Candidates(
        position=np.array(positions, float),
        probability=np.broadcast_to(np.asarray(probability, float), n),
        sigma=np.tile([0.1, 0.2], (n, 1)),
        score=np.full(n, 0.5),
        **more,
    )


def test_select_goes_over_to_the_pixels_of_the_frame_sorted():
    found = candidates_at([(5, 9), (2, 7), (2, 3)], species=np.array([1, 0, 0]))
    sites = selected(found, (50, 60), Grid(1.0, 3.0), 1.0)
    np.testing.assert_allclose(
        sites.table(),
        [[7, 10, 0.9, 0.3, 0.6, 0], [7, 22, 0.9, 0.3, 0.6, 0], [16, 28, 0.9, 0.3, 0.6, 1]],
    )


def test_select_drops_what_is_outside_the_frame():
    found = candidates_at([(y, 5) for y in (-0.6, -0.4, 9.4, 9.6)])
    sites = selected(found, (10, 10), Grid(0.0, 1.0), 0.1)
    np.testing.assert_allclose(sites.position[:, 0], [-0.4, 9.4])


def test_select_drops_what_is_mostly_masked():
    mask = np.zeros((30, 30), bool)
    mask[:, :10] = True
    found = candidates_at([(15, x) for x in (5, 8, 11, 20)])
    sites = selected(found, (30, 30), Grid(0.0, 1.0), 0.1, mask=mask)
    np.testing.assert_allclose(sites.position[:, 1], [11, 20])


# Both sides of the distance within which sites are connected, 6 px.
@pytest.mark.parametrize(("apart", "kept"), [(3.1, 3), (5.9, 3), (6.1, 1), (8.5, 1)])
def test_select_keeps_weak_sites_connected_to_a_strong_one(apart, kept):
    found = candidates_at([(10, 10), (10, 10 + apart), (10 + apart, 10)], [0.95, 0.5, 0.4])
    sites = selected(found, (99, 99), Grid(0.0, 1.0), 3.0, upper=0.9)
    assert len(sites) == kept


@pytest.mark.parametrize(("given", "reach"), [(None, 3.2), (4.5, 4.5)])
def test_sites_are_connected_up_to_the_reach_of_the_card(given, reach):
    card = SimpleNamespace(reach=given, minimum_distance=1.6)
    assert reach_of(card) == pytest.approx(reach)


def by_walking(positions, probability, reach):
    best = probability.copy()
    for _ in positions:
        for i, place in enumerate(positions):
            near = np.linalg.norm(positions - place, axis=1) <= reach
            best[i] = best[near].max()
    return best


@given(st.integers(0, 10_000), st.integers(0, 25))
def test_the_likeliest_of_a_chain(seed, n):
    rng = np.random.default_rng(seed)
    positions, probability = rng.uniform(0, 10, (n, 2)), rng.random(n)
    np.testing.assert_array_equal(
        likeliest_connected(positions, probability, 1.5), by_walking(positions, probability, 1.5)
    )


@pytest.mark.parametrize("upper", [None, 0.4])
def test_strong_sites_need_no_neighbours(upper):
    assert hysteresis(candidates_at([(0, 0), (9, 9)], [0.5, 0.6]), upper, 1.0).all()


def test_hysteresis_of_no_sites():
    assert hysteresis(candidates_at(np.empty((0, 2))), 0.9, 1.0).shape == (0,)


def test_a_table_has_the_columns_of_the_card():
    card = ModelCard(
        name="example",
        version="1",
        architecture="unet",
        arguments={"heights": True},
        classes=("Mo", "S vacancy"),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    sites = Sites(
        position=np.array([[1.0, 2.0]]),
        probability=np.array([0.9]),
        sigma=np.array([[0.1, 0.2]]),
        species=np.array([1]),
        agreement=np.array([0.5]),
        class_probability=np.array([[0.3, 0.6]]),
        height=np.array([[2.0, 0.4]]),
    )
    row = dict(zip(column_names(card, n_members=2), sites.table()[0], strict=True))
    assert row == {
        "y": 1.0,
        "x": 2.0,
        "probability": 0.9,
        "y_sigma": 0.1,
        "x_sigma": 0.2,
        "species": 1.0,
        "agreement": 0.5,
        "probability_Mo": 0.3,
        "probability_S_vacancy": 0.6,
        "height": 2.0,
        "height_sigma": 0.4,
    }


def test_masked_fraction_does_not_count_beyond_the_border():
    mask = np.ones((20, 20), bool)
    np.testing.assert_array_equal(masked_fraction(np.array([[0.0, 0.0]]), mask, 5.0), 1.0)
    assert masked_fraction(np.empty((0, 2)), mask, 5.0).shape == (0,)
    mask[:, 10:] = False
    half = masked_fraction(np.array([[10.0, 9.5]]), mask, 5.0)
    assert 0.4 < half[0] < 0.6
