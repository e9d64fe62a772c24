# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ase
import numpy as np
import pytest
from ase.build import mx2
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens._monolayer import DICHALCOGENIDES, FORMULAS, monolayer


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_site_has_three_neighbours_of_the_other_kind(formula):
    cell = monolayer(formula)
    points, site = cell.lattice(0.4, np.array([3.0, -2.0]), 0.0, 40.0)
    inner = np.flatnonzero((np.abs(points - 20) < 14).all(axis=1))
    near = cKDTree(points).query_ball_point(points[inner], cell.reach)
    for i, around in zip(inner, near, strict=True):
        assert len(around) == 4
        assert {site[j] for j in around if j != i} == {1 - site[i]}
    constant = DICHALCOGENIDES.get(formula, (2.504,))[0]
    assert cell.spacing == pytest.approx(constant / np.sqrt(3))
    assert len(points) / 40**2 == pytest.approx(2 / (constant**2 * np.sqrt(3) / 2), rel=0.03)


def test_a_dichalcogenide_has_columns_of_two_atoms():
    cell = monolayer("WSe2")
    assert cell.names == ("W", "Se")
    assert cell.kinds == ("W", "Se", "W vacancy", "Se vacancy")
    np.testing.assert_array_equal(cell.metallic, [True, False])
    assert np.ptp(cell.heights[1]) == pytest.approx(DICHALCOGENIDES["WSe2"][1])
    assert cell.heights[0, 0] == pytest.approx(0)


def test_a_square_is_covered_whatever_the_angle():
    cell = monolayer("BN")
    for angle in (0.0, 1.0, 2.0, 4.0):
        points, _ = cell.lattice(angle, np.array([500.0, -300.0]), -10.0, 30.0)
        axis = np.arange(-8, 28, 1.0)
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        assert cKDTree(points).query(grid)[0].max() < 1.5


def test_a_file_is_read_into_the_same_cell_as_its_formula(tmp_path):
    path = tmp_path / "layer.cif"
    constant, thickness = DICHALCOGENIDES["MoS2"]
    mx2("MoS2", "2H", constant, thickness, size=(2, 1, 1), vacuum=6.0).write(path)
    cell, known = monolayer(None, path), monolayer("MoS2")
    assert cell.kinds == known.kinds
    assert sorted(cell.names) == ["Mo", "Mo", "S", "S"]
    assert cell.spacing == pytest.approx(known.spacing, abs=1e-3)
    np.testing.assert_allclose(np.ptp(cell.heights, axis=1).max(), thickness, atol=1e-3)


def test_columns_of_two_elements_are_named_after_both(tmp_path):
    path = tmp_path / "janus.xyz"
    layer = mx2("MoS2", "2H", 3.2, 3.2, vacuum=6.0)
    layer.numbers[2] = 34
    layer.write(path)
    assert monolayer(None, path).kinds == ("Mo", "SSe", "Mo vacancy", "SSe vacancy")


def test_what_is_no_layer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="formula 'MoTe3' is not known: .*MoS2"):
        monolayer("MoTe3")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing\.cif"):
        monolayer(None, tmp_path / "nothing.cif")
    (tmp_path / "text.cif").write_text("not a structure")
    with pytest.raises(ValueError, match="holds no"):
        monolayer(None, tmp_path / "text.cif")
    ase.Atoms("C", cell=[[3, 0, 1], [0, 3, 0], [0, 0, 9]], pbc=True).write(tmp_path / "tilted.xyz")
    with pytest.raises(ValueError, match="first two vectors"):
        monolayer(None, tmp_path / "tilted.xyz")
