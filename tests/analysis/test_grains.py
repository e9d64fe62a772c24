# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Voronoi

from hyperspy_dlatoms.analysis import find_grains
from hyperspy_dlatoms.analysis._grains import reduced
from tests.helpers.lattices import CELLS, crystal, dislocation, rotation

# The shortest translations and the angle between them, and the atoms in the cell.
EXPECTED = {
    "graphene": (2.46, 2.46, 60, 2),
    "MoS2": (3.16, 3.16, 60, 2),
    "Au [110]": (2.498, 2.498, 70.53, 1),
    "Au [100]": (2.04, 2.04, 90, 1),
    "Si [110]": (3.325, 3.325, 70.53, 2),
}


def constants(cell):
    a, b = np.linalg.norm(cell, axis=1)
    return a, b, np.degrees(np.arccos(cell[0] @ cell[1] / (a * b)))


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=5, deadline=None)
@given(
    st.floats(0, 2 * np.pi),
    st.sampled_from([18, 35]),
    st.floats(0, 0.06),
    st.integers(0, 99),
    st.floats(0.03, 3e3),
)
def test_any_crystal_is_one_grain(name, angle, size, sigma, seed, unit):
    rng = np.random.default_rng(seed)
    places = crystal(name, size, angle)
    grains = find_grains(unit * (places + rng.normal(0, sigma, places.shape)))
    assert len(grains.cells) == 1
    assert (grains.labels == 0).mean() > 0.97
    *expected, sublattices = EXPECTED[name]
    assert constants(grains.cells[0] / unit) == pytest.approx(expected, rel=0.03)
    counts = np.bincount(grains.sublattices[grains.labels == 0])
    assert len(counts) == sublattices
    assert counts[0] == counts.max()


def test_the_indices_are_those_of_the_cells():
    places = crystal("graphene", 40, 0.3)
    grains = find_grains(places)
    for sublattice in range(2):
        some = grains.members(0, sublattice)
        rest = places[some] - grains.indices[some] @ grains.cells[0]
        np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=1e-9)


@pytest.mark.parametrize("degrees", [10, 17, 30])
def test_two_grains_and_their_boundary(degrees):
    rng = np.random.default_rng(degrees)
    left, right = crystal("graphene", 50), crystal("graphene", 50, np.radians(degrees))
    places = np.concatenate([left[left[:, 1] < -0.5], right[right[:, 1] > 0.3]])
    truth = np.arange(len(places)) >= (left[:, 1] < -0.5).sum()
    grains = find_grains(places + rng.normal(0, 0.04, places.shape))
    assert len(grains.cells) == 2
    first = grains.labels[~truth & (grains.labels >= 0)]
    assert len(set(first[places[~truth & (grains.labels >= 0), 1] < -5])) == 1
    which = int(np.median(first))
    wrong = ((grains.labels == which) == truth) & (grains.labels >= 0)
    assert wrong.mean() < 0.04
    assert (np.abs(places[wrong, 1]) < 5).all()


def test_a_particle_on_its_support():
    particle = crystal("Au [100]", 30, 0.2)
    support = crystal("Au [110]", 90, 0.7) * 1.35
    support = support[support[:, 0] > 18]
    places = np.concatenate([particle, support])
    grains = find_grains(places)
    assert len(grains.cells) == 2
    of_particle = grains.labels[: len(particle)]
    assert set(of_particle) == {int(len(particle) < len(support))}
    assert set(grains.labels[len(particle) :]) == {1 - of_particle[0]}


def test_grains_are_numbered_by_size():
    small, large = crystal("Au [100]", 15), crystal("Au [100]", 30, 0.3) + 40
    labels = find_grains(np.concatenate([small, large])).labels
    assert set(labels[: len(small)]) == {1}
    assert set(labels[len(small) :]) == {0}


def poisson_disc(rng, size, distance):
    places = np.empty((0, 2))
    for place in rng.uniform(0, size, (2000, 2)):
        if (np.linalg.norm(places - place, axis=1) > distance).all():
            places = np.vstack([places, place])
    return places


@pytest.mark.parametrize("seed", range(3))
def test_random_sheets_have_no_lattice(seed):
    rng = np.random.default_rng(seed)
    centres = poisson_disc(rng, 30, 1.9)
    corners = Voronoi(centres).vertices
    inside = ((corners > 0) & (corners < 30)).all(axis=1)
    for places in (centres, corners[inside], rng.uniform(0, 30, (200, 2))):
        grains = find_grains(places)
        assert grains.cells == []
        assert (grains.labels == -1).all()


@pytest.mark.parametrize(
    "places",
    [
        np.empty((0, 2)),
        np.ones((1, 2)),
        np.random.default_rng(0).uniform(0, 9, (5, 2)),
        np.column_stack([np.arange(40.0), np.zeros(40)]),
        np.repeat(np.random.default_rng(1).uniform(0, 9, (20, 2)), 2, axis=0),
        np.zeros((30, 2)),
    ],
    ids=["nothing", "one", "five", "one row", "pairs at one place", "all at one place"],
)
def test_what_is_no_lattice(places):
    grains = find_grains(places)
    assert grains.cells == []
    assert grains.labels.shape == grains.sublattices.shape == (len(places),)
    assert grains.indices.shape == (len(places), 2)


