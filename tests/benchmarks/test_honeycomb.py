# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from peers.honeycomb import (
    best_on_sublattices,
    bonded,
    complete,
    two_sublattices,
)
from scipy.spatial import cKDTree

BOND = 1.84
HOMES = (np.array([True, False]), np.array([False, True]))


def honeycomb(n=8, angle=0.3, shift=(0.0, 0.0)):
    a = BOND * np.sqrt(3)
    cells = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1).reshape(-1, 2)
    corners = cells @ (a * np.array([[1, 0], [0.5, np.sqrt(3) / 2]]))
    both = np.concatenate([corners, corners + [0, -BOND]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return both @ turn + shift, np.repeat([0, 1], n * n)


def test_neighbours_are_of_different_sublattices():
    places, true = honeycomb()
    places = places + np.random.default_rng(0).normal(0, 0.1, places.shape)
    piece, sublattice = two_sublattices(places, BOND)
    inner = piece == piece[0]
    assert inner.sum() > 0.95 * len(piece)
    assert len(set(sublattice[inner] ^ true[inner])) == 1
    first, second = bonded(places, BOND).T
    assert (true[first] != true[second]).all()


def test_two_grains_are_decided_apart():
    (one, kinds), (other, _) = honeycomb(), honeycomb(angle=0.9, shift=(60.0, 0.0))
    places, kinds = np.concatenate([one, other]), np.concatenate([kinds, 1 - kinds])
    right = 0.75
    scores = np.log(np.where(kinds[:, None] == np.arange(2), right, 1 - right))
    rng = np.random.default_rng(1)
    flipped = rng.random(len(kinds)) < 0.3
    scores[flipped] = scores[flipped][:, ::-1]
    found = best_on_sublattices(scores, places, BOND, HOMES)
    assert (scores.argmax(axis=1) != kinds).mean() > 0.2
    assert (found == kinds).mean() > 0.97


def test_missing_sites_are_named_where_they_were():
    places, _ = honeycomb(10)
    inner = np.flatnonzero(np.linalg.norm(places - places.mean(axis=0), axis=1) < 8)
    tree = cKDTree(places)
    gone = [inner[0]]
    for one in inner:
        if (
            tree.query(places[one])[0] == 0
            and min(np.linalg.norm(places[one] - places[other]) for other in gone) > 2.2 * BOND
        ):
            gone.append(one)
    assert len(gone) > 3
    left = np.delete(places, gone, axis=0)
    left = left + np.random.default_rng(3).normal(0, 0.05, left.shape)
    named = complete(left, BOND)
    assert cKDTree(named).query(places[gone])[0].max() < 0.3
    in_the_middle = np.linalg.norm(named - places.mean(axis=0), axis=1) < 8
    assert in_the_middle.sum() == len(gone)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_few_sites(number):
    places = honeycomb()[0][:number]
    assert complete(places, BOND).shape == (0, 2)
    piece, sublattice = two_sublattices(places, BOND)
    assert len(piece) == len(sublattice) == number
    assert len(best_on_sublattices(np.zeros((number, 2)), places, BOND, HOMES)) == number
