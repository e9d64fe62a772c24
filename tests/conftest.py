# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

# Before anything imports Matplotlib or TensorFlow.
os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hyperspy.api as hs
import numpy as np
import pytest
from hypothesis import settings
from scipy import ndimage

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.signals import blockwise

SAMPLING = 0.1
SHAPE = (96, 112)

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)


@pytest.fixture
def close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


class SpotNetwork:
    """Finds bright spots, all of the last class, as a network would, without TensorFlow."""

    receptive_radius = 16
    domain = None

    def __init__(self, classes=("Au",)):
        self.card = ModelCard(
            name="spots",
            version="3",
            architecture="unet",
            arguments={},
            classes=classes,
            sampling=0.2,
            radius=0.5,
            minimum_distance=1.0,
            threshold=0.5,
        )

    def maps(self, batch):
        n, height, width = batch.shape
        probability = np.full((n, height // 2, width // 2, len(self.card.classes)), 0.001)
        offset = np.zeros((n, height // 2, width // 2, 2))
        smooth = ndimage.gaussian_filter(batch, (0, 1, 1))
        peaks = (smooth == ndimage.maximum_filter(smooth, (1, 9, 9))) & (smooth > 1)
        for frame, y, x in np.argwhere(peaks[:, 1:-1, 1:-1]) + (0, 1, 1):
            position = np.array([y, x]) + [
                _vertex(smooth[frame, y - 1 : y + 2, x]),
                _vertex(smooth[frame, y, x - 1 : x + 2]),
            ]
            cell = tuple(np.round((position - 0.5) / 2).astype(int))
            probability[(frame, *cell, -1)] = 0.7
            offset[(frame, *cell)] = position - (np.array(cell) * 2 + 0.5)
        sigma = np.full_like(offset, 0.25)
        return SiteMaps(*(part.astype(np.float32) for part in (probability, offset, sigma)))


def _vertex(three):
    left, middle, right = three
    return 0.5 * (left - right) / (left - 2 * middle + right)


class Handle:
    sha256 = "0" * 64

    def __init__(self, network):
        self.network = network

    def get(self):
        return self.network


@pytest.fixture
def spot_network(monkeypatch):
    """Make every model the one that finds bright spots."""
    network = SpotNetwork()
    monkeypatch.setattr(
        blockwise, "resolve", lambda model: blockwise.Model(Handle(network), network.card)
    )
    return network


def spots(positions, shape=SHAPE):
    y, x = np.indices(shape)
    image = np.zeros(shape, np.float32)
    for row, column in positions:
        image += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 4.0**2))
    return image


@pytest.fixture
def spot_images():
    """Make images of spots: (signal, object array of the true positions, y and x in px)."""

    def make(*navigation_shape, lazy=False, units="nm", chunks=None):
        rng = np.random.default_rng(7)
        truth = np.empty(navigation_shape, dtype=object)
        images = np.empty((*navigation_shape, *SHAPE), np.float32)
        lattice = np.stack(np.meshgrid([20, 48, 74], [18, 40, 65, 92], indexing="ij"), -1)
        for index in np.ndindex(navigation_shape):
            number = rng.integers(0, 13)
            chosen = np.sort(rng.choice(12, number, replace=False))
            truth[index] = (lattice.reshape(-1, 2) + rng.uniform(-3, 3, (12, 2)))[chosen]
            images[index] = spots(truth[index])
        signal = hs.signals.Signal2D(images)
        if lazy:
            signal = signal.as_lazy()
        if chunks is not None:
            signal.data = signal.data.rechunk(chunks)
        signal.metadata.General.title = "spots"
        calibrate(signal, units=units)
        return signal, truth

    return make


def calibrate(signal, units="nm", sampling=SAMPLING):
    per_unit = {"nm": 10, "Å": 1, "pm": 0.01}[units]
    for axis, name, offset in zip(signal.axes_manager.signal_axes, "xy", (3.0, -2.0), strict=True):
        axis.name, axis.units = name, units
        axis.scale, axis.offset = sampling / per_unit, offset
