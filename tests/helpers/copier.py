# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of exit waves that copies the middle image."""

import numpy as np

from hyperspy_dlatoms.networks.card import ModelCard


class Copier:
    """Says that the wave is the contrast of the middle image, and how far it can see."""

    receptive_radius = 32

    def __init__(self, **arguments):
        self.card = ModelCard(
            name="copier",
            version="1",
            architecture="unet",
            arguments={"images": 3, "wave": True} | arguments,
            classes=("exit wave",),
            sampling=0.2,
            radius=0.6,
            minimum_distance=1.0,
            threshold=0.5,
        )
        self.told = []
        self.elements = []
        self.shapes = []

    def waves(self, batch, defoci=None, elements=None):
        self.told.append(defoci)
        self.elements.append(elements)
        self.shapes.append(batch.shape)
        assert batch.shape[2] % 32 == 0 and batch.shape[3] % 32 == 0
        return (1 + 1j * batch[:, 1]).astype(np.complex64)
