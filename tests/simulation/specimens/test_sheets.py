# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperspy_dlatoms.simulation.specimens.sheets import (
    BOND,
    from_centres,
    keep_atoms,
    lattice_centres,
    random_centres,
    relax,
    rotate_bonds,
    trim,
)


def bonds(sheet):
    first, which = np.nonzero(sheet.bonded >= 0)
    return first, sheet.bonded[first, which]


def bond_lengths(sheet):
    i, j = bonds(sheet)
    return np.linalg.norm(sheet.points[i] - sheet.points[j], axis=1)


def is_symmetric(sheet):
    i, j = bonds(sheet)
    return set(zip(i, j, strict=True)) == set(zip(j, i, strict=True))


def perfect():
    """Perfect graphene, without the slivers along the hull of the triangulation."""
    sheet = from_centres(lattice_centres(0, 40, 0.3, np.zeros(2)))
    return keep_atoms(sheet, (np.abs(sheet.points - 20) < 17).all(axis=1))


def rings(sheet):
    """How many rings there are of each size from 0 to 8, going round them bond by bond."""
    after = {}
    for j, around in enumerate(sheet.bonded):
        around = around[around >= 0]
        angle = np.arctan2(*(sheet.points[around] - sheet.points[j]).T[::-1])
        around = around[np.argsort(angle)]
        after |= {(i, j): (j, k) for i, k in zip(around, np.roll(around, 1), strict=True)}
    sizes = []
    while after:
        start, bond = after.popitem()
        sizes.append(1)
        while bond != start:
            bond = after.pop(bond)
            sizes[-1] += 1
    return np.bincount(sizes, minlength=9)[:9]


def test_the_dual_of_the_ring_centres_is_graphene():
    sheet = perfect()
    np.testing.assert_allclose(bond_lengths(sheet), BOND, atol=1e-9)
    inner = (np.abs(sheet.points - 20) < 15).all(axis=1)
    assert (sheet.bonded[inner] >= 0).all()
    assert inner.sum() / 30**2 == pytest.approx(2 / (1.5 * np.sqrt(3) * BOND**2), rel=0.03)


def test_relaxing_perfect_graphene_changes_nothing():
    np.testing.assert_allclose(relax(perfect()).points, perfect().points, atol=1e-9)


def test_relaxing_brings_bonds_to_their_length():
    sheet = perfect()
    rng = np.random.default_rng(1)
    shaken = sheet._replace(points=sheet.points + rng.normal(0, 0.15, sheet.points.shape))
    assert bond_lengths(shaken).std() > 0.1
    assert bond_lengths(relax(shaken)).std() < 0.01


def test_a_rotated_bond_makes_two_pentagons_and_two_heptagons():
    sheet = perfect()
    turned = relax(rotate_bonds(np.random.default_rng(8), sheet, 1))
    assert is_symmetric(turned)
    assert abs(bond_lengths(turned) / BOND - 1).max() < 0.15

    before, after = rings(sheet), rings(turned)
    np.testing.assert_array_equal((after - before)[5:8], [2, -4, 2])


def test_trimming_takes_chains_away():
    sheet = perfect()
    chosen = np.zeros(len(sheet.points), dtype=bool)
    chosen[0] = True
    assert not trim(keep_atoms(sheet, chosen)).any()
    kept = keep_atoms(sheet, trim(sheet))
    assert ((kept.bonded >= 0).sum(axis=1) >= 2).all()


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_random_sheets_have_sound_bonds(seed, sweeps):
    rng = np.random.default_rng(seed)
    sheet = from_centres(random_centres(rng, 0, 25, sweeps))
    assert is_symmetric(sheet)
    kept = keep_atoms(sheet, rng.random(len(sheet.points)) < 0.8)
    assert is_symmetric(kept)
    assert kept.bonded.max(initial=-1) < len(kept.points)
