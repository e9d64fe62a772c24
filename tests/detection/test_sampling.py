# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from hyperspy_dlatoms.analysis.lattice import lattices_of
from hyperspy_dlatoms.detection import Detection, Sites
from hyperspy_dlatoms.detection import sampling as sampling_module
from hyperspy_dlatoms.detection.sampling import SamplingError, estimate_sampling
from tests.helpers.blob_network import BlobNetwork, BlobSeriesNetwork, blobs
from tests.helpers.crystal import crystal

SAMPLING = 0.1
SHAPE = (300, 320)
METALS = ("Au", "Pt")


@pytest.fixture
def network():
    network = BlobNetwork(domain={"sampling": [0.06, 0.13]})
    network.card = replace(network.card, materials=METALS)
    return network


def frame(zone="[110]", sampling=SAMPLING, noise=2.0):
    sites = crystal(zone, 11.0, rng=np.random.default_rng(0), jitter=0.03)
    sites += np.array(SHAPE) * sampling / 2
    image = blobs(SHAPE, sampling, sites)
    return np.random.default_rng(1).normal(image, noise)[None]


@pytest.mark.parametrize("zone", ["[110]", "[100]"])
@pytest.mark.parametrize("sampling", [0.09, 0.12])
def test_the_sampling_is_found(network, zone, sampling):
    image = frame(zone, sampling=sampling)
    with warnings.catch_warnings(action="error"):
        found = estimate_sampling(image, network, ["Au"])
    assert found == pytest.approx(sampling, rel=0.01)


def test_bad_pixels_do_not_matter(network):
    image = frame()
    image[0, 40, 50], image[0, 100:103, 200], image[0, 7, 9] = np.nan, np.inf, 1e7
    with warnings.catch_warnings(action="error"):
        found = estimate_sampling(image, network, ["Au"])
    assert found == pytest.approx(SAMPLING, rel=0.01)


def test_the_material_is_needed_where_it_matters(network):
    image = frame()
    with pytest.raises(SamplingError, match="0.09.* Å/px if it is Pt. Give the material") as caught:
        estimate_sampling(image, network)
    assert caught.value.candidates["Au"] == pytest.approx(SAMPLING, rel=0.01)
    assert caught.value.candidates["Pt"] == pytest.approx(SAMPLING * 3.92 / 4.08, rel=0.01)
    # Of silver and gold it does not.
    assert estimate_sampling(image, network, ["Au", "Ag"]) == pytest.approx(SAMPLING, rel=0.01)


def test_a_network_that_does_not_say_what_it_knows():
    image = frame()
    network = BlobNetwork(domain={"sampling": [0.08, 0.12]})
    with pytest.raises(ValueError, match="'blobs' does not say which crystals it knows: give"):
        estimate_sampling(image, network)
    assert estimate_sampling(image, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.01)


def test_light_columns_may_be_unseen(network):
    """The columns of a perovskite are a square lattice with oxygen and without."""
    places = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0), (0, 0.5, 0)]
    crystal = Atoms("SrTiO2", scaled_positions=places, cell=[4.08 / np.sqrt(2)] * 3)
    image = frame("[100]")
    with pytest.raises(SamplingError, match="if it is SrTi.* of the columns that are") as caught:
        estimate_sampling(image, network, [crystal])
    assert caught.value.candidates["SrTi"] == pytest.approx(SAMPLING, rel=0.01)
    assert caught.value.candidates["O2SrTi"] == pytest.approx(SAMPLING / np.sqrt(2), rel=0.01)
    assert estimate_sampling(image, network, [crystal[:2]]) == pytest.approx(SAMPLING, rel=0.01)


@pytest.mark.parametrize("kind", ["noise", "constant", "disorder", "another lattice", "tiny"])
def test_where_there_is_no_lattice_it_says_so(network, kind):
    rng = np.random.default_rng(2)
    images = {
        "noise": rng.normal(size=SHAPE),
        "constant": np.full(SHAPE, 3.0),
        "disorder": blobs(SHAPE, SAMPLING, rng.uniform(2, 28, (100, 2))),
        "another lattice": frame("honeycomb")[0],
        "tiny": np.eye(3),
    }
    with pytest.raises(SamplingError, match="finds no lattice of Au with certainty"):
        estimate_sampling(images[kind][None], network, ["Au"])


