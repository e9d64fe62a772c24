# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.analysis import column_intensities
from hyperspy_dlatoms.simulation.imaging import Probe, ScanConditions, take_scan
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

PIXEL, WIDTH = 0.12, 0.45


def picture(places, volumes, shape=(250, 240), width=WIDTH, pixel=PIXEL):
    """Gaussians of some volumes (Å²) at places (px)."""
    image = np.zeros(shape)
    y, x = np.arange(shape[0]), np.arange(shape[1])
    for (row, column), volume in zip(places, volumes, strict=True):
        along_y, along_x = (
            np.exp(-(((axis - at) * pixel / width) ** 2) / 2)
            for axis, at in ((y, row), (x, column))
        )
        image += volume / (2 * np.pi * width**2) * np.outer(along_y, along_x)
    return image


def lattice(rng, spacing=1.9, shape=(250, 240), strength=0.3):
    """Places (px) of columns that overlap, and volumes that differ."""
    step = spacing / PIXEL
    grid = np.stack(np.meshgrid(*(np.arange(step, n - step, step) for n in shape), indexing="ij"))
    places = grid.reshape(2, -1).T
    return places, rng.uniform(1 - strength, 1 + strength, len(places))


def test_overlapping_columns_on_a_slope_without_noise():
    rng = np.random.default_rng(1)
    places, volumes = lattice(rng)
    y, x = np.mgrid[:250, :240]
    image = 3 + 0.004 * y - 0.002 * x + picture(places, volumes)
    found = column_intensities(image, places, PIXEL)
    assert found.width == pytest.approx(WIDTH, rel=0.01)
    np.testing.assert_allclose(found.intensity, volumes, rtol=0.02)
    same = column_intensities(image, places, PIXEL, width=WIDTH)
    np.testing.assert_allclose(same.intensity, volumes, rtol=1e-4)
    # Dark columns are the same, but negative; other units of the image scale them.
    dark = column_intensities(-7 * image, places, PIXEL, width=WIDTH)
    np.testing.assert_allclose(dark.intensity, -7 * same.intensity, rtol=1e-6)
    np.testing.assert_allclose(dark.sigma, 7 * same.sigma, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("counts", [20, 400])
def test_sigma_is_the_scatter_of_noisy_columns(counts):
    """The deviations of hundreds of columns are as large as their sigma, at few counts too."""
    rng = np.random.default_rng(2)
    places, volumes = lattice(rng)
    mean = counts * PIXEL**2 * (0.3 + picture(places, volumes))
    found = column_intensities(rng.poisson(mean), places, PIXEL, width=WIDTH)
    z = (found.intensity - counts * PIXEL**2 * volumes) / found.sigma
    assert abs(z.mean()) < 0.2
    # At 20 electrons a column the noise itself is known to a tenth only.
    assert 0.88 < z.std() < (1.2 if counts < 100 else 1.12)
    assert np.mean(np.abs(z) > 3) < 0.02
    # No unbiased way can have less than Poisson noise in a column alone.
    assert (found.sigma > 0.9 * PIXEL**2 * np.sqrt(counts * volumes)).all()


def test_sigma_counts_pixels_that_deviate_together():
    rng = np.random.default_rng(3)
    places, volumes = lattice(rng)
    noise = rng.standard_normal((250, 240))
    noise[:, 1:] += 0.7 * noise[:, :-1]
    found = column_intensities(picture(places, volumes) + 0.1 * noise, places, PIXEL, width=WIDTH)
    z = (found.intensity - volumes) / found.sigma
    assert 0.85 < z.std() < 1.15


def wedge(rng, size=60.0):
    """Columns of platinum along [110] of 2 to 16 atoms, and how many there are."""
    heights, places = [], []
    for row in range(12):
        for column in range(17):
            y, x = 7 + 3.92 * row + 1.96 * (column % 2), 7 + 2.77 * column
            if y < size - 6:
                heights.append(int(np.clip(2 + 0.25 * x + rng.integers(-2, 3), 2, 16)))
                places.append((x, y))
    column = np.repeat(np.arange(len(places)), heights)
    z = np.concatenate([2.77 * np.arange(height) for height in heights])
    positions = np.column_stack([np.array(places)[column], z])
    atoms = AtomList(np.full(len(column), 78), positions, column)
    return Specimen.from_list(atoms, size, {})


@pytest.mark.parametrize("settings", [{}, {"tail": 0.25, "jitter": 0.05, "film": 20.0}])
def test_dark_field_columns_scatter_by_their_number_of_atoms(settings):
    """A simulated ADF image of 20 000 e/Å² against the true scattering of each column."""
    rng = np.random.default_rng(4)
    specimen = wedge(rng)
    projected, sites, _ = scattering_map(rng, specimen, powers=((1.8, 1.8),) * 2, growth=(1, 1))
    settings = dict(settings)
    probe = Probe(25, source_size=0.35, tail=settings.pop("tail", 0.0))
    conditions = ScanConditions(sampling=0.1, dose=2e4, cross_section=2e-3, probe=probe, **settings)
    counts, pixel, places = take_scan(rng, projected, 0.2, 200e3, conditions, sites[:, :2])
    found = column_intensities(counts, places, pixel)
    heights = sites[:, 2]
    weight = found.sigma**-2
    one = np.sum(weight * found.intensity * heights) / np.sum(weight * heights**2)
    z = (found.intensity - one * heights) / found.sigma
    assert 0.75 < z.std() < 1.25
    assert np.mean(np.abs(z) > 3) < 0.03
    # The core of a probe alone is a column: its tails and side lobes are background.
    true = 2e4 * pixel**2 * 2e-3 * (78 / 40) ** 1.8
    assert (0.55 if settings else 0.8) < one / true < 1
    # Counting: most are right, and nearly all to one atom, of up to 16.
    counted = np.rint(found.intensity / one)
    assert np.mean(np.abs(counted - heights) <= 1) > 0.95
    assert np.mean(counted == heights) > 0.6


def test_parts_that_are_masked_or_outside():
    rng = np.random.default_rng(5)
    places, volumes = lattice(rng)
    image = picture(places, volumes) + 0.01 * rng.standard_normal((250, 240))
    broken = image.copy()
    broken[:60] = np.nan
    beyond = np.concatenate([places, [[-30.0, 20.0], [20.0, 900.0]]])
    found = column_intensities(broken, beyond, PIXEL, width=WIDTH)
    lost = np.append(places[:, 0] < 60 - 0.3 / PIXEL, [True, True])
    kept = np.append(places[:, 0] > 60 + 1.5 / PIXEL, [False, False])
    assert np.isnan(found.intensity[lost]).all() and np.isnan(found.sigma[lost]).all()
    np.testing.assert_allclose(found.intensity[kept], volumes[kept[:-2]], atol=0.05)
    hot = image.copy()
    hot[100:103, 100:103] = 1e4
    masked = column_intensities(hot, places, PIXEL, hot > 1e3, WIDTH)
    np.testing.assert_allclose(masked.intensity, volumes, atol=0.05)


def test_pixels_that_are_not_square_or_few():
    rng = np.random.default_rng(6)
    places, volumes = lattice(rng)
    image = picture(places, volumes)
    half = image[:, ::2] / 2 + image[:, 1::2] / 2
    found = column_intensities(half, places * (1, 0.5) - (0, 0.25), (PIXEL, 2 * PIXEL), width=WIDTH)
    np.testing.assert_allclose(found.intensity, volumes, rtol=0.03)


def test_nothing_and_one_place_twice():
    none = column_intensities(np.zeros((50, 50)), np.empty((0, 2)), 0.1)
    assert none.intensity.shape == none.sigma.shape == (0,)
    flat = column_intensities(np.ones((80, 80)), np.array([[40.0, 40.0]]), 0.1)
    assert abs(flat.intensity[0]) < 1e-6
    twice = np.array([[40.0, 40.0], [40.0, 40.0]])
    rng = np.random.default_rng(7)
    image = picture(twice[:1], [2.0], (80, 80), pixel=0.1) + 0.01 * rng.standard_normal((80, 80))
    found = column_intensities(image, twice, 0.1, width=WIDTH)
    assert found.intensity.sum() == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(5), np.zeros((1, 2))), r"\(5,\).*expected \(H, W\)"),
        ((np.zeros((5, 5)), np.zeros((1, 3))), r"\(1, 3\).*expected"),
        ((np.zeros((5, 5)), np.zeros((1, 2)), 1, np.zeros((4, 5))), r"mask.*\(4, 5\)"),
        ((np.zeros((5, 5)), np.zeros((1, 2)), 1, None, -1), "width is -1"),
    ],
)
def test_shapes_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        column_intensities(*arguments)


@pytest.mark.parametrize("sampling", [0.0, -0.1, np.nan, (0.1, 0.0)])
def test_a_sampling_that_is_none(sampling):
    with pytest.raises(ValueError, match="sampling is .*expected positive"):
        column_intensities(np.ones((20, 20)), np.full((1, 2), 9.0), sampling)
