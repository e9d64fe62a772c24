# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from peers.foreign import (
    CRYSTALS,
    FACTORS,
    PHOTOGRAPHS,
    crystal,
    foreign_pictures,
    noise,
    photograph,
    wrong_pictures,
)
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.dataset import Item

NEAREST = {
    "Au [111]": 4.08 / np.sqrt(6),
    "Au [112]": 4.08 / np.sqrt(8),
    "Fe [100]": 2.87 / np.sqrt(2),
    "W [111]": 3.165 * np.sqrt(2) / np.sqrt(3),
    "Si [110]": 5.431 / 4,
    "GaAs [110]": 5.653 / 4,
    "SrTiO3 [100]": 3.905 / 2,
    "NaCl [100]": 5.64 / 2,
}
"""Distance of neighbouring columns (Å), by hand."""


@pytest.mark.parametrize("name", CRYSTALS)
def test_columns_are_as_far_apart_as_they_should(name):
    # Thermal displacements come with the wave, and the tilt is small.
    specimen = crystal(np.random.default_rng(0), name, size=40)
    sites = specimen.sites()
    assert int(sites[:, 2].sum()) == len(specimen.atoms)
    apart = cKDTree(sites[:, :2]).query(sites[:, :2], 2)[0][:, 1]
    assert np.median(apart) == pytest.approx(NEAREST[name], abs=0.05)
    assert np.percentile(sites[:, 2], 90) > 3


def test_formula():
    numbers = crystal(np.random.default_rng(0), "SrTiO3 [100]", size=50).atoms.numbers
    share = np.array([np.mean(numbers == z) for z in (38, 22, 8)])
    np.testing.assert_allclose(share, [0.2, 0.2, 0.6], atol=0.03)


@pytest.fixture
def item():
    """A wave of two columns."""
    wave = np.ones((200, 200), complex)
    sites = np.array([[15.0, 15.0, 3.0], [20.0, 24.0, 2.0]])
    y, x = np.indices(wave.shape) * 0.2
    for row, column, height in sites:
        wave *= np.exp(0.3j * height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 0.2))
    record = {"energy": 300e3, "specimen": {"kind": "two columns"}}
    return Item(wave, sites, np.zeros(len(sites), int), np.empty(0), record)


def test_wrong_pictures(item):
    pictures = list(wrong_pictures(np.random.default_rng(0), item, {"astigmatism": [0, 40]}, 0.2))
    ratios = [picture.sampling / picture.pixel for picture in pictures]
    np.testing.assert_allclose(ratios, [*FACTORS, 1.0])
    assert len({picture.kind for picture in pictures}) == len(FACTORS) + 1


def test_foreign_pictures(item):
    first, second = foreign_pictures(np.random.default_rng(0), [item], {}, size=40.0)
    assert (first.kind, second.kind) == ("two columns", "ADF-STEM")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_come_with_scikit_image(name):
    picture = photograph(np.random.default_rng(0), name)
    assert picture.image.ndim == 2 and min(picture.image.shape) > 64
    assert np.ptp(picture.image) > 0
    assert len(picture.positions) == 0


def test_noise_has_the_variance_of_counts():
    picture = noise(np.random.default_rng(0), size=40.0)
    assert picture.image.mean() == pytest.approx(picture.dose * picture.pixel**2, rel=0.05)
    assert picture.image.var() == pytest.approx(picture.image.mean(), rel=0.1)
