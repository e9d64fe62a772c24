# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal

from hyperspy_dlatoms.simulation.specimens.projection import (
    clear_share,
    kinds_of,
    project,
    seen_along,
    stacked,
)
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList


@pytest.fixture
def titanate():
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)]
    return crystal(["Sr", "Ti", "O"], places, spacegroup=221, cellpar=[3.905] * 3 + [90] * 3)


@pytest.mark.parametrize("zone", [(0, 0, 1), (1, 1, 0), (1, -1, 2)])
def test_a_zone_is_along_the_beam(titanate, zone):
    one = seen_along(titanate, zone)
    along = np.array(zone) @ titanate.cell.array @ one.frame
    np.testing.assert_allclose(along, [0, 0, one.period], atol=1e-9)
    np.testing.assert_allclose(one.frame @ one.frame.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("zone", "columns_an_area"),
    # Along [001] Sr, Ti-O and two O in a²; along [110] Sr-O, Ti and O in a² / √2.
    [((0, 0, 1), 4 / 3.905**2), ((1, 1, 0), 3 * np.sqrt(2) / 3.905**2)],
)
def test_columns_of_a_perovskite(titanate, zone, columns_an_area):
    atoms, period = project(seen_along(titanate, zone), 20.0)
    assert len(np.unique(atoms.column)) / 40.0**2 == pytest.approx(columns_an_area, rel=0.08)
    assert len(atoms.numbers) / (40.0**2 * period) == pytest.approx(5 / 3.905**3, rel=0.05)


def test_oxygen_beside_strontium_is_light_and_titanium_is_not(titanate):
    atoms, _ = project(seen_along(titanate, (0, 0, 1)), 15.0)
    kind = kinds_of(atoms)[atoms.column]
    inner = (np.abs(atoms.positions[:, :2]) < 11).all(axis=1)
    assert set(kind[inner & (atoms.numbers == 38)]) == {0}
    assert set(kind[inner & (atoms.numbers == 22)]) == {0}
    alone = ~np.isin(atoms.column, atoms.column[atoms.numbers == 22])
    assert set(kind[inner & alone & (atoms.numbers == 8)]) == {1}


def test_dumbbells_are_apart_where_they_are_wide_enough():
    silicon, diamond = bulk("Si", cubic=True), bulk("C", "diamond", a=3.0, cubic=True)
    assert clear_share(seen_along(silicon, (1, 1, 0))) == 1
    assert clear_share(seen_along(silicon, (1, 1, 0)), apart=1.4) < 0.2
    assert clear_share(seen_along(diamond, (1, 1, 0))) < 0.2


def test_a_crowded_zone_has_no_clear_columns(titanate):
    assert clear_share(seen_along(titanate, (2, 1, 3))) == 0


def test_atoms_that_run_together_are_in_no_column():
    line = np.column_stack([np.arange(0, 3, 0.25), np.zeros(12)])
    assert (stacked(line) == -1).all()
    assert stacked(np.array([[0, 0], [0.1, 0], [2, 0]])).tolist() == [0, 0, 1]


def test_of_two_columns_that_run_together_the_strong_one_stays():
    positions = np.array([[0, 0, 0], [0.6, 0, 0], [9, 0, 0], [9.6, 0, 0]], float)
    atoms = AtomList(np.array([79, 6, 79, 79]), positions, np.arange(4))
    assert kinds_of(atoms).tolist() == [0, 1, 1, 1]


def test_nothing_has_no_kinds():
    assert len(kinds_of(AtomList.without_sites(6, np.zeros((3, 3))))) == 0
