# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis._frame_strain import (
    COLUMNS,
    frame_strain,
    lattice_strain,
    without_shear,
)
from tests.helpers.lattices import CELLS, crystal, dislocation, noisy, uniform

E_XX, E_YY, SIGMA = (COLUMNS.index(name) for name in ("e_xx", "e_yy", "e_xx_sigma"))
U = [COLUMNS.index(name) for name in ("u_y", "u_x")]


@pytest.fixture
def strained():
    """Gold along [110], in x 2 % longer, in y 1 % shorter, and its errors."""
    places = crystal("Au [110]", 25)
    truth = uniform(places, 0.02, 0, 0, -0.01)
    return noisy(places + truth.displacement, 0.02, np.random.default_rng(0))


def test_against_its_own_lattice(strained):
    table = lattice_strain(*strained)
    assert np.nanmedian(table[:, [E_XX, E_YY]], axis=0) == pytest.approx([0, 0], abs=2e-3)


def test_a_dislocation_does_not_strain_all_atoms():
    places = crystal("Au [100]", 60)
    found = places + dislocation(places, 2.04, core=(-4.2, 3.7)).displacement
    table = lattice_strain(*noisy(found, 0.03, np.random.default_rng(0)))
    strains = [COLUMNS.index(name) for name in ("e_xx", "e_yy", "e_xy")]
    assert np.abs(np.nanmedian(table[:, strains], axis=0)).max() < 3e-3


def test_against_a_material(strained):
    table = lattice_strain(*strained, materials=["Au"])
    assert np.nanmedian(table[:, [E_XX, E_YY]], axis=0) == pytest.approx([0.02, -0.01], abs=2e-3)
    other = lattice_strain(*strained, materials=["graphene"])
    assert np.isnan(other[:, :-1]).all()
    assert (other[:, -1] == 0).mean() > 0.95


def test_against_a_cell_as_it_lies(strained):
    for cell in (CELLS["Au [110]"][0], np.array([[1, 1], [0, -1]]) @ CELLS["Au [110]"][0]):
        table = lattice_strain(*strained, cell=cell)
        assert np.nanmedian(table[:, [E_XX, E_YY]], axis=0) == pytest.approx(
            [0.02, -0.01], abs=2e-3
        )
        # From the middle of the grain, 25 Å wide, 2 % of that far along x.
        assert np.ptp(table[:, U[1]]) == pytest.approx(0.02 * 23, abs=0.15)


@pytest.mark.parametrize("more", [[[1, 0], [1, 2]], [[1, 1], [1, -1]], [[3, 0], [0, 2]]])
def test_against_a_cell_of_several_translations(strained, more):
    cell = CELLS["Au [110]"][0]
    few, many = (lattice_strain(*strained, cell=np.array(one) @ cell) for one in (np.eye(2), more))
    np.testing.assert_allclose(many, few, atol=1e-9)


def test_against_a_cell_of_another_lattice(strained):
    table = lattice_strain(*strained, cell=np.array([[0, 9.0], [7.0, 0]]))
    assert np.isnan(table[:, :-1]).all()


def test_against_half_a_translation(strained):
    half = np.diag([0.55, 1]) @ CELLS["Au [110]"][0]
    table = lattice_strain(*strained, cell=half)
    assert np.isnan(table[:, :-1]).all()


def test_against_a_region_and_the_median():
    places = crystal("Au [100]", 30)
    right = places[:, 1] > 0
    moved = places.copy()
    moved[right, 1] *= 1.02
    spread = np.full(places.shape, 0.01)
    left = lattice_strain(moved, spread, region=places[:, 1] < -1)
    assert np.median(left[places[:, 1] > 4, E_XX]) == pytest.approx(0.02, abs=1e-3)
    assert np.median(left[places[:, 1] < -4, E_XX]) == pytest.approx(0, abs=1e-3)
    assert np.abs(left[places[:, 1] < -1][:, U]).max() < 1e-6
    small = lattice_strain(moved, spread, region=(np.abs(places + [0, 9]) < 3).all(axis=1))
    # A smaller region is a worse reference, which is in the errors.
    assert np.median(small[:, SIGMA] / left[:, SIGMA]) > 1.1
    most = lattice_strain(moved[places[:, 1] < 5], spread[places[:, 1] < 5], median=True)
    assert np.median(most[:50, E_XX]) == pytest.approx(0, abs=1e-3)
    nowhere = lattice_strain(moved, spread, region=np.zeros(len(moved), bool))
    assert np.isnan(nowhere[:, :-1]).all()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_has_no_lattice(count):
    places = np.random.default_rng(0).uniform(0, 9, (count, 2))
    table = lattice_strain(places, None, materials=["Au"])
    assert table.shape == (count, len(COLUMNS))
    assert np.isnan(table[:, :-1]).all()
    assert (table[:, -1] == -1).all()
    assert frame_strain(places, None, places, None).shape == (count, len(COLUMNS))
    moved, sigma, known = without_shear(places, None, ["Au"])
    assert not known
    np.testing.assert_array_equal(moved, places)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.9])
def test_a_shear_is_taken_out_of_noisy_positions(angle):
    places, spread = noisy(crystal("Au [110]", 40, angle), 0.03, np.random.default_rng(1))
    drifted = places @ np.array([[1.01, 0.04], [0, 1]])
    back, sigma, known = without_shear(drifted, spread, ["Au"])
    assert known
    # The errors of a slope over 40 Å.
    np.testing.assert_allclose(back, places, atol=0.05)
    np.testing.assert_allclose(sigma, spread, rtol=0.06)
