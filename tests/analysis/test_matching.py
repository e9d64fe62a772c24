# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from itertools import permutations
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hyperspy_dlatoms.analysis import matching
from hyperspy_dlatoms.analysis.matching import match

positions = st.integers(0, 5).flatmap(
    # A coarse grid, so that ties, zero distances and doubled atoms come up.
    lambda n: arrays(float, (n, 2), elements=st.integers(0, 6).map(lambda i: i / 2))
)


def best_by_trying_all(found, true, tolerance):
    """Number of pairs and sum of distances of the best matching."""
    if len(found) > len(true):
        found, true = true, found
    padded = [*range(len(true)), *[None] * len(found)]
    best = (0, 0.0)
    for chosen in set(permutations(padded, len(found))):
        lengths = [np.hypot(*(found[i] - true[j])) for i, j in enumerate(chosen) if j is not None]
        if all(length <= tolerance for length in lengths):
            best = max(best, (len(lengths), -sum(lengths)))
    return best[0], -best[1]


@given(positions.filter(lambda a: len(a) < 4), positions, st.sampled_from([0.5, 1.1, 2.0]))
def test_most_pairs_then_least_distance(found, true, tolerance):
    pairs = match(found, true, tolerance)
    lengths = np.hypot(*(found[pairs[:, 0]] - true[pairs[:, 1]]).T)
    assert (lengths <= tolerance).all()
    count, total = best_by_trying_all(found, true, tolerance)
    assert len(pairs) == count
    assert lengths.sum() == pytest.approx(total)


@given(positions, positions)
def test_one_to_one_and_the_same_the_other_way_round(found, true):
    pairs = match(found, true, 1.1)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    assert len(match(true, found, 1.1)) == len(pairs)


def test_a_large_shuffled_image():
    rng = np.random.default_rng(0)
    true = np.stack(np.meshgrid(np.arange(80.0), np.arange(80.0)), -1).reshape(-1, 2)
    order = rng.permutation(len(true))
    found = true[order] + rng.uniform(-0.3, 0.3, true.shape)
    pairs = match(found, true, 0.5)
    np.testing.assert_array_equal(pairs, np.column_stack([np.arange(len(true)), order]))


def test_a_pair_at_the_tolerance_counts():
    assert len(match([[0.0, 0.0]], [[0.0, 0.5]], 0.5)) == 1
    assert len(match([[0.0, 0.0]], [[0.0, 0.5001]], 0.5)) == 0


@pytest.mark.parametrize("empty", [[], np.empty((0, 2)), np.empty((0, 5))])
def test_nothing_to_match(empty):
    assert match(empty, [[0.0, 0.0]], 1.0).shape == (0, 2)
    assert match([[0.0, 0.0]], empty, 1.0).shape == (0, 2)


@pytest.mark.parametrize(
    ("found", "tolerance", "message"),
    [
        ([[0.0, 0.0, 0.0]], 1.0, "shape"),
        ([[np.nan, 0.0]], 1.0, "finite"),
        ([[0.0, 0.0]], 0.0, "tolerance is 0"),
        ([[0.0, 0.0]], np.nan, "tolerance is nan"),
    ],
)
def test_errors(found, tolerance, message):
    with pytest.raises(ValueError, match=message):
        match(found, [[0.0, 0.0]], tolerance)


def test_only_atoms_with_several_others_near_are_chosen_among(monkeypatch):
    # What chooses takes time that grows with the square of their number.
    chosen = Mock(side_effect=matching.min_weight_full_bipartite_matching)
    monkeypatch.setattr(matching, "min_weight_full_bipartite_matching", chosen)
    true = 2.0 * np.mgrid[:30, :30].reshape(2, -1).T
    found = np.concatenate([true + np.random.default_rng(0).normal(0, 0.05, true.shape), [[0, 1]]])
    assert len(match(found, true, 0.9)) == 900
    assert chosen.call_count == 0
    assert len(match(found, true, 1.2)) == 900
    assert chosen.call_args.args[0].shape[0] < 10
