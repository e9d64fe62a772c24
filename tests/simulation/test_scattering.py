# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.scattering import (
    REFERENCE,
    atoms_above,
    laid_on_grid,
    scattering_map,
)
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

SIZE = 20.0


def stack(heights, numbers):
    """Columns 5 Å apart of so many atoms, 3 Å over each other."""
    column = np.repeat([0, 1, 2], heights)
    z = 3.0 * np.concatenate([np.arange(height) for height in heights])
    positions = np.column_stack([5.0 * (column + 1), np.full(len(z), 10.0), z])
    atoms = AtomList(np.repeat(numbers, heights), positions, column)
    return Specimen.from_list(atoms, SIZE, {})


def signals(projected):
    """The sum over the surroundings of each column, in atoms."""
    return [projected[:, middle - 12 : middle + 12].sum() * 0.04 for middle in (25, 50, 75)]


def project(specimen, **settings):
    settings = {"displacement": 0, "powers": ((2, 2), (1, 1)), "growth": (1, 1)} | settings
    return scattering_map(np.random.default_rng(0), specimen, **settings)


def test_columns_scatter_by_their_number_of_atoms_and_its_power():
    projected, sites, species = project(stack([1, 2, 4], [20, 40, 80]))
    assert projected.shape == (100, 100) and projected.dtype == np.complex64
    assert signals(projected.real) == pytest.approx([0.25, 2, 16], rel=1e-3)
    assert signals(projected.imag) == pytest.approx([0.5, 2, 8], rel=1e-3)
    np.testing.assert_allclose(sites, [[10, 5, 1], [10, 10, 2], [10, 15, 4]])
    assert (species == 0).all()


def test_a_column_grows_as_its_height_to_a_power():
    projected, *_ = project(stack([1, 4, 16], [REFERENCE] * 3), growth=(0.5, 0.5))
    assert signals(projected.real) == pytest.approx([1, 2, 4], rel=1e-3)


def test_the_map_is_of_the_atoms_as_they_are_displaced_and_so_are_the_sites():
    specimen = stack([1, 1, 1], [REFERENCE] * 3)
    projected, sites, _ = project(specimen, displacement=0.3)
    for (y, x, _), start in zip(sites, (0, 38, 62), strict=True):
        part = projected.real[:, start : start + 38 if start != 38 else 62]
        place = (part.sum(0) * np.arange(start, start + part.shape[1])).sum() / part.sum() * 0.2
        assert place == pytest.approx(x, abs=0.02) and abs(y - 10) > 0
    at_rest = project(specimen, displacement=0.3, label="rest")[1]
    np.testing.assert_allclose(at_rest[:, 0], 10)


def test_low_columns_are_in_the_map_but_no_sites():
    projected, sites, _ = project(stack([1, 2, 4], [REFERENCE] * 3), least_height=2)
    assert len(sites) == 2 and signals(projected.real)[0] == pytest.approx(1, rel=1e-3)


def test_powers_are_drawn_within_their_ranges():
    specimen = stack([1, 1, 1], [80] * 3)
    rng = np.random.default_rng(0)
    drawn = [scattering_map(rng, specimen, displacement=0)[0] for _ in range(20)]
    dark = np.array([signals(one.real)[0] for one in drawn])
    bright = np.array([signals(one.imag)[0] for one in drawn])
    assert 2**1.5 < dark.min() < dark.max() < 2**2.0 and np.ptp(dark) > 0.3
    assert 2**0.6 < bright.min() < bright.max() < 2**1.3 and np.ptp(bright) > 0.3


def test_atoms_above_each_other_are_counted_across_the_edge_too():
    positions = np.array([[0.1, 5, 0], [19.9, 5, 2], [0.0, 5, 4], [3, 5, 9]])
    np.testing.assert_array_equal(atoms_above(positions, SIZE), [0, 1, 2, 0])


def test_weights_on_a_grid_keep_their_sum_and_their_place():
    grid = laid_on_grid(np.array([[3.33, 19.97]]), np.array([2 - 1j]), SIZE)
    assert grid.sum() * 0.01 == pytest.approx(2 - 1j)
    x = np.arange(200) * 0.1
    assert (grid.real.sum(0) * x).sum() / grid.real.sum() == pytest.approx(3.33)
    assert set(np.flatnonzero(grid.real.sum(1))) == {199, 0}


def test_labels_that_are_unknown():
    with pytest.raises(ValueError, match="sites 'mean' are not known"):
        project(stack([1, 1, 1], [6] * 3), label="mean")