@pytest.fixture
def seen(monkeypatch):
    """Make a network that sees at about each sampling the crystal that is given for it."""

    def make(**crystals):
        def detect(frames, sampling, network, *, quiet):
            found, probability = np.empty((0, 2)), 0.0
            for sites, at, likely in crystals.values():
                if abs(np.log(sampling / at)) < 0.1:
                    found, probability = sites, likely
            n = len(found)
            return [Detection(Sites(found, np.full(n, probability), np.zeros((n, 2))), None)]

        monkeypatch.setattr(sampling_module, "detect", detect)

    return make


METAL = crystal("[110]", 11) / SAMPLING + 150
SUPPORT = 5.411 / 4.08 * METAL
COARSE = SAMPLING * 4.08 / 5.411


def test_of_two_crystals_the_finer_one_counts(network, seen):
    """A support has larger cells than the metal on it."""
    seen(metal=(METAL, SAMPLING, 0.9), support=(SUPPORT, COARSE, 0.95))
    blank = np.zeros((1, *SHAPE))
    assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.001)
    seen(support=(SUPPORT, COARSE, 0.95))
    assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(COARSE, rel=0.001)


def test_a_finer_lattice_that_is_hardly_to_be_seen_leaves_it_open(network, seen):
    rng = np.random.default_rng(5)
    blurred = METAL + rng.normal(0, 0.13 / SAMPLING, METAL.shape)
    seen(metal=(blurred, SAMPLING, 0.85), support=(SUPPORT, COARSE, 0.9))
    blank = np.zeros((1, *SHAPE))
    with pytest.raises(SamplingError, match="it may be 0.09978 or 0.0754 Å/px") as caught:
        estimate_sampling(blank, network, ["Au"])
    assert caught.value.suggested == pytest.approx((0.0998, 0.0754), rel=0.001)
    seen(metal=(blurred, SAMPLING, 0.7), support=(SUPPORT, COARSE, 0.9))
    assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(COARSE, rel=0.001)


def test_sites_that_are_mostly_alone_make_no_lattice(network, seen):
    chosen = np.random.default_rng(6).permutation(len(METAL))[: len(METAL) // 3]
    seen(alone=(METAL[np.sort(chosen)], SAMPLING, 0.9))
    with pytest.raises(SamplingError, match="finds no lattice"):
        estimate_sampling(np.zeros((1, *SHAPE)), network, ["Au"])


def test_a_finer_lattice_that_the_network_doubts_does_not_count(network, seen):
    seen(nothing=(METAL, SAMPLING, 0.7), metal=(SUPPORT, COARSE, 0.95))
    blank = np.zeros((1, *SHAPE))
    assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(COARSE, rel=0.001)


def squares():
    """A crystal along [100], and every second of its atoms."""
    atoms = crystal("[100]", 11) / SAMPLING + 150
    half = np.sqrt(2) * crystal("[100]", 11, angle=0.3 + np.pi / 4) / SAMPLING + 150
    return atoms, half[np.linalg.norm(half - 150, axis=1) < 11 / SAMPLING]


def test_a_square_lattice_and_every_second_of_its_sites_leave_it_open(network, seen):
    atoms, half = squares()
    blank = np.zeros((1, *SHAPE))
    coarse = SAMPLING / np.sqrt(2)
    seen(half=(half, coarse, 0.9), atoms=(atoms, SAMPLING, 0.9))
    with pytest.raises(SamplingError, match="it may be 0.1 or 0.0707. Å/px"):
        estimate_sampling(blank, network, ["Au"])
    # Of one, the network may be so much less sure that it does not count.
    for doubted in (0.78, 0.7):
        seen(half=(half, coarse, doubted), atoms=(atoms, SAMPLING, 0.9))
        assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.001)


