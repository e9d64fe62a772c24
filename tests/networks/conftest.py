# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms.networks.card import ModelCard


@pytest.fixture(scope="session")
def card():
    return ModelCard(
        name="example",
        version="1",
        architecture="unet",
        arguments={"widths": [8, 8], "dilations": [1]},
        classes=("column",),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
