# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.evaluation.comparison import Comparison, Truth, compare, on_edge

SAMPLING, SHAPE = 0.1, (200, 240)


def lattice():
    return np.stack(np.meshgrid(np.arange(2, 19, 2.0), np.arange(2, 23, 2.0)), -1).reshape(-1, 2)


def truth(**more):
    positions = lattice()
    return Truth(positions, np.arange(len(positions)) % 3 + 1, **more)


def found(positions, probability=0.9, sigma=0.05):
    rest = np.broadcast_to(
        [probability, sigma / SAMPLING, 2 * sigma / SAMPLING], (len(positions), 3)
    )
    return np.column_stack([positions / SAMPLING, rest])


def test_all_found_where_they_are():
    result = compare(found(lattice()), truth(), SAMPLING, SHAPE)
    inner = ((lattice() >= 3) & (lattice() <= [17, 21])).all(axis=1)
    assert len(result.sites) == len(result.atoms) == inner.sum()
    assert result.sites.found.all() and result.atoms.right.all()
    np.testing.assert_allclose(result.sites[["error_y", "error_x"]], 0, atol=1e-12)
    np.testing.assert_allclose(result.sites.sigma_y, 0.05)
    np.testing.assert_allclose(result.sites.sigma_x, 0.10)
    np.testing.assert_array_equal(result.sites.height, truth().heights[inner])
    assert result.area == pytest.approx(1.4 * 1.8)


def test_shifted_missed_and_false():
    positions = lattice() + [0.03, -0.2]
    gone = np.flatnonzero((lattice() == [6, 6]).all(axis=1))
    positions = np.concatenate([np.delete(positions, gone, axis=0), [[7.0, 7.0], [0.5, 0.5]]])
    result = compare(found(positions), truth(), SAMPLING, SHAPE)
    assert (~result.sites.found).sum() == 1
    # That at (0.5, 0.5) lies on the border.
    assert (~result.atoms.right).sum() == 1
    errors = result.sites.loc[result.sites.found, ["error_y", "error_x"]].to_numpy()
    np.testing.assert_allclose(errors, np.broadcast_to([0.03, -0.2], errors.shape), atol=1e-9)
    assert result.sites.loc[~result.sites.found, ["error_y", "sigma_x"]].isna().all(axis=None)


def test_one_factor_takes_off_what_all_heights_have_in_common():
    heights = np.column_stack([2.0 * truth().heights, np.ones(len(lattice()))])
    result = compare(np.hstack([found(lattice()), heights]), truth(), SAMPLING, SHAPE).sites
    np.testing.assert_allclose(result.height_error, result.height)
    np.testing.assert_allclose(result.scaled_height_error, 0, atol=1e-12)
    heights[:, 0] = 3.0
    result = compare(np.hstack([found(lattice()), heights]), truth(), SAMPLING, SHAPE).sites
    # The factor is that of the mean: 2 of 3.
    np.testing.assert_allclose(result.scaled_height_error, 2 - result.height, atol=0.02)
    assert (
        compare(found(lattice()), truth(), SAMPLING, SHAPE).sites.scaled_height_error.isna().all()
    )


def test_a_site_just_over_the_border_is_no_false_atom():
    just_outside, just_inside = Truth(np.array([[2.9, 10.0]]), np.array([1])), [[3.1, 10.0]]
    result = compare(found(np.array(just_inside)), just_outside, SAMPLING, SHAPE)
    assert len(result.sites) == 0
    assert result.atoms.right.tolist() == [True]


def test_vacancies_and_what_is_unclear():
    extra = {"vacancies": np.array([[7.0, 7.0], [9.0, 9.0]]), "unclear": np.array([[11.0, 11.0]])}
    positions = np.concatenate([lattice(), [[7.1, 7.0], [11.2, 11.0]]])
    result = compare(found(positions), truth(**extra), SAMPLING, SHAPE)
    assert result.filled.tolist() == [True, False]
    assert (~result.atoms.right).sum() == 1
    assert len(result.atoms) == len(result.sites) + 1


def test_nothing_found_and_nothing_there():
    nothing = Truth(np.empty((0, 2)), np.empty(0, int))
    result = compare(np.empty((0, 5)), nothing, SAMPLING, SHAPE)
    assert len(result.sites) == len(result.atoms) == len(result.filled) == 0
    joined = Comparison.join([result, compare(np.empty((0, 5)), truth(), SAMPLING, SHAPE)])
    assert joined.frames == 2
    assert not joined.sites.found.any()


def test_bounds_go_with_their_sites():
    bounds = np.full((len(lattice()), 4), np.nan)
    chosen = np.flatnonzero((lattice() == [8, 8]).all(axis=1))
    bounds[chosen] = [0.01, 0.02, 0.03, 0.04]
    result = compare(found(lattice()), truth(), SAMPLING, SHAPE, bounds=bounds)
    (row,) = result.sites[["bound_y", "bound_x", "joint_y", "joint_x"]].dropna().to_numpy()
    assert row.tolist() == [0.01, 0.02, 0.03, 0.04]


def test_edges_of_a_square_and_of_a_hole():
    positions = lattice()
    rim = ((positions == positions.min(axis=0)) | (positions == positions.max(axis=0))).any(axis=1)
    np.testing.assert_array_equal(on_edge(positions), rim)
    away = np.linalg.norm(positions - [10, 12], axis=1)
    with_hole = on_edge(positions[away > 5])
    assert with_hole.sum() > rim.sum()
    assert on_edge(positions[:2]).all()


def test_heights_are_compared_where_they_are_told():
    told = np.column_stack([found(lattice()), truth().heights + 0.5, np.full(len(lattice()), 0.4)])
    sites = compare(told, truth(), SAMPLING, SHAPE).sites
    np.testing.assert_allclose(sites.height_error, 0.5)
    np.testing.assert_allclose(sites.height_sigma, 0.4)
    untold = compare(found(lattice()), truth(), SAMPLING, SHAPE).sites
    assert untold[["height_error", "height_sigma"]].isna().all(axis=None)
