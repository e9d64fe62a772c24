# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of focal series that finds the spots of the sum of the images."""

import numpy as np

from hyperspy_dlatoms.networks.card import ModelCard
from tests.helpers.spot_network import SpotNetwork

CLASSES = ("Mo", "S", "S vacancy")
ROLES = ("metal", "chalcogen", "chalcogen vacancy")


class SpotSeriesNetwork(SpotNetwork):
    """Finds the spots of the sum of three images, and remembers what it was told of them.

    One that is told the elements has roles for classes.
    """

    def __init__(self, images=3, domain=None, name="series", materials=None):
        super().__init__(CLASSES if materials is None else ROLES)
        arguments = {"images": images} | ({} if materials is None else {"material": True})
        changed = {"name": name, "arguments": arguments, "images": images}
        changed["materials"] = materials or ("MoS2",)
        self.card = ModelCard(**(vars(self.card) | changed))
        self.card.domain.update(domain or {})
        self.told = []
        self.elements = []

    def maps(self, batch, defoci=None, elements=None):
        assert batch.shape[1] == self.card.images
        self.told.append(defoci)
        self.elements.append(elements)
        self.signs = np.sign((batch**3).mean(axis=(2, 3)))
        return super().maps(batch.sum(axis=1))
