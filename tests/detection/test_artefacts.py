# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames with artefacts: the atoms away from them are those of the clean frame."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.artefacts import ARTEFACTS
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from hyperspy_dlatoms import data
from hyperspy_dlatoms.detection._lines import find_seams, find_slope
from hyperspy_dlatoms.detection._steps import normalise_regions
from hyperspy_dlatoms.detection.masking import mask_bad, mask_series, standardise
from hyperspy_dlatoms.detection.pipeline import detect
from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.registry import handles
from tests.helpers.blob_network import BlobNetwork, blobs, lattice

SAMPLING = 0.2
SIDE = 256
# Å: two sites as near as this are one.
SAME = 0.3
# A network that goes by the height of a blob over the local contrast alone is no measure of these.
OF_BRIGHTNESS = ("gain", "beam_stop", "soft_aperture", "edge", "gradual_edge", "slope")


def particle(seed=0, counts=200.0, side=SIDE):
    """Counts of a crystal that fills two thirds of a frame, the rest is vacuum."""
    places = lattice((SAMPLING * side,) * 2, seed=seed)
    places = places[places.sum(axis=1) < 1.3 * SAMPLING * side]
    frame = blobs((side, side), SAMPLING, places) / 100
    return np.random.default_rng(seed).poisson(counts * frame).astype(np.float32)


def crystal(seed=0, counts=1000.0):
    """Counts of a crystal that fills a frame."""
    frame = blobs((SIDE, SIDE), SAMPLING, lattice((SAMPLING * SIDE,) * 2, seed=seed)) / 100
    return np.random.default_rng(seed).poisson(counts * frame).astype(np.float32)


def sites_of(frame, network, sampling=SAMPLING):
    with warnings.catch_warnings(action="ignore"):
        return detect(frame[np.newaxis], sampling, network)[0].sites.position


@cache
def crystal_and_sites(seed, counts):
    clean = crystal(seed, counts)
    return clean, sites_of(clean, BlobNetwork())


def distance_from(touched):
    """Distance of each pixel from an artefact in px; a slope touches none."""
    return distance_transform_edt(~touched) if touched.any() else np.full(touched.shape, np.inf)


def compare(first, dirty, touched, reach, network, sampling=SAMPLING):
    """Numbers of atoms of a clean frame away from an artefact, of those lost, and of false ones.

    The network is run on the frame with the artefact.
    """
    distance = distance_from(touched) * sampling
    second = sites_of(dirty, network, sampling)

    def away(sites):
        y, x = np.clip(np.rint(sites).astype(int), 0, np.array(dirty.shape)[None] - 1).T
        return sites[distance[y, x] > reach]

    def missing(some, others):
        if len(others) == 0:
            return len(some)
        return np.count_nonzero(cKDTree(others).query(some)[0] * sampling > SAME)

    wanted, found = away(first), away(second)
    return len(wanted), missing(wanted, second), missing(found, first)


@pytest.mark.parametrize(
    "kind", sorted(ARTEFACTS.keys() - {*OF_BRIGHTNESS, "two", "blurred_hits", "text"})
)
@settings(deadline=None, max_examples=5, derandomize=True)
@given(seed=st.integers(0, 2**16), counts=st.sampled_from([300, 3000]))
def test_atoms_away_from_an_artefact_are_those_of_the_clean_frame(kind, seed, counts):
    clean, first = crystal_and_sites(seed % 5, counts)
    dirty, touched, reach = ARTEFACTS[kind](clean.copy(), np.random.default_rng(seed))
    n, lost, false = compare(first, dirty, touched, reach, BlobNetwork())
    assert lost <= max(0.02 * n, 1) and false <= max(0.02 * n, 1)


@pytest.mark.parametrize("kind", ARTEFACTS)
@settings(deadline=None, max_examples=3, derandomize=True)
@given(seed=st.integers(0, 2**16))
def test_pixels_far_from_an_artefact_are_not_masked(kind, seed):
    clean = particle(seed % 5)
    dirty, touched, _ = ARTEFACTS[kind](clean, np.random.default_rng(seed))
    mask = mask_bad(dirty, SAMPLING)[1]
    assert not mask[distance_from(touched) > 3].any()


