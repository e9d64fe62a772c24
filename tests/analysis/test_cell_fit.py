# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, mx2
from ase.spacegroup import crystal as crystal_of_ase
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis import find_grains, fit_cell
from hyperspy_dlatoms.analysis._cell_fit import (
    constants,
    known_cell,
    lattice_rows,
    misfit,
    propagated,
    shear_of_drift,
    usable_sigma,
)
from hyperspy_dlatoms.analysis.lattice import cells_by_species, cells_of
from tests.helpers.lattices import CELLS, crystal, dislocation, noisy, rotation


@pytest.mark.parametrize(
    ("name", "size"), [("graphene", 12), ("Au [110]", 12), ("Au [100]", 12), ("Au [110]", 22)]
)
def test_constants_are_right_within_their_sigma(name, size):
    off = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        places, spread = noisy(crystal(name, size, rng.uniform(0, 6)), 0.06, rng)
        grains = find_grains(places)
        values, sigma = propagated(constants, fit_cell(places, spread, grains, 0))
        off.append((values - constants(reduced_of(name))) / sigma)
    rms = np.sqrt(np.mean(np.square(off), axis=0))
    assert (rms < 1.2).all()
    assert (rms > 0.7).all()


def reduced_of(name):
    return find_grains(crystal(name, 30)).cells[0]


def test_without_sigma_the_errors_follow_from_the_scatter():
    rng = np.random.default_rng(0)
    places = crystal("Au [110]", 40)
    found = places + rng.normal(0, 0.05, places.shape)
    grains = find_grains(found)
    known = fit_cell(found, np.full(places.shape, 0.05), grains, 0)
    unknown = fit_cell(found, None, grains, 0)
    np.testing.assert_allclose(unknown.cell, known.cell)
    np.testing.assert_allclose(unknown.covariance, known.covariance, rtol=0.3)
    assert np.isnan(unknown.scatter)
    assert known.scatter == pytest.approx(1, abs=0.1)


def test_a_strained_crystal_scatters():
    places = crystal("Au [110]", 40)
    bent = places + np.column_stack([2e-3 * places[:, 1] ** 2, np.zeros(len(places))])
    grains = find_grains(bent)
    fit = fit_cell(bent, np.full(places.shape, 0.01), grains, 0)
    assert fit.scatter > 5
    exact = fit_cell(places, np.full(places.shape, 0.01), find_grains(places), 0)
    assert fit.covariance[0, 0, 0] > 20 * exact.covariance[0, 0, 0]


@pytest.mark.parametrize("core", [(0.47, 0.31), (-14.2, 17.1), (20.3, 3.7)])
@pytest.mark.parametrize("name", ["Au [100]", "graphene"])
def test_around_a_dislocation_the_lattice_is_the_mean_one(name, core):
    cell = reduced_of(name)
    places = crystal(name, 56)
    field = dislocation(places, np.linalg.norm(cell[0]), core)
    found, spread = noisy(places + field.displacement, 0.03, np.random.default_rng(0))
    grains = find_grains(found)
    # In the core there is no gradient.
    outside = np.linalg.norm(places - core, axis=1) > 2.5
    expected = constants(cell @ field.gradient[outside].mean(axis=0)[::-1, ::-1].T)
    for fit in (fit_cell(found, spread, grains, 0), fit_cell(found, None, grains, 0)):
        values, sigma = propagated(constants, fit)
        assert (np.abs(values - expected) < [0.004, 0.004, 0.15]).all()
        assert (np.abs(values - expected) < 2 * sigma).all()
        assert (sigma < [0.004, 0.004, 0.1]).all()
        # The place of the first cell depends on the way around the core.
        assert np.isnan(fit.origins).all()


@pytest.mark.parametrize("degrees", [4, 5])
def test_a_low_angle_boundary_makes_no_strain(degrees):
    half = np.radians(degrees) / 2
    left, right = (crystal("graphene", 70, angle) for angle in (half, -half))
    places = np.concatenate([left[left[:, 1] < 0], right[right[:, 1] >= 0]])
    places = np.delete(places, cKDTree(places).query_pairs(1.0, output_type="ndarray")[:, 0], 0)
    found, spread = noisy(places, 0.03, np.random.default_rng(0))
    grains = find_grains(found)
    assert (grains.labels == 0).mean() > 0.95
    values, sigma = propagated(constants, fit_cell(found, spread, grains, 0))
    off = np.abs(values - [2.46, 2.46, 60])
    assert (off < [0.006, 0.006, 0.2]).all()
    assert (off < 3 * sigma).all()


def test_rows_that_do_not_touch_make_no_lattice_around_a_dislocation():
    places = crystal("Au [100]", 56)
    found = places + dislocation(places, 2.04).displacement
    grains = find_grains(found)
    every_other = np.rint(places[:, 0] / 2.04).astype(int) % 2 == 0
    with pytest.raises(ValueError, match="too few"):
        fit_cell(found, None, grains, 0, every_other)


