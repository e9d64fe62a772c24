# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate

from hyperspy_dlatoms.detection import find_sites
from hyperspy_dlatoms.detection._symmetry import Symmetrised
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.maps import SiteMaps
from tests.helpers.blob_network import BlobNetwork, blobs

KERNELS = np.random.default_rng(1).normal(size=(5, 5, 5)) / 5


class LopsidedNetwork(BlobNetwork):
    """Sees different things in an image and in the turned image, as every trained network does."""

    def maps(self, batch):
        self.shapes.append(batch.shape)
        probability, *rest = (
            np.stack([correlate(frame, kernel) for frame in batch])[:, ::2, ::2]
            for kernel in KERNELS
        )
        offset, sigma = np.stack(rest[:2], axis=-1), np.exp(np.stack(rest[2:], axis=-1))
        return SiteMaps(1 / (1 + np.exp(-probability[..., None])), offset, sigma)

    def infer(self, batch):
        return self.maps(batch), batch[:, ::16, ::16, None]


def turned(maps):
    """Give the maps that a quarter turn of the image is to have."""
    probability, offset, sigma = (np.rot90(part, axes=(1, 2)) for part in maps[:3])
    return probability, np.stack([-offset[..., 1], offset[..., 0]], -1), sigma[..., ::-1]


def flipped(maps):
    probability, offset, sigma = (part[:, :, ::-1] for part in maps[:3])
    return probability, offset * [1, -1], sigma


@pytest.fixture
def batch():
    return np.random.default_rng(0).normal(size=(2, 32, 64)).astype(np.float32)


@pytest.mark.parametrize(
    ("move", "expected"),
    [(lambda batch: np.rot90(batch, axes=(1, 2)), turned), (lambda b: b[:, :, ::-1], flipped)],
)
def test_turned_image_gives_turned_maps(batch, move, expected):
    lopsided = LopsidedNetwork()
    network = Symmetrised(lopsided)
    for ours, theirs in zip(
        network.maps(move(batch))[:3], expected(network.maps(batch)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    difference = lopsided.maps(move(batch)).probability - expected(lopsided.maps(batch))[0]
    assert np.abs(difference).max() > 0.1


def test_symmetric_image_gives_symmetric_maps(batch):
    square = batch[:1, :32, :32]
    square = sum(np.rot90(square, k, axes=(1, 2)) for k in range(4))
    square = square + square[:, :, ::-1]
    maps = Symmetrised(LopsidedNetwork()).maps(square)
    for expected in (turned(maps), flipped(maps)):
        for ours, theirs in zip(maps[:3], expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_eight_looks_and_the_features_of_the_first(batch):
    lopsided = LopsidedNetwork()
    maps, features = Symmetrised(lopsided).infer(batch)
    assert len(lopsided.shapes) == 8
    np.testing.assert_array_equal(features, lopsided.infer(batch)[1])
    np.testing.assert_array_equal(maps.offset, Symmetrised(lopsided).maps(batch).offset)


def test_sites_of_a_network_and_of_an_ensemble():
    # Of a size that needs no padding, so that the whole way is symmetric.
    places = np.array([[3.1, 4.2], [7.3, 9.4], [9.7, 3.3], [4.0, 9.1]])
    frame = blobs((64, 64), 0.2, places)
    other = BlobNetwork(blur=0.8)
    for network in (BlobNetwork(), AtomEnsemble([BlobNetwork(), other])):
        (plain,) = find_sites(frame[None], 0.2, network)
        (sites,) = find_sites(frame[None], 0.2, network, symmetrise=True)
        np.testing.assert_allclose(sites[:, :2], plain[:, :2], atol=0.05)
        # The network's own sigmas are 0.1 and 0.2 px, of y and of x.
        np.testing.assert_allclose(sites[:, 3], sites[:, 4], rtol=0.1)
        (turn,) = find_sites(np.rot90(frame)[None], 0.2, network, symmetrise=True)
        back = np.column_stack([turn[:, 1], 63 - turn[:, 0]])
        back = back[np.lexsort((back[:, 1], back[:, 0]))]
        np.testing.assert_allclose(back, sites[:, :2], atol=1e-3)
