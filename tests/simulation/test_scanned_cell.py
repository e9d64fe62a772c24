# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.signal import resample

from hyperspy_dlatoms.simulation.imaging import Probe, ScanConditions, take_scan
from hyperspy_dlatoms.simulation.scanned_cell import (
    ScannedCell,
    draw_cell,
    multislice_map,
    right_angled,
    scan_cell,
    without_probe,
)
from hyperspy_dlatoms.simulation.specimens.projection import seen_along

SIZE = 40.0


@pytest.mark.parametrize(
    ("atoms", "zone", "edges"),
    [
        (bulk("Au", cubic=True), (1, 1, 0), (4.08, 5.77, 5.77)),
        (bulk("W", cubic=True), (1, 1, 1), (4.47, 7.74, 5.47)),
        (bulk("Mg"), (0, 0, 1), (3.21, 5.56, 5.21)),
    ],
)
def test_a_right_angled_cell_has_the_density_and_the_period_of_its_crystal(atoms, zone, edges):
    cell = right_angled(seen_along(atoms, zone))
    assert sorted(cell.cell.lengths()[:2]) == pytest.approx(sorted(edges[:2]), abs=0.011)
    assert cell.cell.lengths()[2] == pytest.approx(edges[2], abs=0.011)
    assert cell.get_volume() / len(cell) == pytest.approx(atoms.get_volume() / len(atoms))
    # No two atoms are on one place: each still has the neighbours of the crystal.
    nearest, expected = (
        (one * 3).get_distances(0, slice(1, None), mic=True).min() for one in (cell, atoms)
    )
    assert nearest == pytest.approx(expected)


def test_an_oblique_crystal_has_no_right_angled_cell():
    oblique = Atoms("Au", cell=[[3, 0, 0], [0.37, 4.1, 0], [0.2, 0.5, 4]], pbc=True)
    assert right_angled(seen_along(oblique, (0, 0, 1))) is None


def test_where_no_crystal_has_a_small_cell_the_error_says_so():
    structures = [{"structure": "crystal", "cell": "garnet", "zone": "001"}]
    with pytest.raises(ValueError, match="None of 200 crystals drawn has a right-angled cell"):
        draw_cell(np.random.default_rng(1), structures)


@pytest.fixture(scope="module")
def chain():
    """Thicknesses and images of a column of gold, a third across its cell."""
    cell = Atoms("Au", positions=[[1, 1, 1.5]], cell=[3, 3, 3], pbc=True)
    angles = {"dark": (60, 110), "bright": (11, 22)}
    return scan_cell(cell, 200e3, 22.0, angles, 6.0, 0.05, planes=2, phonons=1)


