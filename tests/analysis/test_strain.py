# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import (
    Deformation,
    deformation,
    deformation_between,
    find_grains,
    strain_of,
)
from hyperspy_dlatoms.analysis._cell_fit import in_setting_of
from tests.helpers import lattices
from tests.helpers.lattices import CELLS, crystal, noisy

FIELDS = [lattices.uniform, lattices.graded, lattices.relaxed_surface, lattices.dislocation]
NAMES = ("e_xx", "e_yy", "e_xy", "rotation")


def exact(gradient):
    return strain_of(Deformation(gradient, np.zeros((len(gradient), 2, 2, 2))))


def against(found, grains, cell):
    """The deformation of the first grain against a cell as it lies."""
    reference = in_setting_of(grains.cells[0], cell)
    assert reference is not None
    change = np.linalg.solve(grains.cells[0], reference).T[::-1, ::-1]
    return found.against(change)


def off(found, true, inside):
    """Differences over their sigma, shape (4, n), NaN where nothing is known."""
    return np.array(
        [
            ((getattr(found, name) - getattr(true, name)) / getattr(found, f"{name}_sigma"))[inside]
            for name in NAMES
        ]
    )


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.__name__)
@pytest.mark.parametrize("name", ["graphene", "Au [110]", "Au [100]"])
@pytest.mark.parametrize("sigma", [0.02, 0.08])
def test_right_within_its_own_sigma(field, name, sigma):
    cell = CELLS[name][0]
    settings = {"burgers": np.linalg.norm(cell[0])} if field is lattices.dislocation else {}
    parts, known = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        places = crystal(name, 32)
        truth = field(places, **settings)
        moved, spread = noisy(places + truth.displacement, sigma, rng)
        grains = find_grains(moved)
        inside = grains.labels == 0
        assert inside.mean() > 0.95
        found = strain_of(against(deformation(moved, spread, grains), grains, cell))
        parts.append(off(found, exact(truth.gradient), inside))
        known.append(np.isfinite(parts[-1][0]).mean())
    rms = np.sqrt(np.nanmean(np.concatenate(parts, axis=1) ** 2, axis=1))
    assert (rms < 1.2).all()
    assert (rms > 0.85).all()
    assert np.mean(known) > 0.94


def test_at_the_surface_too():
    """Where neighbours lie on one side only, a gradient makes no error of first order."""
    parts = []
    for seed in range(25):
        places = crystal("Au [110]", 25)
        truth = lattices.relaxed_surface(places)
        moved, spread = noisy(places + truth.displacement, 0.03, np.random.default_rng(seed))
        grains = find_grains(moved)
        found = strain_of(against(deformation(moved, spread, grains), grains, CELLS["Au [110]"][0]))
        surface = places[:, 1] > places[:, 1].max() - 0.5
        parts.append(off(found, exact(truth.gradient), surface))
    e_xx = np.concatenate(parts, axis=1)[0]
    assert np.sqrt(np.nanmean(e_xx**2)) < 1.2
    assert abs(np.nanmean(e_xx)) < 0.4


def test_a_missing_neighbour_makes_no_error():
    places = crystal("Au [110]", 30)
    truth = lattices.graded(places)
    moved = places + truth.displacement
    middle = np.linalg.norm(places, axis=1).argmin()
    left = np.delete(np.arange(len(places)), middle)
    grains = find_grains(moved[left])
    found = against(
        deformation(moved[left], np.full((len(left), 2), 0.01), grains),
        grains,
        CELLS["Au [110]"][0],
    )
    np.testing.assert_allclose(found.gradient, truth.gradient[left], atol=1e-9)


def test_without_sigma_it_follows_from_the_scatter():
    places = crystal("Au [110]", 50)
    moved = places + np.random.default_rng(0).normal(0, 0.04, places.shape)
    grains = find_grains(moved)
    known = strain_of(deformation(moved, np.full(places.shape, 0.04), grains))
    unknown = strain_of(deformation(moved, None, grains))
    ratio = np.median(unknown.e_xx_sigma / known.e_xx_sigma)
    assert ratio == pytest.approx(1, abs=0.1)


def test_sigma_that_is_far_too_small_is_scaled_up():
    places = crystal("Au [110]", 40)
    rng = np.random.default_rng(0)
    moved = places + rng.normal(0, 0.05, places.shape)
    grains = find_grains(moved)
    found = strain_of(deformation(moved, np.full(places.shape, 0.01), grains))
    truth = exact(np.broadcast_to(np.eye(2), (len(places), 2, 2)))
    reference = against(deformation(moved, None, grains), grains, CELLS["Au [110]"][0])
    assert np.nanstd(strain_of(reference).e_xx) > 0.008
    rms = np.sqrt(np.nanmean(off(found, truth, grains.labels == 0) ** 2, axis=1))
    assert (rms < 1.4).all()


