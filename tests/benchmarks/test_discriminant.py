# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from peers.discriminant import Discriminant


def test_the_threshold_moves_away_from_the_commoner_kind():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], [9000, 1000])
    values = kinds + rng.normal(0, 0.5, len(kinds))
    fitted = Discriminant.fit(values[:, None], kinds, 2)
    grid = np.linspace(0, 2, 2001)[:, None]
    threshold = grid[fitted.scores(grid).argmax(axis=1).argmax(), 0]
    assert threshold == pytest.approx(0.5 + 0.5**2 * np.log(9), abs=0.03)


def test_correlated_features_are_better_than_each_alone():
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 2, 4000)
    common = rng.normal(size=4000)
    features = np.column_stack([common + kinds, common]) + rng.normal(0, 0.2, (4000, 2))

    def right(columns):
        fitted = Discriminant.fit(features[:, columns], kinds, 2)
        return (fitted.scores(features[:, columns]).argmax(axis=1) == kinds).mean()

    assert right([0, 1]) > 0.95 > 0.75 > max(right([0]), right([1]))


def test_a_kind_without_examples_is_never_said():
    features = np.array([[0.0], [0.1], [1.0], [1.1], [0.05]])
    fitted = Discriminant.fit(features, np.array([0, 0, 2, 2, 0]), 4)
    assert set(fitted.scores(np.linspace(-5, 5, 99)[:, None]).argmax(axis=1)) == {0, 2}


def test_too_few_examples():
    with pytest.raises(ValueError, match="more than 4"):
        Discriminant.fit(np.zeros((4, 2)), np.array([0, 1, 0, 1]), 2)
