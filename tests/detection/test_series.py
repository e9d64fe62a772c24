# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms.detection import find_sites, probability_maps
from hyperspy_dlatoms.networks.normalisation import normalise_series
from tests.helpers.blob_network import BlobNetwork, BlobSeriesNetwork, blobs, lattice

SAMPLING = 0.1
TRUTH = lattice((18.0, 22.0), seed=3)


@pytest.fixture
def series():
    """The sites are in the sum of the images alone: each hides two thirds of them."""
    frame = blobs((180, 220), SAMPLING, TRUTH)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], frame.shape).transpose(2, 0, 1)
    return 100 + 300 * shares * frame


def test_sites_of_a_series_are_those_of_its_images_together(series):
    found = find_sites(np.stack([series, series[::-1]]), SAMPLING, BlobSeriesNetwork())
    for sites in found:
        distance, index = cKDTree(TRUTH).query(sites[:, :2] * SAMPLING)
        assert sorted(index) == list(range(len(TRUTH)))
        assert distance.max() < 0.2


def test_tiles_give_what_the_whole_gives(series):
    network = BlobSeriesNetwork(blur=0.8)
    (whole,) = find_sites(series[None], SAMPLING, network)
    (tiled,) = find_sites(series[None], SAMPLING, network, batch_pixels=96**2)
    assert network.shapes[-1] != network.shapes[0]
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    maps = [
        probability_maps(series[None], SAMPLING, network, batch_pixels=pixels)
        for pixels in (96**2, 512**2)
    ]
    assert maps[0].shape == (1, 180, 220)
    np.testing.assert_allclose(*maps, atol=1e-4)


def test_defoci_reach_the_network(series):
    network = BlobSeriesNetwork()
    find_sites(series[None], SAMPLING, network, defoci=[-40, 0, 40])
    find_sites(series[None], SAMPLING, network)
    assert network.told == [[-40, 0, 40], None]


def test_turned_series_gives_turned_sites(series):
    network = BlobSeriesNetwork()
    (sites,) = find_sites(series[None], SAMPLING, network, symmetrise=True, defoci=[1, 2, 3])
    (turned,) = find_sites(np.rot90(series, axes=(1, 2))[None], SAMPLING, network, symmetrise=True)
    assert len(network.told) == 16 and network.told.count([1, 2, 3]) == 8
    back = np.column_stack([turned[:, 1], 219 - turned[:, 0]])
    assert cKDTree(sites[:, :2]).query(back)[0].max() < 0.1


def test_a_bad_pixel_of_one_image_is_masked(series):
    (expected,) = find_sites(series[None], SAMPLING, BlobSeriesNetwork())
    bad = series.copy()
    bad[1, 40:44, 50:54] = np.nan
    with pytest.warns(UserWarning, match="masked: 16 in this focal series"):
        (sites,) = find_sites(bad[None], SAMPLING, BlobSeriesNetwork())
    assert abs(len(sites) - len(expected)) <= 1


@pytest.mark.parametrize("value", [0, 65535, np.nan])
def test_an_image_that_shows_nothing_is_masked(series, value):
    dark = series.copy()
    dark[1] = value
    with pytest.warns(UserWarning, match="masked: 39600 in 1 of 2 focal series"):
        sites, others = find_sites(np.stack([dark, series]), SAMPLING, BlobSeriesNetwork())
    assert len(sites) == 0 and len(others) == len(TRUTH)


@pytest.mark.parametrize("shape", [(1, 60, 60), (1, 2, 60, 60), (60, 60)])
def test_other_numbers_of_images_are_refused(shape):
    with pytest.raises(ValueError, match="focal series of 3 images"):
        find_sites(np.ones(shape), SAMPLING, BlobSeriesNetwork())


@pytest.mark.parametrize("defoci", [[1, 2], [1, 2, np.nan], [[1, 2, 3]]])
def test_defoci_that_do_not_fit_are_refused(series, defoci):
    with pytest.raises(ValueError, match="expected 3 numbers"):
        find_sites(series[None], SAMPLING, BlobSeriesNetwork(), defoci=defoci)


def test_defoci_of_a_single_image_are_refused():
    with pytest.raises(ValueError, match="single images"):
        find_sites(np.ones((1, 60, 60)), SAMPLING, BlobNetwork(), defoci=[10])


class WatchingNetwork(BlobSeriesNetwork):
    """Remembers what it is shown."""

    def maps(self, batch, defoci=None):
        self.seen = batch.copy()
        return super().maps(batch, defoci)


@pytest.mark.parametrize("background", [200.0, 0.0])
def test_images_keep_their_contrast_relative_to_each_other(background):
    texture = np.random.default_rng(0).normal(size=(128, 128))
    series = background + texture * np.array([1.0, 5.0, 10.0])[:, None, None]
    network = WatchingNetwork()
    find_sites(series[None], 0.2, network)
    rms = network.seen[0, :, 16:112, 16:112].std(axis=(1, 2))
    np.testing.assert_allclose(rms / rms[0], [1, 5, 10], rtol=0.05)


def test_a_series_is_seen_as_in_training():
    rng = np.random.default_rng(0)
    series = rng.poisson(np.array([40.0, 80.0, 20.0])[:, None, None], (3, 128, 128))
    network = WatchingNetwork()
    find_sites(series[None], 0.2, network)
    expected = normalise_series(series, 0.2)
    np.testing.assert_allclose(network.seen[0, :, :128, :128], expected, atol=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_images_without_a_background_are_not_divided_by_their_skewness(sign):
    """Their mean is 0 but their median is not, which differs with the shape of the atoms."""
    texture = np.random.default_rng(0).exponential(size=(3, 128, 128)) - 1
    series = sign * texture * np.array([1.0, 2.0, 3.0])[:, None, None]
    network = WatchingNetwork()
    find_sites(series[None], 0.2, network)
    rms = network.seen[0, :, 16:112, 16:112].std(axis=(1, 2))
    np.testing.assert_allclose(rms / rms[0], [1, 2, 3], rtol=0.08)