@pytest.mark.parametrize("among", [np.zeros(5, int), np.arange(3)])
def test_too_few_atoms(among):
    places = crystal("Au [100]", 20)
    grains = find_grains(places)
    chosen = np.zeros(len(places), bool)
    chosen[among] = True
    with pytest.raises(ValueError, match="too few"):
        fit_cell(places, None, grains, 0, chosen)


def test_sigma_that_is_not_known():
    assert usable_sigma(None) is None
    assert usable_sigma(np.zeros((3, 2))) is None
    assert usable_sigma(np.full((3, 2), np.nan)) is None
    np.testing.assert_array_equal(usable_sigma(np.array([[0.1, np.nan], [0, 0.1]])), 0.1)


@pytest.mark.parametrize(
    ("name", "zone", "material"),
    [
        ("Au [110]", "[110]", "Au or Ag"),
        ("Au [100]", "[100]", "Au or Ag"),
        ("graphene", "honeycomb", "graphene"),
        ("MoS2", "honeycomb", "MoS2"),
    ],
)
def test_the_material_and_its_zone_are_found(name, zone, material):
    for angle in np.linspace(0, 3, 7):
        cell = find_grains(crystal(name, 30, angle)).cells[0]
        found, own = known_cell(1.002 * cell, ["Cu", "Pt", "Au", "Ag", "graphene", "MoS2"])
        assert (found.zone, set(found.material.split(" or "))) == (
            zone,
            set(material.split(" or ")),
        )
        np.testing.assert_allclose(own, cell, rtol=0.01, atol=0.02)
        assert misfit(own, 1.002 * cell)[0] == pytest.approx(np.log(1.002), abs=3e-3)


def test_what_is_no_known_material():
    cell = find_grains(crystal("Au [110]", 30)).cells[0]
    assert known_cell(cell, []) is None
    assert known_cell(1.2 * cell, ["Au"]) is None
    assert known_cell(cell, ["graphene"]) is None


def test_a_strained_lattice_is_compared_in_its_own_setting():
    cell = find_grains(crystal("graphene", 30)).cells[0]
    strained = cell @ np.array([[1.03, 0.02], [0.0, 0.99]])
    _, own = known_cell(strained, ["graphene"])
    np.testing.assert_allclose(constants(own), [2.46, 2.46, 60], rtol=1e-6)
    gradient = np.linalg.solve(own, strained)
    # The reference is turned so that what is left is no rotation.
    assert gradient[0, 1] == pytest.approx(gradient[1, 0], abs=1e-3)


def test_places_alone_make_the_cell_of_a_crystal():
    strontium_titanate = crystal_of_ase(
        ["Sr", "Ti", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
        spacegroup=221,
        cellpar=[3.905] * 3 + [90] * 3,
    )
    (cell,) = cells_of(strontium_titanate)
    np.testing.assert_allclose(constants(cell.vectors), [3.905 / 2, 3.905 / 2, 90])
    two = strontium_titanate[[atom.symbol != "O" for atom in strontium_titanate]]
    (cell,) = cells_of(two)
    np.testing.assert_allclose(constants(cell.vectors)[:2], 3.905 / np.sqrt(2))


def test_a_crystal_is_known_by_its_places_and_by_its_species():
    titanate = Atoms("SrTi", scaled_positions=[[0] * 3, [0.5] * 3], cell=[3.905] * 3)
    for vectors in (3.905 * np.eye(2), 3.905 / 2 * np.array([[1, 1], [1, -1]])):
        kind, own = known_cell(1.01 * vectors, [titanate])
        assert kind.material == "SrTi"
        assert misfit(own, vectors) == pytest.approx((0, 0), abs=1e-9)
    (cell,) = cells_by_species(titanate.repeat((2, 1, 2)))
    np.testing.assert_allclose(constants(cell.vectors), [3.905, 3.905, 90])
    # Each column has both, or there is one cell either way.
    assert cells_by_species(bulk("NaCl", "rocksalt", 5.64, cubic=True)) == ()
    assert cells_by_species(mx2("MoS2", vacuum=3)) == cells_by_species("MoS2") == ()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("scale", [1.0, 1.04])
def test_a_shear_by_drift_is_taken_out(name, scale):
    cell = find_grains(crystal(name, 30)).cells[0]
    for angle in np.linspace(0, 3, 7):
        true = scale * cell @ rotation(angle)
        drifted = true @ np.array([[1.015, 0.03], [0, 1]])
        back = shear_of_drift(drifted, cell)
        np.testing.assert_allclose(drifted @ back, true, atol=1e-9)


def test_rows_of_a_frame():
    places = np.concatenate([crystal("Au [110]", 40), crystal("Au [100]", 25, 0.4) * 0.99 + 60])
    first, second = lattice_rows(places, np.full(places.shape, 0.05), ["Au"])
    assert (first["zone"], second["zone"]) == ("[110]", "[100]")
    assert first["a"] == pytest.approx(first["a_material"])
    assert second["scale"] == pytest.approx(0.99)
    assert second["scale_sigma"] < 0.002
    assert second["n"] < first["n"]
