# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from hyperspy_dlatoms.detection.sites import candidates, keep_best, masked_fraction, select
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
    keep = keep_best(found[:, :2], found[:, -1], 2.0)
    np.testing.assert_allclose(found[keep, :2], [(y, x)], atol=1e-5)


def test_candidates_below_the_threshold_or_outside_the_core_are_left_out():
    maps = maps_of([(5.0, 6.0), (20.0, 30.0)])
    assert len(candidates(maps, 2, 0.95, 2.0)) == 0
    found = candidates(maps, 2, 0.5, 2.0, core=(slice(0, 8), slice(0, 20)))
    np.testing.assert_allclose(found[:, :2], [(5.0, 6.0)], atol=1e-5)


def test_probability_of_any_class_counts_and_the_most_probable_is_named():
    maps = maps_of([(5.0, 6.0), (20.0, 30.0)], classes=[2, 0], n_classes=3)
    split = SiteMaps(maps.probability * 0.6 + 0.1, maps.offset, maps.sigma)
    found = candidates(split, 2, 0.7, 2.0)
    found = found[np.argsort(found[:, 0])]
    np.testing.assert_allclose(found[:, 2], 0.54 + 0.3, rtol=1e-5)
    np.testing.assert_array_equal(found[:, 5], [2, 0])


def test_no_sites():
    found = candidates(maps_of([]), 2, 0.5, 2.0)
    assert found.shape == (0, 7)
    assert select(found, (9, 9), Grid(0.0, 1.0), 2.0, 1, None, 3.0).shape == (0, 5)
    assert select(found, (9, 9), Grid(0.0, 1.0), 2.0, 2, None, 3.0).shape == (0, 6)


def candidate(y, x, score=0.5, kind=0):
    return [y, x, 0.9, 0.1, 0.2, kind, score]


def test_select_goes_over_to_the_pixels_of_the_frame_sorted():
    found = np.array([candidate(5, 9, kind=1), candidate(2, 7), candidate(2, 3)])
    sites = select(found, (50, 60), Grid(1.0, 3.0), 1.0, 2, None, 3.0)
    np.testing.assert_allclose(
        sites,
        [[7, 10, 0.9, 0.3, 0.6, 0], [7, 22, 0.9, 0.3, 0.6, 0], [16, 28, 0.9, 0.3, 0.6, 1]],
    )


def test_select_drops_what_is_outside_the_frame():
    found = np.array([candidate(y, 5) for y in (-0.6, -0.4, 9.4, 9.6)])
    sites = select(found, (10, 10), Grid(0.0, 1.0), 0.1, 1, None, 3.0)
    np.testing.assert_allclose(sites[:, 0], [-0.4, 9.4])


def test_select_drops_what_is_mostly_masked():
    mask = np.zeros((30, 30), bool)
    mask[:, :10] = True
    found = np.array([candidate(15, x) for x in (5, 8, 11, 20)])
    sites = select(found, (30, 30), Grid(0.0, 1.0), 0.1, 1, mask, 3.0)
    np.testing.assert_allclose(sites[:, 1], [11, 20])


def test_masked_fraction_does_not_count_beyond_the_border():
    mask = np.ones((20, 20), bool)
    np.testing.assert_array_equal(masked_fraction(np.array([[0.0, 0.0]]), mask, 5.0), 1.0)
    assert masked_fraction(np.empty((0, 2)), mask, 5.0).shape == (0,)
    mask[:, 10:] = False
    half = masked_fraction(np.array([[10.0, 9.5]]), mask, 5.0)
    assert 0.4 < half[0] < 0.6