def test_no_strain_is_known_of_too_few_neighbours():
    places = np.concatenate([crystal("Au [100]", 20), [[0.0, 90.0], [2.0, 90.0]]])
    grains = find_grains(places)
    found = strain_of(deformation(places, np.full(places.shape, 0.05), grains))
    for values in found:
        assert np.isnan(values[-2:]).all()
        assert np.isfinite(values[:-2]).all()


@pytest.mark.parametrize("angle", [0.02, 0.5, -2.0])
def test_rotation_is_no_strain(angle):
    c, s = np.cos(angle), np.sin(angle)
    stretch = np.array([[1.03, 0.01], [0.01, 0.98]])
    found = exact((np.array([[c, -s], [s, c]]) @ stretch)[None])
    assert found.rotation[0] == pytest.approx(angle)
    assert (found.e_xx[0], found.e_yy[0], found.e_xy[0]) == pytest.approx((0.03, -0.02, 0.01))


def test_sigma_of_strain_is_the_spread_of_strain():
    rng = np.random.default_rng(0)
    gradient = np.array([[1.02, -0.3], [0.35, 0.97]])
    rows = np.array([[[4e-4, 1e-4], [1e-4, 1e-4]], [[1e-4, 0], [0, 9e-4]]])
    drawn = np.stack(
        [rng.multivariate_normal(gradient[row], rows[row], 20000) for row in range(2)], axis=1
    )
    one = strain_of(Deformation(gradient[None], rows[None]))
    many = exact(drawn)
    for name in NAMES:
        assert getattr(one, f"{name}_sigma")[0] == pytest.approx(
            np.std(getattr(many, name)), rel=0.05
        )


@pytest.mark.parametrize("disorder", [0.0, 0.3])
def test_against_another_frame(disorder):
    """No lattice is needed, and both frames have errors."""
    parts = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        places = crystal("graphene", 35)
        places = places + disorder * rng.uniform(-1, 1, places.shape)
        truth = lattices.uniform(places, 0.01, 0.005, -0.005, -0.01)
        before, spread = noisy(places, 0.03, rng)
        after, spread_after = noisy(places + truth.displacement + [5.2, -3.1], 0.03, rng)
        after, spread_after = after - [5.0, -3.0], spread_after
        order = rng.permutation(len(after))
        found, displacement = deformation_between(after[order], spread_after[order], before, spread)
        strain = strain_of(found)
        parts.append(off(strain, exact(truth.gradient[order]), np.ones(len(after), bool)))
        expected = truth.displacement[order] - np.median(truth.displacement, axis=0)
        assert np.nanmax(np.abs(displacement - expected)) < 0.4
    z = np.concatenate(parts, axis=1)
    assert np.isfinite(z).mean() > 0.95
    rms = np.sqrt(np.nanmean(z**2, axis=1))
    assert (rms < 1.2).all()
    assert (rms > 0.8).all()


@pytest.mark.parametrize(
    "gradient",
    [
        1.02 * np.eye(2),
        lattices.rotation(np.radians(1)),
        lattices.rotation(np.radians(-4)),
        np.diag([0.95, 1.03]) @ lattices.rotation(0.02),
        np.eye(2),
    ],
    ids=["wider", "turned", "far", "sheared", "drift"],
)
@pytest.mark.parametrize("name", ["graphene", "Au [110]"])
def test_against_a_frame_that_is_turned_or_stretched(name, gradient):
    """All atoms are paired with the same ones, not with those a translation away."""
    rng = np.random.default_rng(0)
    places = crystal(name, 120)
    before, spread = noisy(places, 0.02, rng)
    after, _ = noisy(places @ gradient.T + [0.4, -0.9], 0.02, rng)
    there = rng.uniform(size=len(places)) < 0.95
    found, displacement = deformation_between(after, spread, before[there], spread[there])
    apart = displacement - places @ (gradient.T - np.eye(2))
    assert np.isfinite(displacement[there, 0]).mean() > 0.99
    assert np.isnan(displacement[~there]).all()
    assert np.nanmax(np.abs(apart - np.nanmedian(apart, axis=0))) < 0.3
    expected = np.broadcast_to(gradient[::-1, ::-1], found.gradient.shape)
    parts = off(strain_of(found), exact(expected), there)
    assert (np.sqrt(np.nanmean(parts**2, axis=1)) < 1.2).all()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_against_a_frame_with_next_to_nothing(count):
    places = crystal("graphene", 10)
    found, displacement = deformation_between(places, None, places[:count], None)
    assert found.gradient.shape == (len(places), 2, 2)
    assert np.isnan(found.gradient).all()
    assert np.isnan(displacement[count:]).all()
    found, displacement = deformation_between(places[:count], None, places, None)
    assert found.gradient.shape == (count, 2, 2)
