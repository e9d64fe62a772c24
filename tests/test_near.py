# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from hyperspy_dlatoms._near import connected, first_come


def random_pairs(rng, number, pairs):
    drawn = rng.integers(0, number, (pairs, 2))
    return drawn[drawn[:, 0] != drawn[:, 1]]


def test_groups_are_those_of_a_graph():
    pairs = random_pairs(np.random.default_rng(3), 60, 40)
    expected = [{one} for one in range(60)]
    for pair in pairs.tolist():
        joined = [group for group in expected if group & set(pair)]
        expected = [group for group in expected if group not in joined] + [set().union(*joined)]
    group = connected(pairs, 60)
    found = [set(np.flatnonzero(group == one).tolist()) for one in np.unique(group)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    assert 20 < len(found) < 60


def test_the_first_stay_as_if_taken_one_by_one():
    rng = np.random.default_rng(4)
    for count in (0, 10, 60, 400):
        pairs = random_pairs(rng, 60, count)
        near = {tuple(pair) for pair in pairs.tolist()} | {
            tuple(p) for p in pairs[:, ::-1].tolist()
        }
        stay = []
        for one in range(60):
            if not any((one, other) in near for other in stay):
                stay.append(one)
        assert np.flatnonzero(first_come(pairs, 60)).tolist() == stay


def test_no_points():
    assert first_come(np.zeros((0, 2), int), 0).shape == (0,)
    assert connected(np.zeros((0, 2), int), 3).tolist() == [0, 1, 2]