def test_species_tell_apart_what_places_do_not():
    corners = crystal("Au [100]", 40) * 1.9
    middles = corners + 1.9 * 1.02
    places = np.concatenate([corners, middles])
    kinds = np.repeat([0, 1], len(corners))
    assert constants(find_grains(places).cells[0])[0] == pytest.approx(3.876 / np.sqrt(2), rel=1e-3)
    grains = find_grains(places, kinds)
    assert constants(grains.cells[0]) == pytest.approx((3.876, 3.876, 90), rel=1e-3)
    assert len(set(zip(grains.sublattices, kinds, strict=True))) == 2


@pytest.mark.parametrize("sigma", [0.03, 0.09])
def test_sublattices_are_not_mixed_up_around_a_dislocation(sigma):
    places = crystal("graphene", 35)
    even = find_grains(places).sublattices
    moved = places + dislocation(places).displacement
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(0, sigma, places.shape)
        grains = find_grains(moved + noise)
        inside = grains.labels == 0
        assert inside.mean() > 0.95
        mixed = (grains.sublattices == even)[inside].mean()
        assert max(mixed, 1 - mixed) > 0.98


@pytest.mark.parametrize("core", [(0.47, 0.31), (-14.2, 17.1)])
@pytest.mark.parametrize("sigma", [0, 0.05])
def test_around_a_dislocation_the_cell_is_the_mean_one(core, sigma):
    places = crystal("Au [100]", 56)
    spacing = constants(CELLS["Au [100]"][0])[0]
    field = dislocation(places, spacing, core)
    noise = np.random.default_rng(0).normal(0, sigma, places.shape)
    (cell,) = find_grains(places + field.displacement + noise).cells
    # In the core there is no gradient.
    outside = np.linalg.norm(places - core, axis=1) > 2.5
    mean = field.gradient[outside].mean(axis=0)[::-1, ::-1].T
    assert constants(cell) == pytest.approx(constants(reduced(spacing * mean)), rel=2e-3)


@given(st.floats(0, np.pi), st.integers(-3, 3), st.integers(-3, 3))
@settings(deadline=None, max_examples=20)
def test_the_reduced_cell_does_not_depend_on_the_choice(angle, m, n):
    for cell, _ in CELLS.values():
        turned = cell @ rotation(angle)
        other = np.array([[1, m], [0, 1]]) @ np.array([[1, 0], [n, 1]]) @ turned
        short = reduced(other)
        assert abs(np.linalg.det(short)) == pytest.approx(abs(np.linalg.det(cell)))
        assert constants(short) == pytest.approx(constants(reduced(turned)), rel=1e-6)
        assert constants(short)[2] == pytest.approx(75, abs=16)


# Columns (y, x) in fractions of the cell (Å), without species, of which the last ones are oxygen.
MANY = {
    # Titanium with the oxygen within 0.4 Å of it, along a zigzag, and oxygen: TiO2 along [100].
    "anatase": (
        np.diag([9.514, 3.785]),
        [[0.99, 0], [0.26, 0.5], [0.49, 0.5], [0.76, 0]]
        + [[0.208, 0], [0.042, 0.5], [0.708, 0.5], [0.542, 0]],
        (3.785, 5.12),
    ),
    # Yttrium and barium three times, copper three times: YBa2Cu3O7 along [100], and its oxygen.
    "YBCO": (
        np.diag([11.68, 3.886]),
        [[0.5, 0.5], [0.184, 0.5], [0.816, 0.5], [0, 0], [0.356, 0], [0.644, 0]]
        + [[0, 0.5], [0.159, 0], [0.841, 0], [0.378, 0.5], [0.622, 0.5]],
        (3.886, 11.68),
    ),
    "magnesium": (np.diag([5.211, 2.779]), [[0, 0], [0.5, 0.333]], (2.779, 5.211)),
}


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("lost", [0, 0.5])
@pytest.mark.parametrize("sigma", [0, 0.03])
def test_columns_near_a_finer_lattice_keep_their_own(name, lost, sigma):
    cell, sites, (a, b) = MANY[name]
    rng = np.random.default_rng(1)
    cells = np.mgrid[-5:6, -12:13].reshape(2, -1).T
    places = ((cells[:, None] + sites) @ cell).reshape(-1, 2)
    oxygen = np.tile(np.arange(len(sites)) >= {"anatase": 4, "YBCO": 6}.get(name, 9), len(cells))
    found = (np.abs(places) < 16).all(axis=1) & ~(oxygen & (rng.random(len(places)) < lost))
    places = places[found] @ rotation(0.4) + rng.normal(0, sigma, (found.sum(), 2))
    grains = find_grains(places)
    assert len(grains.cells) == 1
    assert (grains.labels == 0).mean() > 0.95
    assert constants(grains.cells[0])[:2] == pytest.approx((a, b), rel=0.01)


def test_many_grains_are_one_each():
    square = 2.5 * np.mgrid[:5, :5].reshape(2, -1).T
    along = 30.0 * np.column_stack([np.arange(40), np.zeros(40)])
    grains = find_grains((square + along[:, None]).reshape(-1, 2))
    assert len(grains.cells) == 40
    assert all(len(np.unique(part)) == 1 for part in grains.labels.reshape(40, -1))
