# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.analysis.graphs import LATTICE, outvoted

SPACING = 2.0
DISTANCE = 1.6


def particle(n):
    """A square crystal and the places between its columns."""
    columns = np.stack(np.mgrid[:n, :n], axis=-1).reshape(-1, 2) * SPACING
    between = np.stack(np.mgrid[: n - 1, : n - 1], axis=-1).reshape(-1, 2) * SPACING + SPACING / 2
    return columns, between


@pytest.mark.parametrize("n", [4, 9])
def test_the_better_supported_lattice_stays_whole(n):
    columns, between = particle(n)
    sites = np.concatenate([columns, between])
    # Between the columns the network is surer, but there are fewer places.
    probability = np.concatenate([np.full(len(columns), 0.7), np.full(len(between), 0.75)])
    if n == 9:
        probability[len(columns) :] = 0.85
    lost = outvoted(sites, probability, DISTANCE)
    assert not lost[: len(columns)].any()
    assert lost[len(columns) :].all()


def test_a_few_strays_do_not_make_a_lattice():
    columns, _ = particle(6)
    strays = columns[[0, 7, 20]] + [0.4, 0.9]
    sites = np.concatenate([columns, strays])
    assert not outvoted(sites, np.full(len(sites), 0.5), DISTANCE).any()
    assert len(strays) < LATTICE


def test_particles_decide_for_themselves():
    columns, between = particle(5)
    far = [100.0, 0.0]
    sites = np.concatenate([columns, between, columns + far, between + far])
    c, b = len(columns), len(between)
    probability = np.concatenate(
        [np.full(c, 0.9), np.full(b, 0.4), np.full(c, 0.3), np.full(b, 0.95)]
    )
    lost = outvoted(sites, probability, DISTANCE)
    expected = np.concatenate([np.zeros(c), np.ones(b), np.ones(c), np.zeros(b)]).astype(bool)
    np.testing.assert_array_equal(lost, expected)


def test_what_does_not_alternate_is_left_to_others():
    columns, between = particle(5)
    third = between + [0.5, 0.3]
    sites = np.concatenate([columns, between, third])
    assert not outvoted(sites, np.full(len(sites), 0.6), DISTANCE).any()


@given(st.integers(0, 10_000), st.integers(0, 60))
def test_order_does_not_matter_and_lonely_sites_stay(seed, n):
    rng = np.random.default_rng(seed)
    sites, probability = rng.uniform(0, 12, (n, 2)), rng.uniform(0.3, 1, n)
    lost = outvoted(sites, probability, DISTANCE)
    order = rng.permutation(n)
    np.testing.assert_array_equal(outvoted(sites[order], probability[order], DISTANCE), lost[order])
    apart = np.hypot(*(sites[:, None] - sites[None]).T) + 99 * np.eye(n)
    if n:
        assert not lost[apart.min(axis=0) > DISTANCE].any()
