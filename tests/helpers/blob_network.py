# SPDX-License-Identifier: GPL-3.0-or-later
"""A network without training, whose output follows from the image by a formula."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import SiteMaps

BLOB = 0.45
"""Standard deviation in Å of the Gaussian columns of the synthetic frames."""


class BlobNetwork:
    """Finds bright blobs by a parabola through the logarithm of each local maximum."""

    domain = None
    grid_multiple = 16

    images = 1

    def __init__(
        self, classes=("column",), receptive_radius=32, domain=None, blur=1.0, heights=False
    ):
        self.card = ModelCard(
            name="blobs",
            version="1",
            architecture="unet",
            arguments={"heights": heights, "images": self.images},
            classes=classes,
            sampling=0.2,
            radius=0.5,
            minimum_distance=1.0,
            threshold=0.5,
            domain=domain or {},
        )
        self.receptive_radius = receptive_radius
        self.blur = blur
        self.shapes = []

    def maps(self, batch):
        assert batch.dtype == np.float32 and batch.ndim == 3
        assert batch.shape[1] % 32 == 0 and batch.shape[2] % 32 == 0
        self.shapes.append(batch.shape)
        parts = [self._one(frame.astype(float)) for frame in batch]
        maps = SiteMaps(*(np.stack(part).astype(np.float32) for part in zip(*parts, strict=True)))
        return maps if self.card.arguments["heights"] else maps._replace(height=None)

    def _one(self, frame):
        smooth = gaussian_filter(frame, self.blur, mode="nearest") if self.blur else frame
        peak = (smooth == maximum_filter(smooth, 9)) & (smooth > 1.5)
        peak[[0, -1]] = peak[:, [0, -1]] = False
        y, x = np.nonzero(peak)
        positions = np.column_stack([y + _vertex(smooth, y, x, 0), x + _vertex(smooth, y, x, 1)])
        h, w = frame.shape[0] // 2, frame.shape[1] // 2
        centres = np.stack(np.mgrid[:h, :w], axis=-1) * 2 + 0.5
        n_classes = len(self.card.classes)
        probability = np.full((h, w, n_classes), 0.01)
        offset = np.zeros((h, w, 2))
        if len(positions):
            distance, nearest = cKDTree(positions).query(centres)
            offset = positions[nearest] - centres
            near = distance < 2.5
            # The class alternates with the height of the peak.
            heights = smooth[y, x][nearest]
            kind = np.where(heights > 1.2 * np.median(smooth[y, x]), n_classes - 1, 0)
            probability[near, kind[near]] = 0.97
        sigma = np.full((h, w, 2), 0.1) * [1.0, 2.0]
        height = np.zeros((h, w, 2))
        if len(positions):
            height = np.stack([smooth[y, x][nearest], np.full((h, w), 0.25)], axis=-1)
        return probability, offset, sigma, height


class BlobSeriesNetwork(BlobNetwork):
    """Finds blobs in the sum of three images, and remembers what it was told of their defoci."""

    images = 3

    def __init__(self, **more):
        super().__init__(**more)
        self.told = []

    def maps(self, batch, defoci=None):
        assert batch.shape[1] == 3
        self.told.append(defoci)
        return super().maps(batch.sum(axis=1))


def _vertex(image, y, x, axis):
    dy, dx = (1, 0) if axis == 0 else (0, 1)
    before, here, after = (image[y + k * dy, x + k * dx] for k in (-1, 0, 1))
    return 0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-9)


def blobs(shape, sampling, positions, heights=1.0):
    """Frame of Gaussian columns at positions (y, x) in Å from the centre of the first pixel."""
    y, x = (np.arange(length) * sampling for length in shape)
    gy = np.exp(-((y - positions[:, :1]) ** 2) / (2 * BLOB**2))
    gx = np.exp(-((x - positions[:, 1:]) ** 2) / (2 * BLOB**2))
    heights = np.broadcast_to(heights, len(positions))
    return 100 + 50 * ((gy.T * heights) @ gx)


def lattice(extent, spacing=2.6, margin=1.5, seed=0):
    """Positions (y, x) in Å of a jittered square lattice that fills `extent`."""
    rng = np.random.default_rng(seed)
    axes = [np.arange(margin, length - margin, spacing) for length in extent]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    positions = grid + rng.uniform(-0.3, 0.3, grid.shape)
    return positions[np.lexsort((positions[:, 1], positions[:, 0]))]