@pytest.mark.parametrize("kind", ["border", "corners", "aperture", "saturation", "no_number"])
@settings(deadline=None, max_examples=4, derandomize=True)
@given(seed=st.integers(0, 2**16))
def test_areas_of_one_value_are_masked_as_a_whole(kind, seed):
    dirty, touched, _ = ARTEFACTS[kind](particle(), np.random.default_rng(seed))
    mask = mask_bad(dirty, SAMPLING)[1]
    assert (mask & touched).sum() >= 0.95 * touched.sum()


def vacuum_of_few_counts():
    shares = np.where(np.arange(SIDE) < SIDE // 2, 20, 0.02)
    return np.random.default_rng(0).poisson(np.broadcast_to(shares, (SIDE, SIDE)))


def noise_free():
    places = lattice((SAMPLING * SIDE,) * 2)
    return blobs((SIDE, SIDE), SAMPLING, places[places.sum(axis=1) < 30])


CLEAN = {
    **{f"{dose} counts": lambda dose=dose: particle(0, dose) for dose in (0.02, 0.3, 1, 5, 1000)},
    "8 bit": lambda: np.clip(particle() / 2, 0, 255).astype(np.uint8),
    "3 bit": lambda: (particle() / 60).astype(np.uint8),
    "noise-free": noise_free,
    "noise-free, 8 bit": lambda: noise_free().astype(np.uint8),
    "clipped at its brightest": lambda: np.minimum(particle(), 280),
    "vacuum of few counts": vacuum_of_few_counts,
    "each pixel four times": lambda: np.kron(particle(side=128), np.ones((2, 2))),
    "dark atoms": lambda: -particle(),
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_frames_are_left_alone(name):
    frame = CLEAN[name]()
    clean, mask = mask_bad(frame, SAMPLING)
    assert not mask.any()
    if name == "vacuum of few counts":
        # Its edge is a step, on either side of which the counts are normalised by themselves.
        return
    expected = normalise(clean, SAMPLING)
    np.testing.assert_array_equal(normalise_regions(clean, None, SAMPLING, 12.0), expected)


def test_zeros_of_a_low_dose_are_told_from_a_dead_area():
    frame = np.random.default_rng(0).poisson(np.full((512, 512), 3.0))
    frame[100:200, 300:420] = 0
    mask = mask_bad(frame, SAMPLING)[1]
    assert mask[100:200, 300:420].all() and mask.sum() < 1.1 * 100 * 120


@pytest.mark.parametrize("height", [2.5, 6, 40])
@pytest.mark.parametrize("place", [40, 41, 255])
@pytest.mark.parametrize("axis", [0, 1])
def test_lines_are_masked_wherever_they_are(height, place, axis):
    frame = particle(counts=1000)
    turned = frame if axis == 0 else frame.T
    turned[place] += height * frame.std()
    mask = mask_bad(frame, SAMPLING)[1]
    mask = mask if axis == 0 else mask.T
    assert mask[place].mean() > 0.95
    assert np.delete(mask, place, axis=0).mean() < 1e-3


def test_half_a_line_is_masked_as_far_as_it_goes():
    frame = particle(counts=1000)
    frame[100, : SIDE // 2] += 5 * frame.std()
    mask = mask_bad(frame, SAMPLING)[1]
    assert mask[100, : SIDE // 2].all() and mask.sum() == SIDE // 2


def test_a_row_of_atoms_is_no_line():
    y = np.arange(SIDE)[:, np.newaxis] - 100.4
    for width in (1.0, 2.0):
        frame = 1000 + 300 * np.exp(-(y**2) / (2 * width**2)) * np.ones((1, SIDE))
        frame += np.random.default_rng(0).normal(0, 30, frame.shape)
        assert not mask_bad(frame, SAMPLING)[1].any()


def test_the_tail_of_a_hit_is_masked_with_it():
    frame = np.random.default_rng(0).normal(100, 5, (SIDE, SIDE))
    tail = 2000 * 0.5 ** np.arange(6)
    frame[50, 60:66] += tail
    mask = mask_bad(frame, SAMPLING)[1]
    assert mask[50, 60:66].all() and mask.sum() < 40


def test_columns_as_sharp_as_a_lens_can_be_stay():
    y, x = np.mgrid[:SIDE, :SIDE] * SAMPLING
    frame = np.random.default_rng(0).normal(0, 0.01, (SIDE, SIDE))
    for place in np.random.default_rng(1).uniform(5, 45, (5, 2)):
        frame += np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / (2 * 0.2**2))
    assert not mask_bad(frame, SAMPLING)[1].any()


@pytest.mark.parametrize("height", [4, 20, 200])
def test_either_side_of_a_step_is_normalised_by_itself(height):
    frame = crystal()
    y, x = np.mgrid[:SIDE, :SIDE]
    side = x + 0.3 * y - 130
    stepped = frame + height * frame.std() * (side > 0)
    got, expected = (
        normalise_regions(mask_bad(one, SAMPLING)[0], None, SAMPLING, 12.0)
        for one in (stepped, frame)
    )
    away = abs(side) > 12
    # The weakest is no more than an atom at some places along it.
    assert (got[abs(side) < 1] == 0).mean() > (0.5 if height == 4 else 0.9)
    assert np.corrcoef(got[away], expected[away])[0, 1] > 0.95


@pytest.mark.parametrize("width", [14, 24, 60])
def test_a_stop_of_any_width_is_no_image(width):
    clean = crystal()
    frame = clean.copy()
    frame[:150, 100 : 100 + width] *= 0.01
    got, expected = (
        normalise_regions(mask_bad(one, SAMPLING)[0], None, SAMPLING, 12.0)
        for one in (frame, clean)
    )
    away = np.ones(frame.shape, bool)
    away[:163, 87 : 113 + width] = False
    assert np.corrcoef(got[away], expected[away])[0, 1] > 0.95
    assert abs(got[10:140, 100 : 100 + width]).max() < abs(expected).max()


@pytest.mark.parametrize("sigma", [4.0, 6.0])
def test_blurred_hits_are_told_by_their_counts(sigma):
    clean = crystal()
    frame = clean.copy()
    y, x = np.mgrid[:SIDE, :SIDE]
    hit = np.exp(-((y - 100) ** 2 + (x - 90) ** 2) / (2 * sigma**2))
    mask = standardise(frame + 30 * clean.mean() * hit, SAMPLING).mask
    assert mask[hit > 0.2].all() and not mask[hit < 1e-9].any()
    series = np.stack([clean, clean + 30 * clean.mean() * hit, clean])
    np.testing.assert_array_equal(mask_series(series, SAMPLING)[1], mask)
    # Without a zero such a spot may be an atom.
    assert not standardise(hit, SAMPLING, camera=False).mask.any()


@settings(deadline=None, max_examples=10, derandomize=True)
@given(seed=st.integers(0, 2**16), offset=st.booleans())
def test_seams_are_levelled(seed, offset):
    clean = crystal(seed % 5)
    rng = np.random.default_rng(seed)
    y, x = (np.arange(SIDE) >= at for at in rng.integers(40, SIDE - 40, 2))
    factors = 1 + 2 * rng.permutation([[0, 0.35], [0.7, 1]])
    parts = factors[y[:, None].astype(int), x.astype(int)]
    frame = clean * parts + offset * parts * clean.std()
    levelled, mask = mask_bad(frame, SAMPLING)
    expected, _ = mask_bad(clean, SAMPLING)
    assert not mask.any() and np.corrcoef(levelled.ravel(), expected.ravel())[0, 1] > 0.95


def test_the_end_of_a_stop_is_no_seam():
    frame = particle(counts=1000)
    frame[:100, 100:120] *= 0.2
    assert not any(len(find_seams(one, np.zeros(one.shape, bool))) for one in (frame, frame.T))


@settings(deadline=None, max_examples=5, derandomize=True)
@given(seed=st.integers(0, 2**16), rise=st.floats(10, 50))
def test_slopes_are_levelled(seed, rise):
    clean = crystal(seed % 5)
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    slope = np.cos(angle) * y + np.sin(angle) * x
    levelled, _ = mask_bad(clean + rise * clean.std() * slope, SAMPLING)
    assert np.corrcoef(levelled.ravel(), clean.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("along", [0, 1])
def test_slopes_along_either_side_of_an_oblong_image(along, turned):
    places = 0.1 * np.mgrid[:128, :1024]
    near = (places + 1.25) % 2.5 - 1.25
    rng = np.random.default_rng(0)
    clean = 1 + 0.5 * np.exp(-2 * (near**2).sum(axis=0)) + rng.normal(0, 0.05, near[0].shape)
    for rise, steep in ((0.01, False), (0.05, True)):
        image = (clean + rise * places[along]).astype(np.float32)
        image = image.T if turned else image
        assert (find_slope(image, np.zeros(image.shape, bool), 0.1) is not None) == steep


def test_dead_pixels_on_dark_columns_are_masked_alone():
    frame = noise_free()
    frame = (4000 - 20 * (frame - 100)) + np.random.default_rng(0).normal(0, 5, frame.shape)
    dead = np.random.default_rng(1).random(frame.shape) < 0.01
    mask = mask_bad(np.where(dead, 0, frame), SAMPLING)[1]
    assert mask[dead].mean() > 0.98 and (mask & ~dead).sum() < 0.1 * dead.sum()


@pytest.mark.parametrize("counts", [10, 30, 300])
def test_bright_columns_of_few_counts_are_no_artefacts(counts):
    # Heavy columns on a dark field: the noise of their counts is as steep as the edge of a hit.
    places = lattice((0.05 * 500,) * 2, spacing=6)
    heights = blobs((500, 500), 0.05, places) / 100 - 1
    frame = np.random.default_rng(0).poisson(counts * (heights / heights.max() + 0.01))
    hits = np.zeros(frame.shape, bool)
    hits[100::150, 60::170] = True
    mask = mask_bad(np.where(hits, 20 * counts, frame), 0.05)[1]
    assert mask[hits].all() and np.count_nonzero(mask & ~hits) < 0.002 * mask.size


def test_mean_that_an_alignment_fills_with_masks_no_sites():
    series = np.stack([particle(seed) for seed in range(3)])
    series[0, :30] = series[0].mean()
    series[2, :, :40] = 0
    mask = mask_series(series, SAMPLING)[1]
    assert mask[:, :40].all() and not mask[:, 45:].any()


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4", "f8"])
def test_masked_array_is_as_nan(dtype):
    frame = np.clip(particle() / 2, 0, 255).astype(dtype)
    covered = np.zeros(frame.shape, bool)
    covered[50:90, 40:] = True
    clean, mask = mask_bad(np.ma.masked_array(frame, covered), SAMPLING)
    expected = mask_bad(np.where(covered, np.nan, frame), SAMPLING)
    np.testing.assert_array_equal(mask, expected[1])
    np.testing.assert_allclose(clean, expected[0], atol=1e-5)
    np.testing.assert_array_equal(mask, covered)


def test_empty_frames_with_artefacts_stay_empty():
    network = handles.handle("metal-nanoparticle").get()
    for number, kind in enumerate(("hot_pixels", "hits", "border", "bar", "hot_lines")):
        frame = np.random.default_rng(number).poisson(10.0, (256, 256))
        dirty, _, _ = ARTEFACTS[kind](frame, np.random.default_rng(number))
        assert len(sites_of(dirty, network, 0.11)) == 0
    # The ends of stops in a vacuum of few counts.
    for seed in (6, 7):
        frame = np.random.default_rng(seed).poisson(3.0, (256, 256)).astype(np.float32)
        dirty, _, _ = ARTEFACTS["beam_stop"](frame, np.random.default_rng(seed))
        assert len(sites_of(dirty, network, 0.11)) == 0


def test_artefacts_on_the_example():
    network, clean = handles.handle("metal-nanoparticle").get(), data.nanoparticle().data
    first = sites_of(clean, network, 0.11)
    for number, kind in enumerate((*OF_BRIGHTNESS, "hot_lines", "hits", "bar")):
        dirty, touched, reach = ARTEFACTS[kind](clean.copy(), np.random.default_rng(number))
        n, lost, false = compare(first, dirty, touched, reach, network, 0.11)
        assert n > 50 and lost <= 0.02 * n and false <= 0.02 * n
