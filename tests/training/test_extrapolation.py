# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.training.extrapolation import (
    Outcome,
    examine,
    fallen,
    usual_f1,
)
from hyperspy_dlatoms.training.outliers import Picture


def outcome(f1, dose=1000.0, sites=50, kind="", score=0.5):
    return Outcome(kind, dose, sites, f1, np.zeros(3), score, ())


def test_usual_f1_is_the_median_about_a_dose():
    rng = np.random.default_rng(0)
    low = [outcome(rng.uniform(0.4, 0.6), 100.0) for _ in range(101)]
    high = [outcome(rng.uniform(0.9, 1.0), 1e5) for _ in range(101)]
    clean = [outcome(1.0, np.inf) for _ in range(20)]
    empty = [outcome(0.0, 100.0, sites=0) for _ in range(500)]
    usual = usual_f1(low + high + clean + empty, np.array([100.0, 1e5, np.inf]))
    assert usual[0] == pytest.approx(np.median([one.f1 for one in low]), abs=0.02)
    assert usual[1] == pytest.approx(np.median([one.f1 for one in high]), abs=0.02)
    assert usual[2] > 0.99


def test_fallen_is_below_the_usual_or_false_where_nothing_is():
    outcomes = [outcome(0.85), outcome(0.79), outcome(1.0, sites=0), outcome(0.0, sites=0)]
    np.testing.assert_array_equal(fallen(outcomes, 0.9), [False, True, False, True])
    usual = np.array([0.96, 0.5, 0.1, 0.1])
    np.testing.assert_array_equal(fallen(outcomes, usual), [True, False, False, True])


class Echo:
    """Says what it is shown."""

    def score(self, *, sampling, working, features):
        return DomainScore(sampling, (f"{working.shape}", f"{features.shape}"))


@pytest.fixture(scope="module")
def network():
    import keras

    from hyperspy_dlatoms.networks.architecture import build

    keras.utils.set_random_seed(0)
    card = ModelCard(
        name="small",
        version="1",
        architecture="unet",
        arguments={"widths": [8, 8], "dilations": [1]},
        classes=("column",),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    return AtomNetwork.from_model(card, build(card.arguments, 1), Echo())


@pytest.mark.parametrize(
    "found, expected",
    [
        ([[10, 10], [10, 20], [20, 10]], 1.0),
        ([[10.2, 10], [10, 20.3]], 2 * 2 / (3 + 2)),
        ([[10, 10], [10, 20], [20, 10], [25, 25]], 2 * 3 / (3 + 4)),
        ([[10, 10], [1, 1], [1, 5]], 2 * 1 / (3 + 1)),
        ([], 0.0),
    ],
)
def test_examine(network, monkeypatch, found, expected):
    from hyperspy_dlatoms.training import extrapolation

    pixel, sampling = 0.1, 0.15
    sites = np.array(found, float).reshape(-1, 2) / pixel

    def find_sites(frames, stated, _, **known):
        assert known == {"defoci": None, "elements": None}
        assert frames.shape == (1, 310, 310) and stated == sampling
        return [np.column_stack([sites, np.ones((len(sites), 3))])]

    monkeypatch.setattr(extrapolation, "find_sites", find_sites)
    true = np.array([[10.0, 10.0], [10.0, 20.0], [20.0, 10.0], [0.5, 15.0]]) / pixel
    image = np.random.default_rng(0).poisson(20, (310, 310)).astype(np.float32)
    picture = Picture("made", image, sampling, pixel, true, 500.0)
    result = examine(network, picture, tolerance=0.5)
    assert (result.kind, result.dose, result.sites) == ("made", 500.0, 3)
    assert result.f1 == pytest.approx(expected)
    # At 0.2 Å/px, and padded to whole cells of 4 px: 8 * 3 + 8 channels and three more.
    assert result.score == sampling
    assert result.reasons == ("(233, 233)", f"({59**2}, 27)")


@pytest.mark.parametrize("light_found", [False, True])
def test_columns_left_open_count_neither_way(network, monkeypatch, light_found):
    from hyperspy_dlatoms.training import extrapolation

    true = np.array([[10.0, 10.0], [10.0, 20.0], [20.0, 10.0]]) / 0.1
    found = np.column_stack([true, np.ones((3, 3))])[: 3 if light_found else 2]
    monkeypatch.setattr(extrapolation, "find_sites", lambda *_, **__: [found])
    image = np.random.default_rng(0).poisson(20, (310, 310)).astype(np.float32)
    picture = Picture("crystal", image, 0.1, 0.1, true, 500.0, np.array([0, 0, -1]))
    result = examine(network, picture, tolerance=0.5)
    assert (result.sites, result.f1) == (2, 1.0)


def test_an_empty_image_is_read_right_if_nothing_is_found(network, monkeypatch):
    from hyperspy_dlatoms.training import extrapolation

    picture = Picture("noise", np.eye(200, dtype=np.float32), 0.1, 0.1, np.empty((0, 2)), 500.0)
    for sites, expected in ((np.empty((0, 5)), 1.0), (np.full((1, 5), 100.0), 0.0)):
        monkeypatch.setattr(extrapolation, "find_sites", lambda *_, s=sites, **__: [s])
        assert examine(network, picture, tolerance=0.5).f1 == expected