def test_a_scanned_column_is_bright_in_the_dark_field_and_dark_in_the_bright_one(chain):
    thicknesses, images = chain
    assert thicknesses == pytest.approx([0, 3, 6])
    dark, bright = images["dark"], images["bright"]
    assert dark.shape == bright.shape == (3, *dark.shape[1:])
    assert dark[0].max() < 1e-6 and np.ptp(bright[0]) < 1e-3 < bright[0].min()
    middle = tuple(np.array(dark.shape[1:]) // 3)
    for plane in (1, 2):
        assert np.unravel_index(dark[plane].argmax(), dark.shape[1:]) == middle
        assert np.unravel_index(bright[plane].argmin(), bright.shape[1:]) == middle
    assert dark[2].mean() > 1.5 * dark[1].mean() > 0.01 * dark[1].mean() > 0


def test_the_probe_is_taken_off_as_far_as_it_transfers():
    # Two waves across a cell of 4 Å, of which the probe of 20 mrad passes the first.
    energy, semiangle = 200e3, 20.0
    x = np.arange(40) / 40 * 2 * np.pi
    cutoff = 2e-3 * semiangle / 0.02508
    assert 2 / 4 < cutoff < 8 / 4
    s = 2 / 4 / cutoff
    passed = 2 / np.pi * (np.arccos(s) - s * np.sqrt(1 - s**2))
    image = np.ones((40, 40)) + (passed * np.cos(2 * x) + np.cos(8 * x))[:, None]
    sharp = without_probe(image, np.array([4.0, 4.0]), semiangle, energy)
    np.testing.assert_allclose(sharp, 1 + np.cos(2 * x)[:, None] * np.ones(40), atol=1e-4)


@pytest.fixture(scope="module")
def cell():
    """A cell of two columns as Gaussians, the second twice as strong; both grow with the depth."""
    atoms = Atoms("CuAg", positions=[[1, 1, 0], [3, 3.5, 0]], cell=[4.0, 5.0, 3.0], pbc=True)
    x, y = np.meshgrid(np.arange(24) / 24 * 4, np.arange(30) / 30 * 5, indexing="ij")
    peaks = sum(
        weight * np.exp(-(((x - px + dx) ** 2 + (y - py + dy) ** 2) / 2 / 0.4**2))
        for px, py, weight in ((1, 1, 1), (3, 3.5, 2))
        for dx in (-4, 0, 4)
        for dy in (-5, 0, 5)
    )
    planes = np.arange(5)[:, None, None] / 4 * peaks
    return ScannedCell(atoms, planes + 0.5j * planes, 60.0, 200e3, {"cell": "two columns"})


@pytest.mark.parametrize("seed", range(6))
def test_specimens_of_a_scanned_cell_show_each_column_where_its_site_is(cell, seed):
    projected, sites, species, specimen = multislice_map(
        np.random.default_rng(seed), cell, SIZE, sampling=0.2
    )
    assert projected.shape == (200, 200) and projected.dtype == np.complex64
    np.testing.assert_allclose(projected.imag, projected.real / 2, atol=1e-6)
    assert len(sites) == len(species) > 5 and specimen.description["cell"] == "two columns"
    assert specimen.description["kind"] == "crystal"
    for y, x, _ in sites:
        row, column = round(y / 0.2), round(x / 0.2)
        near = projected.real[row - 2 : row + 3, column - 2 : column + 3]
        assert projected.real[row, column] > 0.9 * near.max() > 0
    # Columns scatter by their number of atoms, and 1 or 2 by what they are.
    total = sites[:, 2].sum() * 3 / 60 * 1.5 * 2 * np.pi * 0.4**2
    assert projected.real.sum() * 0.04 == pytest.approx(total, rel=0.1)


def test_where_no_column_is_nothing_scatters(cell):
    projected, sites, *_ = multislice_map(np.random.default_rng(0), cell, SIZE)
    y, x = np.mgrid[:200, :200] * 0.2
    far = np.all([(y - sy) ** 2 + (x - sx) ** 2 > 4**2 for sy, sx, _ in sites], axis=0)
    assert far.any() and not projected[far].any()


def test_columns_lower_than_the_least_height_are_no_sites(cell):
    projected, sites, *_ = multislice_map(np.random.default_rng(3), cell, SIZE)
    least = sites[:, 2].max()
    same, high, *_ = multislice_map(np.random.default_rng(3), cell, SIZE, least_height=least)
    np.testing.assert_array_equal(same, projected)
    np.testing.assert_array_equal(high, sites[sites[:, 2] == least])
    assert 0 < len(high) < len(sites)


def test_an_image_of_the_map_is_that_of_the_multislice(chain):
    """The probe taken off and put on again gives back what abTEM's detector saw."""
    _, images = chain
    signal = -np.log1p(-images["dark"])
    sharp = without_probe(signal, np.array([3.0, 3.0]), 22.0, 200e3)
    sharp, truth = (
        np.tile(resample(resample(one[-1], 30, axis=0), 30, axis=1), (8, 8))
        for one in (sharp, signal)
    )
    probe = Probe(22.0, source_size=1e-3)
    conditions = ScanConditions(sampling=0.1, cross_section=1.0, probe=probe, bits=16)
    seen, *_ = take_scan(
        np.random.default_rng(0), sharp.astype(complex), 0.1, 200e3, conditions, np.empty((0, 2))
    )
    assert np.corrcoef(seen.ravel(), truth.ravel())[0, 1] > 0.99
