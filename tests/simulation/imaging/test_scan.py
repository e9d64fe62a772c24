# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
import scipy.fft

from hyperspy_dlatoms.simulation.imaging.probe import Probe, band_of
from hyperspy_dlatoms.simulation.imaging.scan import draw_path, scanned

SIZE, SAMPLING = 100, 0.2


@pytest.fixture(scope="module")
def band():
    return band_of(Probe(source_size=0.0), 300e3, SIZE, SAMPLING)


def wave(y, x):
    """Periodic in 20 Å."""
    return np.cos(2 * np.pi * (3 * x - 2 * y) / 20) + np.sin(2 * np.pi * 5 * y / 20)


def scan(band, path):
    y, x = np.mgrid[:SIZE, :SIZE] * SAMPLING
    return scanned(band.of(scipy.fft.rfft2(wave(y, x))), band, SIZE, path)


@pytest.mark.parametrize("pixels", [60, 100, 145])
def test_a_perfect_scan_samples_the_map(band, pixels):
    image = scan(band, draw_path(np.random.default_rng(0), pixels, 20 / pixels))
    y, x = np.mgrid[:pixels, :pixels] * 20 / pixels
    np.testing.assert_allclose(image, wave(y, x), atol=1e-5)


def test_lines_are_where_their_path_has_them(band):
    settings = {"jitter": 0.1, "wander": 0.05, "shear": 0.05, "stretch": 0.03, "slips": 2}
    path = draw_path(np.random.default_rng(1), 100, 0.2, **settings)
    y, x = path.starts()
    expected = wave(y[:, None], x[:, None] + np.arange(100) * 0.2)
    np.testing.assert_allclose(scan(band, path), expected, atol=1e-5)
    assert path.pitch == pytest.approx(0.194) and path.shear == pytest.approx(0.01)


def test_jitter_and_wander_have_the_deviations_asked_for():
    rng = np.random.default_rng(2)
    jitter = draw_path(rng, 4000, 0.1, jitter=0.1)
    assert (jitter.y.std(), jitter.x.std()) == pytest.approx((0.1, 0.1), rel=0.05)
    wander = draw_path(rng, 4000, 0.1, wander=0.02)
    assert np.diff(wander.x).std() == pytest.approx(0.02, rel=0.05)
    # Of summed lines the one averages out, the other adds up.
    summed = draw_path(rng, 4000, 0.1, summed=4, jitter=0.1)
    assert summed.x.std() == pytest.approx(0.05, rel=0.05)
    summed = draw_path(rng, 4000, 0.1, summed=4, wander=0.02)
    assert np.diff(summed.x).std() == pytest.approx(0.04, rel=0.05)


def test_slips_shift_all_lines_after_them():
    path = draw_path(np.random.default_rng(3), 200, 0.1, slips=2)
    assert np.count_nonzero(np.diff(path.x)) == 2 == np.count_nonzero(np.diff(path.y))


def test_a_skipped_line_shows_the_one_before(band):
    path = draw_path(np.random.default_rng(4), 100, 0.2, shear=0.1, skipped_lines=0.2)
    image = scan(band, path)
    same = np.isclose(image[1:], image[:-1], atol=1e-5).all(axis=1)
    assert 10 < same.sum() < 30


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"shear": 0.05, "stretch": 0.05}, 0.002),
        ({"wander": 0.03}, 0.04),
        ({"slips": 1}, 0.08),
        ({"jitter": 0.05}, 0.06),
    ],
)
def test_sites_are_where_their_columns_are_recorded(band, settings, tolerance):
    place, width = np.array([9.3, 8.1]), 0.4
    y, x = np.mgrid[:SIZE, :SIZE] * SAMPLING
    column = np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / (2 * width**2))
    path = draw_path(np.random.default_rng(5), 200, 0.1, **settings)
    image = scanned(band.of(scipy.fft.rfft2(column)), band, SIZE, path)
    rows, columns = np.indices(image.shape)
    centre = [(image * rows).sum() / image.sum(), (image * columns).sum() / image.sum()]
    got = path.recorded(place[None])[0]
    assert np.abs(got - centre).max() * 0.1 < tolerance
    assert np.abs(got - place / 0.1).max() * 0.1 > 0.005


def test_sites_that_drift_out_on_one_side_come_in_on_the_other():
    path = draw_path(np.random.default_rng(6), 100, 0.2, shear=0.1)
    ((line, along),) = path.recorded(np.array([[10.0, 0.5]]))
    assert (line, along) == pytest.approx((50, 97.5))
