# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from peers.dichalcogenides import LATTICES, dichalcogenide_specimen
from scipy.spatial import cKDTree


def sheet(formula="MoS2", **arguments):
    specimen = dichalcogenide_specimen(np.random.default_rng(4), formula, size=50, **arguments)
    return specimen, np.array(specimen.description["labelled"])


@pytest.mark.parametrize("formula", LATTICES)
def test_the_sites_are_a_honeycomb_of_the_formula(formula):
    specimen, sites = sheet(formula, metal_vacancies=0, single_vacancies=0, double_vacancies=0)
    metal, chalcogen, a, _ = LATTICES[formula]
    counts = specimen.atoms.symbols.formula.count()
    assert set(counts) == {metal, chalcogen}
    of_chalcogen = 1 if formula == "BN" else 2
    assert counts[metal] == (sites[:, 3] == 0).sum()
    assert counts[chalcogen] == of_chalcogen * (sites[:, 3] == 1).sum()
    np.testing.assert_array_equal(sites[:, 2], np.where(sites[:, 3] == 0, 1, of_chalcogen))
    distance, index = cKDTree(sites[:, :2]).query(sites[:, :2], k=4)
    inner = (np.abs(sites[:, :2] - 25) < 20).all(axis=1)
    np.testing.assert_allclose(distance[inner, 1:], a / np.sqrt(3), rtol=1e-6)
    assert (sites[index[inner, 1:], 3] != sites[inner, 3][:, None]).all()


@pytest.mark.parametrize("tilt", [0.0, 3.0])
def test_vacancies_lack_what_is_said(tilt):
    specimen, sites = sheet(
        metal_vacancies=0.1, single_vacancies=0.2, double_vacancies=0.1, tilt=tilt
    )
    of = {kind: sites[sites[:, 3] == kind] for kind in range(4)}
    assert len(of[2]) / (len(of[0]) + len(of[2])) == pytest.approx(0.1, abs=0.05)
    assert set(of[3][:, 2]) == {0, 1}
    assert (of[3][:, 2] == 1).sum() / (len(of[1]) + len(of[3])) == pytest.approx(0.2, abs=0.07)
    tree = cKDTree(specimen.atoms.positions[:, 1::-1])
    near = tree.query_ball_point(sites[:, :2], 0.5, return_length=True)
    # A tilted pair of atoms that lies across the edge of the box is cut.
    inner = (np.abs(sites[:, :2] - 25) < 23).all(axis=1)
    np.testing.assert_array_equal(near[inner], sites[inner, 2])


def test_the_hole_is_no_vacancy():
    whole, with_hole = sheet()[1], sheet(hole=True)[1]
    assert len(with_hole) < 0.97 * len(whole)
    assert (with_hole[:, 3] >= 2).mean() < 0.15


def test_unknown_formula():
    with pytest.raises(ValueError, match="'CuO2'"):
        sheet("CuO2")
