# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.processing import filtered, interpolated, saved
from hyperspy_dlatoms.simulation.imaging.scanning import ScanConditions, draw_scan, take_scan
from hyperspy_dlatoms.simulation.scattering import laid_on_grid
from hyperspy_dlatoms.simulation.wave import crop_spectrum

NOISE = np.random.default_rng(0).poisson(100, (128, 128)).astype(np.float32)
WAVES = np.cos(2 * np.pi * np.arange(128) / 8).astype(np.float32)


def amplitude(image, low, high):
    """Mean amplitude of frequencies between two of Nyquist."""
    q = 2 * np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    return np.abs(np.fft.fft2(image - image.mean()))[(q > low) & (q <= high)].mean()


@pytest.mark.parametrize(
    ("filters", "low", "high"),
    [({"smoothing": 1.5}, 0.85, 0.02), ({"high_pass": 8}, 0.2, 0.95), ({"wiener": 1}, 0.4, 0.4)],
)
def test_filters_change_the_spectrum_of_the_noise_and_keep_the_mean(filters, low, high):
    image = filtered(NOISE, **filters)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(NOISE.mean(), rel=2e-3)
    for band, share in (((0, 0.04), low), ((0.8, 1), high)):
        assert amplitude(image, *band) / amplitude(NOISE, *band) == pytest.approx(share, abs=0.2)


def test_a_wiener_filter_keeps_what_is_periodic():
    noisy = NOISE + 5 * WAVES
    left = filtered(noisy, wiener=1)
    # Of the noise, 10 a pixel, little more than half; of the waves all.
    assert (left * WAVES).mean() == pytest.approx((noisy * WAVES).mean(), rel=0.02)
    assert (left - 5 * WAVES).std() < 0.75 * NOISE.std()


def test_interpolated_pixels_are_smaller_and_their_noise_is_correlated():
    image = interpolated(np.random.default_rng(1), NOISE[:64, :64], 128)
    assert image.shape == (128, 128) and image.dtype == np.float32
    assert image.mean() == pytest.approx(NOISE[:64, :64].mean() / 4, rel=5e-3)
    # Both ways go through the pixels that were scanned.
    assert image[::2, ::2] == pytest.approx(NOISE[:64, :64] / 4, rel=1e-3)
    assert np.corrcoef(image[:-1].ravel(), image[1:].ravel())[0, 1] > 0.5


def test_grey_levels_keep_their_range_and_order():
    bent = saved(NOISE, gamma=0.5)
    assert (bent.min(), bent.max()) == (NOISE.min(), NOISE.max())
    assert bent.mean() > NOISE.mean() + 5
    order = np.argsort(NOISE.ravel())
    assert (np.diff(bent.ravel()[order]) >= 0).all()
    assert saved(NOISE) is NOISE
    flat = np.ones((4, 4), np.float32)
    assert saved(flat, gamma=2.0, bits=8) == pytest.approx(flat)


@pytest.mark.parametrize(
    "changes",
    [{"smoothing": 0.3}, {"high_pass": 4.0}, {"wiener": 1}, {"interpolated_from": 0.25}],
)
def test_columns_stay_where_they_are(changes):
    places = np.stack(np.meshgrid(np.arange(2, 20, 4.0), np.arange(2, 20, 4.0)), -1).reshape(-1, 2)
    atoms = crop_spectrum(laid_on_grid(places[:, ::-1], np.full(len(places), 10 + 10j), 20.0), 100)
    conditions = ScanConditions(sampling=0.1, counts=1e5, afterglow=0.2, **changes)
    rng = np.random.default_rng(0)
    image, pixel, positions = take_scan(rng, atoms, 0.2, 200e3, conditions, places)
    assert image.shape == (200, 200) and pixel == pytest.approx(0.1)
    assert image.mean() == pytest.approx(1e5 * 0.1**2, rel=0.02)
    # The centre of mass of each column, above what surrounds it.
    for y, x in positions:
        top, left = round(y) - 10, round(x) - 10
        part = image[top : top + 21, left : left + 21]
        part = np.maximum(part - np.median(part), 0)
        rows, columns = np.mgrid[top : top + 21, left : left + 21]
        centre = [(part * one).sum() / part.sum() for one in (rows, columns)]
        assert centre == pytest.approx([y, x], abs=0.3)


def test_what_is_done_to_an_image_is_drawn_from_its_ranges():
    ranges = {"detector": "ADF", "sampling": 0.1, "smoothing": {"choice": [0, [0.1, 0.4]]}}
    drawn = [draw_scan(np.random.default_rng(seed), ranges).smoothing for seed in range(30)]
    assert 0 in drawn and all(one == 0 or 0.1 <= one <= 0.4 for one in drawn)
    assert len(set(drawn)) > 5