@pytest.mark.parametrize(("probability", "counts"), [(0.7, False), (0.8, True)])
def test_a_square_lattice_counts_where_the_network_is_sure(network, seen, probability, counts):
    atoms, _ = squares()
    seen(atoms=(atoms, SAMPLING, probability))
    blank = np.zeros((1, *SHAPE))
    if counts:
        assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.001)
    else:
        with pytest.raises(SamplingError, match="finds no lattice"):
            estimate_sampling(blank, network, ["Au"])


def test_windows_of_80_and_then_120_angstrom(network, monkeypatch):
    sides = []

    def detect(frames, sampling, network, *, quiet):
        sides.append(frames.shape[-1] * sampling)
        found = METAL if abs(np.log(sampling / SAMPLING)) < 0.1 else np.empty((0, 2))
        sites = Sites(found, np.full(len(found), 0.9), np.zeros_like(found))
        return [Detection(sites, None)]

    monkeypatch.setattr(sampling_module, "detect", detect)
    estimate_sampling(np.zeros((1, 3000, 3000)), network, ["Au"])
    assert {round(side / 10) * 10 for side in sides} == {80, 120}
    assert round(sides[-1] / 10) * 10 == 120


@pytest.mark.parametrize(("n", "found"), [(22, False), (26, True)])
def test_a_lattice_has_24_sites_or_more(network, seen, n, found):
    middle = np.argsort(np.linalg.norm(METAL - METAL.mean(axis=0), axis=1))[:n]
    seen(metal=(METAL[np.sort(middle)], SAMPLING, 0.9))
    blank = np.zeros((1, *SHAPE))
    if found:
        assert estimate_sampling(blank, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.01)
    else:
        with pytest.raises(SamplingError, match="finds no lattice"):
            estimate_sampling(blank, network, ["Au"])


# Lattices within 4 % are the same.
@pytest.mark.parametrize(("apart", "same"), [(0.035, True), (0.045, False)])
def test_lattices_of_about_one_size_are_one(apart, same):
    square = lattices_of(["Au"])[1]
    one, other = (
        sampling_module._Fit(SAMPLING, square, nearest, 0.9, 0.9)
        for nearest in (20.0, 20.0 * np.exp(apart))
    )
    larger = other._replace(nearest=np.sqrt(2) * other.nearest)
    assert sampling_module._same(one, other) == same
    assert sampling_module._is_half(larger, one) == same


def test_large_images_are_looked_at_in_part(network):
    image = np.random.default_rng(3).normal(100, 2, (1, 1000, 1400))
    image[:, 600 : 600 + SHAPE[0], 200 : 200 + SHAPE[1]] = frame()
    assert estimate_sampling(image, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.01)
    assert max(h * w for _, h, w in network.shapes) < 0.4e6


def test_most_frames_decide(network):
    good, empty = frame(), np.zeros((1, *SHAPE))
    found = estimate_sampling(np.concatenate([good, empty, good]), network, ["Au"])
    assert found == pytest.approx(SAMPLING, rel=0.01)
    with pytest.raises(SamplingError, match="finds no lattice"):
        estimate_sampling(np.concatenate([good, empty]), network, ["Au"])
    other = frame(sampling=0.12)
    with pytest.raises(SamplingError, match="suggest 0.09997, 0.12 Å/px for Au"):
        estimate_sampling(np.concatenate([good, other]), network, ["Au"])
    with pytest.raises(ValueError, match="no frames"):
        estimate_sampling(good[:0], network, ["Au"])


def test_a_focal_series_has_one_sampling():
    network = BlobSeriesNetwork(domain={"sampling": [0.08, 0.12]})
    series = np.stack([frame(noise=4.0), frame(noise=4.0), frame(noise=4.0)], axis=1)
    assert estimate_sampling(series, network, ["Au"]) == pytest.approx(SAMPLING, rel=0.01)
