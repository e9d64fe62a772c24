# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest
from peers import species_picture

NAMES = ["Mo", "S", "Mo vacancy", "S vacancy"]


@pytest.fixture
def draw(tmp_path, monkeypatch):
    monkeypatch.setattr(species_picture, "_PANEL", 1.2)

    def draw(images, maps, number=5):
        rng = np.random.default_rng(0)
        sites, species = rng.uniform(0, 40, (number, 2)), rng.integers(0, 4, number)
        path = tmp_path / "a.png"
        species_picture.save_species_picture(path, images, maps, NAMES, sites, species, [1, 2, 3])
        return matplotlib.image.imread(path)

    return draw


def test_every_map_and_image_is_shown(draw):
    images, maps = np.zeros((3, 40, 60)), np.zeros((4, 40, 60))
    blank = draw(images, maps)
    for index in range(3):
        other = images.copy()
        other[index] = np.random.default_rng(1).random((40, 60))
        assert np.abs(draw(other, maps) - blank).max() > 0.3
    for index in range(4):
        other = maps.copy()
        other[index, 10:20] = 1
        assert np.abs(draw(images, other) - blank).max() > 0.3
    assert np.abs(draw(images, maps, number=0) - blank).max() > 0.3


def test_a_name_too_many(tmp_path):
    with pytest.raises(ValueError, match="3 maps and 4 names"):
        species_picture.save_species_picture(
            tmp_path / "a.png",
            np.zeros((3, 8, 8)),
            np.zeros((3, 8, 8)),
            NAMES,
            np.empty((0, 2)),
            [],
        )
