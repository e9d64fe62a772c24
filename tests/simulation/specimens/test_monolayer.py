# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ase
import numpy as np
import pytest
from ase.build import mx2
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens._monolayer import (
    CHALCOGENS,
    DICHALCOGENIDES,
    FORMULAS,
    LIGHTEST,
    METALS,
    PHASES,
    monolayer,
    random_dichalcogenide,
)


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


@pytest.mark.parametrize(("phase", "sites"), [("2H", 2), ("1T", 3), ("1T'", 6)])
def test_phases(phase, sites):
    cell = monolayer("WTe2", phase=phase)
    assert len(cell.names) == sites and cell.elements == ("W", "Te")
    assert np.sum(cell.numbers == 52) == 2 * np.sum(cell.numbers == 74)


def test_the_metals_of_the_distorted_phase_are_in_zigzag_rows():
    cell = monolayer("WTe2", phase="1T'")
    points, site = cell.lattice(0.0, np.zeros(2), 0.0, 40.0)
    metals = points[np.isin(site, np.flatnonzero(cell.metallic))]
    inner = metals[(np.abs(metals - 20) < 12).all(axis=1)]
    distance = cKDTree(metals).query(inner, k=4)[0][:, 1:]
    # Mar et al.: 2.85 Å along the rows; the height of the metals adds little to it.
    np.testing.assert_allclose(distance[:, :2], 2.85, atol=0.05)
    assert distance[:, 2].min() > 3.3


def test_bonds_of_the_distorted_phase():
    cell = monolayer("WTe2", phase="1T'")
    points, site = cell.lattice(0.0, np.zeros(2), 0.0, 40.0)
    metal = np.flatnonzero(np.isin(site, np.flatnonzero(cell.metallic)))
    metal = metal[(np.abs(points[metal] - 20) < 12).all(axis=1)]
    z = cell.heights[site, 0]
    other = ~cell.metallic[site]
    across = np.linalg.norm(points[metal][:, None] - points[other], axis=2)
    bonds = np.sort(np.hypot(across, z[metal][:, None] - z[other]), axis=1)[:, :7]
    assert bonds[:, :6].min() > 2.6 and bonds[:, :6].max() < 2.9 < bonds[:, 6].min()


def test_a_phase_that_is_not_known():
    with pytest.raises(ValueError, match="phase '3R' is not known: expected one of 2H, 1T, 1T'"):
        monolayer("WTe2", phase="3R")


def test_random_dichalcogenides_are_of_any_elements_but_of_atoms_apart():
    cells = [random_dichalcogenide(np.random.default_rng(n), PHASES[n % 3]) for n in range(60)]
    metals = {int(cell.numbers[cell.metallic].max()) for cell in cells}
    others = {int(cell.numbers[~cell.metallic].max()) for cell in cells}
    assert len(metals) > 25 and metals <= set(METALS)
    assert len(others) > 20 and others <= set(CHALCOGENS)
    for cell in cells:
        assert cell.kinds == ("metal", "chalcogen", "metal vacancy", "chalcogen vacancy")
        assert 1.3 < cell.spacing < 2.5
        assert cell.numbers[cell.metallic].max() <= LIGHTEST * cell.numbers[~cell.metallic].max()
