# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.evaluation.confusion import Labelled, confusion, counts_by_kind

EXTENT = (40.0, 30.0)


@pytest.fixture
def true():
    places = np.stack(np.meshgrid(np.arange(1.0, 40, 3), np.arange(1.0, 30, 3), indexing="ij"), -1)
    places = places.reshape(-1, 2)
    return Labelled(places, np.random.default_rng(0).integers(0, 3, len(places)))


def test_the_truth_itself(true):
    inner = ((true.positions >= 5) & (true.positions <= np.array(EXTENT) - 5)).all(axis=1)
    expected = np.bincount(true.kinds[inner], minlength=3)
    table = confusion(true, true, 3, EXTENT)
    np.testing.assert_array_equal(table, np.diag([*expected, 0]))
    counts = counts_by_kind(true, true, 3, EXTENT)
    np.testing.assert_array_equal(counts, np.column_stack([expected, 0 * expected, 0 * expected]))


def test_both_agree_on_disturbed_sites(true):
    rng = np.random.default_rng(1)
    kept = rng.random(len(true.kinds)) < 0.8
    strays = rng.uniform(0, EXTENT, (20, 2))
    places = np.concatenate([true.positions[kept] + rng.normal(0, 0.1, (kept.sum(), 2)), strays])
    kinds = np.concatenate([true.kinds[kept], rng.integers(0, 3, 20)])
    found = Labelled(places, np.where(rng.random(len(kinds)) < 0.1, 0, kinds))
    # Without sites that move over its edge or strays on sites.
    table = confusion(found, true, 3, EXTENT, margin=0.0, tolerance=0.7)
    counts = counts_by_kind(found, true, 3, EXTENT, margin=0.0, tolerance=0.7)
    hits = np.diag(table)[:3]
    assert np.abs(counts[:, 0] - hits).max() <= 3
    np.testing.assert_array_equal(counts[:, 0] + counts[:, 2], table[:3].sum(axis=1))
    np.testing.assert_array_equal(counts[:, 0] + counts[:, 1], table[:, :3].sum(axis=0))


def test_a_right_site_of_the_wrong_kind_is_both_missed_and_false(true):
    found = true._replace(kinds=np.zeros_like(true.kinds))
    table = confusion(found, true, 3, EXTENT)
    assert table[:, 1:].sum() == 0
    counts = counts_by_kind(found, true, 3, EXTENT)
    assert counts[0, 1] == counts[1, 2] + counts[2, 2] == table[1, 0] + table[2, 0]


def test_nothing_found(true):
    nothing = Labelled(np.empty((0, 2)), np.empty(0, dtype=int))
    table = confusion(nothing, true, 3, EXTENT)
    assert table[:, :3].sum() == 0
    assert counts_by_kind(nothing, true, 3, EXTENT)[:, 2].sum() == table.sum()
    assert confusion(nothing, nothing, 3, EXTENT).sum() == 0


@pytest.mark.parametrize("kind", [-1, 3])
def test_unknown_kind(true, kind):
    wrong = true._replace(kinds=np.full_like(true.kinds, kind))
    for count in (confusion, counts_by_kind):
        with pytest.raises(ValueError, match=f"kind {kind}"):
            count(wrong, true, 3, EXTENT)
