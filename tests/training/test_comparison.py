# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses

import numpy as np
import pytest

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.training import _comparison
from hyperspy_dlatoms.training._comparison import compare, without_decoys

CARD = ModelCard(
    name="small",
    version="1",
    architecture="unet",
    arguments={"heights": True, "decoys": ["Mo vacancy"]},
    classes=("Mo", "S"),
    sampling=0.2,
    radius=0.5,
    minimum_distance=1.0,
    threshold=0.5,
)


class Network:
    card = CARD


def test_only_known_kinds_away_from_the_edges_count(tiny_series, tiny_series_data, monkeypatch):
    item = without_decoys(tiny_series_data, 0, CARD)
    kinds = np.array(item.record["kinds"])[item.species]
    assert "Mo vacancy" not in kinds and {"Mo", "S"} < set(kinds)
    inner = ((item.sites[:, :2] > 3) & (item.sites[:, :2] < 21)).all(axis=1)
    known = np.isin(kinds, CARD.classes)

    def all_sites(image, pixel, network, elements, threshold):
        n = len(item.sites)
        species = np.where(kinds == "S", 1.0, 0.0)
        shifted = item.sites[:, :2] / pixel + [0.1 / pixel, 0]
        wrong = np.array([[12.0, 12.0]]) / pixel
        sites = np.column_stack(
            [shifted, np.full((n, 3), 0.9), species, np.zeros((n, 2)), item.sites[:, 2] + 0.5]
        )
        sites = np.column_stack([sites, np.ones(n)])
        extra = np.concatenate([wrong[0], [0.3, 1, 1, 0, 0, 0, 1, 1]])
        # Nobody is to be near the wrong one.
        far = np.hypot(*(item.sites[:, :2] - 12).T) > 0.7
        assert far.all()
        return np.vstack([sites, extra])

    monkeypatch.setattr(_comparison, "all_sites", all_sites)
    outcome = compare(Network(), tiny_series, item, 1e4, np.random.default_rng(0))
    assert outcome.true == np.count_nonzero(inner & known)
    assert outcome.right.sum() == outcome.true
    assert len(outcome.found) == outcome.true + 1
    right = outcome.found[outcome.right]
    np.testing.assert_allclose(right[:, 3:], [[0.5, 0.0]] * len(right), atol=1e-3)
    np.testing.assert_allclose(outcome.heights[outcome.right], [[1.0, 0.5]] * len(right), atol=1e-6)
    assert outcome.found[~outcome.right, 0] == pytest.approx([0.3])


def test_sites_of_another_class_are_wrong(tiny_series, tiny_series_data, monkeypatch):
    item = without_decoys(tiny_series_data, 0, CARD)

    def all_sites(image, pixel, network, elements, threshold):
        sites = np.zeros((len(item.sites), 10))
        sites[:, :2], sites[:, 2] = item.sites[:, :2] / pixel, 0.9
        return sites

    monkeypatch.setattr(_comparison, "all_sites", all_sites)
    outcome = compare(Network(), tiny_series, item, 1e4, np.random.default_rng(0))
    kinds = np.array(item.record["kinds"])[item.species]
    inner = ((item.sites[:, :2] > 3) & (item.sites[:, :2] < 21)).all(axis=1)
    assert outcome.right.sum() == np.count_nonzero(inner & (kinds == "Mo"))
    assert outcome.true > outcome.right.sum() > 0


def test_a_site_between_two_is_neither():
    close = dataclasses.replace(CARD, minimum_distance=0.9)
    assert _comparison.tolerance(close) == 0.45
    assert _comparison.tolerance(dataclasses.replace(CARD, minimum_distance=1.6)) == 0.7
