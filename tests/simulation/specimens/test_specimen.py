# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hyperspy_dlatoms.simulation.specimens.specimen import (
    MARGIN,
    AtomList,
    Specimen,
    join,
)


def two_columns() -> AtomList:
    """Two atoms over each other, one alone, and one that is no site."""
    positions = np.array([[1.0, 2.0, 5.0], [6.0, 7.0, 0.0], [1.2, 2.4, 8.0], [3.0, 3.0, 1.0]])
    return AtomList(np.array([79, 79, 79, 6]), positions, np.array([4, 9, 4, -1]))


def test_sites_are_y_x_height_of_each_column():
    specimen = Specimen.from_list(two_columns(), 10.0, {})
    np.testing.assert_allclose(specimen.sites(), [[2.2, 1.1, 2], [7, 6, 1]])
    np.testing.assert_array_equal(specimen.column, [0, 1, 0, -1])


def test_sites_follow_displaced_positions():
    specimen = Specimen.from_list(two_columns(), 10.0, {})
    moved = specimen.atoms.positions + [0.5, -0.25, 3.0]
    np.testing.assert_allclose(
        specimen.sites(moved), specimen.sites() + [-0.25, 0.5, 0], atol=1e-12
    )


def test_sites_displaced_out_of_the_box_are_left_out():
    specimen = Specimen.from_list(two_columns(), 10.0, {})
    moved = specimen.atoms.positions.copy()
    moved[1, 0] = 10.3
    assert specimen.sites(moved)[:, 2].tolist() == [2.0]


def test_atoms_outside_are_cut_and_never_wrapped():
    parts = two_columns().shift(np.array([-1.1, 0, 0]))
    specimen = Specimen.from_list(parts, 4.0, {"kind": "cut"})
    np.testing.assert_allclose(specimen.atoms.positions[:, :2], [[0.1, 2.4], [1.9, 3.0]])
    np.testing.assert_array_equal(specimen.column, [0, -1])
    assert specimen.description == {"kind": "cut", "size": 4.0, "atoms": 2, "sites": 1}


def test_the_cell_has_a_margin_along_the_beam():
    specimen = Specimen.from_list(two_columns(), 10.0, {})
    z = specimen.atoms.positions[:, 2]
    np.testing.assert_allclose(specimen.atoms.cell.lengths(), [10, 10, 8 + 2 * MARGIN])
    assert z.min() == pytest.approx(MARGIN)


def test_no_atoms():
    specimen = Specimen.from_list(AtomList.without_sites(6, np.empty((0, 3))), 10.0, {})
    assert specimen.sites().shape == (0, 3)
    assert specimen.description["sites"] == 0
    assert specimen.atoms.cell.lengths()[2] > 0


def test_sites_have_kinds_and_vacant_ones_come_last():
    specimen = Specimen.from_list(
        two_columns().shift(np.array([0, 0.5, 0])),
        10.0,
        {},
        kinds=("Au", "Pt", "Pt vacancy"),
        species=np.array([2, 2, 2, 2, 1, 2, 2, 2, 2, 0]),
        vacant=np.array([[5.0, 4.0], [11.0, 4.0]]),
        vacant_species=np.array([2, 2]),
    )
    sites, species = specimen.sites_and_species()
    np.testing.assert_allclose(sites, [[2.7, 1.1, 2], [7.5, 6, 1], [4, 5, 0]])
    np.testing.assert_array_equal(species, [1, 0, 2])
    assert specimen.description["sites"] == 3
    moved = specimen.atoms.positions + [0.5, 0, 0]
    moved[1, 0] = 10.3
    sites, species = specimen.sites_and_species(moved)
    np.testing.assert_allclose(sites, [[2.7, 1.6, 2], [4, 5, 0]])
    np.testing.assert_array_equal(species, [1, 2])


def test_sites_without_kinds_are_all_of_one():
    sites, species = Specimen.from_list(two_columns(), 10.0, {}).sites_and_species()
    np.testing.assert_array_equal(species, np.zeros(len(sites)))


def test_wrong_shapes_are_refused():
    specimen = Specimen.from_list(two_columns(), 10.0, {})
    with pytest.raises(ValueError, match=r"expected \(4, 3\)"):
        specimen.sites(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="column has shape"):
        Specimen(specimen.atoms, np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match=r"species has shape \(3,\), expected \(2,\)"):
        Specimen(specimen.atoms, specimen.column, species=np.zeros(3, int))


def test_join_keeps_columns_apart():
    joined = join(two_columns(), AtomList.without_sites(8, np.zeros((1, 3))), two_columns())
    np.testing.assert_array_equal(joined.column, [4, 9, 4, -1, -1, 14, 19, 14, -1])


@given(arrays(int, st.integers(0, 30), elements=st.integers(-1, 6)))
def test_a_box_keeps_who_shares_a_column(column):
    atoms = AtomList(np.full(len(column), 6), np.ones((len(column), 3)), column)
    new = Specimen.from_list(atoms, 10.0, {}).column
    np.testing.assert_array_equal(new[:, None] == new, column[:, None] == column)
    np.testing.assert_array_equal(new < 0, column < 0)
    assert set(new[new >= 0]) == set(range(len(set(column[column >= 0]))))
