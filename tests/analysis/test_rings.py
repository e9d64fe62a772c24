# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import bonds, find_rings
from tests.helpers.lattices import crystal, noisy


def counted(rings):
    return dict(zip(*np.unique(rings.sizes, return_counts=True), strict=True))


@pytest.mark.parametrize("sigma", [0.0, 0.05])
@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_the_hexagons_of_a_honeycomb(sigma, angle):
    places, _ = noisy(crystal("graphene", 30, angle), sigma + 1e-9, np.random.default_rng(0))
    rings = find_rings(places)
    assert set(counted(rings)) == {6}
    np.testing.assert_allclose(np.median(rings.areas), 1.5 * np.sqrt(3) * 1.42**2, rtol=0.02)
    # By Euler, for a sheet in one piece: faces = edges - vertices + 1, without dangling atoms.
    pairs = bonds(places)
    while (single := np.bincount(pairs.ravel(), minlength=len(places)) == 1).any():
        pairs = pairs[~single[pairs].any(axis=1)]
    assert len(rings.sizes) == len(pairs) - len(np.unique(pairs)) + 1
    assert (np.diff(rings.centres[:, 0]) >= 0).all()


def test_a_turned_bond_makes_pentagons_and_heptagons():
    """A Stone-Wales defect: two of each around the bond."""
    places = crystal("graphene", 30)
    pairs = bonds(places)
    middle = places[pairs].mean(axis=1)
    one, other = pairs[np.linalg.norm(middle, axis=1).argmin()]
    centre = (places[one] + places[other]) / 2
    along = places[one] - centre
    places[one], places[other] = (
        centre + [along[1], -along[0]],
        centre - [along[1], -along[0]],
    )
    # Of the four atoms beside it each is bonded to the nearer of the two now.
    counts = counted(find_rings(places, rebonded(places, pairs, one, other)))
    assert (counts[5], counts[7]) == (2, 2)
    assert set(counts) == {5, 6, 7}


def rebonded(places, pairs, one, other):
    ends = np.isin(pairs, [one, other])
    turned = pairs[ends.all(axis=1)]
    beside = pairs[ends.sum(axis=1) == 1]
    outer = beside[~np.isin(beside, [one, other])]
    near = np.linalg.norm(places[outer][:, None] - places[[one, other]], axis=2).argmin(axis=1)
    new = np.column_stack([outer, np.array([one, other])[near]])
    return np.concatenate([pairs[~ends.any(axis=1)], turned, new])


def test_a_vacancy_leaves_a_ring_of_twelve():
    places = crystal("graphene", 30)
    places = np.delete(places, np.linalg.norm(places, axis=1).argmin(), axis=0)
    counts = counted(find_rings(places))
    assert counts[12] == 1
    assert set(counts) == {6, 12}
    assert set(counted(find_rings(places, largest=11))) == {6}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_rings(count):
    rings = find_rings(np.arange(2.0 * count).reshape(-1, 2))
    assert rings.sizes.shape == (0,)
    assert rings.centres.shape == (0, 2)
    assert rings.members == []


def test_dangling_atoms_and_chains_are_in_no_ring():
    angle = np.arange(6) * np.pi / 3
    hexagon = 1.42 * np.column_stack([np.sin(angle), np.cos(angle)])
    chain = [[0.0, 2.84], [0.0, 4.26], [0.0, 5.68]]
    rings = find_rings(np.concatenate([hexagon, chain]))
    assert rings.sizes.tolist() == [6]
    assert sorted(rings.members[0]) == list(range(6))


def test_bonds_from_either_end_are_one():
    places = crystal("graphene", 15)
    pairs = bonds(places)
    rings = find_rings(places, np.concatenate([pairs[:1], pairs, pairs[:, ::-1]]))
    assert counted(rings) == counted(find_rings(places))
