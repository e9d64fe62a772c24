# SPDX-License-Identifier: GPL-3.0-or-later
"""A network without TensorFlow that finds bright spots."""

import numpy as np
from scipy import ndimage

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import SiteMaps


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
