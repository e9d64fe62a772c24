# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of focal series that finds the spots of the sum of the images."""

import numpy as np

from hyperspy_dlatoms.networks.card import ModelCard
from tests.helpers.spot_network import SpotNetwork

CLASSES = ("Mo", "S", "S vacancy")


class SpotSeriesNetwork(SpotNetwork):
    """Finds the spots of the sum of three images, and remembers what it was told of defoci."""

    def __init__(self, images=3, domain=None, name="series"):
        super().__init__(CLASSES)
        self.card = ModelCard(
            **(vars(self.card) | {"name": name, "arguments": {"images": images}, "images": images})
        )
        self.card.domain.update(domain or {})
        self.told = []

    def maps(self, batch, defoci=None):
        assert batch.shape[1] == self.card.images
        self.told.append(defoci)
        self.signs = np.sign((batch**3).mean(axis=(2, 3)))
        return super().maps(batch.sum(axis=1))
