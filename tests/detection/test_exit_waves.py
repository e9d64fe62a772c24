# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms import ExtrapolationWarning
from hyperspy_dlatoms.detection.exit_waves import exit_waves, working_grid
from hyperspy_dlatoms.networks.normalisation import contrast_of_series
from hyperspy_dlatoms.networks.resampling import resample
from tests.helpers.copier import Copier


def series(shape=(200, 330), n=2):
    rng = np.random.default_rng(0)
    return rng.poisson(40, (n, 3, *shape)).astype(np.uint16)


def test_the_wave_lies_on_the_working_grid():
    network = Copier()
    waves = exit_waves(series(), 0.1, network, defoci=(-50.0, 0.0, 50.0))
    assert waves.shape == (2, 100, 165)
    images = [resample(one / one.mean(), 0.1, 0.2)[0] for one in series()[1].astype(np.float32)]
    np.testing.assert_allclose(
        waves[1].imag, contrast_of_series(np.stack(images), 0.2)[1], atol=1e-4
    )
    assert network.told == [(-50.0, 0.0, 50.0)] * 2


def test_tiles_change_nothing():
    whole, tiled = Copier(), Copier()
    expected = exit_waves(series((300, 500)), 0.2, whole)
    got = exit_waves(series((300, 500)), 0.2, tiled, batch_pixels=128**2)
    assert len(tiled.shapes) > len(whole.shapes)
    np.testing.assert_array_equal(got, expected)


class Lopsided(Copier):
    """Sees something else in turned images, as every trained network does."""

    domain, grid_multiple = None, 32

    def waves(self, batch, defoci=None):
        return super().waves(batch * np.linspace(0, 1, batch.shape[-1]), defoci)


def test_a_turned_series_has_the_turned_wave_by_the_mean_of_eight():
    network = Lopsided()
    images = series((128, 192), 1)
    turned = np.rot90(images, axes=(2, 3))
    one, other = (exit_waves(each, 0.2, network, symmetrise=True) for each in (images, turned))
    assert len(network.shapes) == 16
    np.testing.assert_allclose(other, np.rot90(one, axes=(1, 2)), atol=1e-5)
    alone = exit_waves(turned, 0.2, network)
    assert np.abs(alone - np.rot90(exit_waves(images, 0.2, network), axes=(1, 2))).max() > 0.01


@pytest.mark.parametrize("sampling", [0.05, 0.13, 0.2, 0.25])
def test_the_grid_is_that_of_the_resampling(sampling):
    image = np.zeros((150, 211), np.float32)
    resampled, grid = resample(image, sampling, 0.2)
    assert working_grid(image.shape, sampling, 0.2) == (resampled.shape, grid)


def test_dead_pixels_are_masked_and_said():
    dirty = series().astype(np.float32)
    dirty[0, 1, 50, 60] = np.nan
    with pytest.warns(UserWarning, match="were masked: 1 in 1 of 2 focal series"):
        waves = exit_waves(dirty, 0.2, Copier())
    assert np.isfinite(waves).all()


@pytest.mark.parametrize("value", [0, 65535, np.nan])
def test_a_series_with_an_image_that_shows_nothing_has_no_wave(value):
    dark = series().astype(np.float32)
    dark[0, 2] = value
    with pytest.warns(UserWarning, match="were masked: 66000 in 1 of 2 focal series"):
        waves = exit_waves(dark, 0.1, Copier())
    assert np.isnan(waves[0]).all() and np.isfinite(waves[1]).all()


@pytest.mark.parametrize("value", [0, -3])
def test_series_of_no_electrons_have_no_wave(value):
    dark = np.stack([np.full_like(series()[0], value, dtype=np.float32), series()[1]])
    with pytest.warns(UserWarning, match="were masked: 66000 in 1 of 2 focal series"):
        waves = exit_waves(dark, 0.1, Copier())
    assert np.isnan(waves[0]).all() and np.isfinite(waves[1]).all()


def test_an_image_of_noise_alone_is_said():
    y, x = np.indices((240, 240))
    lattice = 40 + 8 * np.sin(2.1 * x / 3) * np.sin(1.9 * y / 3)
    images = np.random.default_rng(0).poisson([[lattice] * 3] * 2)
    exit_waves(images, 0.2, Copier())
    images[1, 2] = np.random.default_rng(1).poisson(5, (240, 240))
    with pytest.warns(ExtrapolationWarning, match="1 of 2 focal series shows noise alone"):
        exit_waves(images, 0.2, Copier())


def test_images_without_a_background_are_refused():
    flat = series().astype(np.float32)
    flat -= flat.mean(axis=(2, 3), keepdims=True)
    with pytest.raises(ValueError, match="without background subtraction"):
        exit_waves(flat, 0.2, Copier())


@pytest.mark.parametrize(
    ("frames", "options", "error"),
    [
        (series()[:, :2], {}, ValueError),
        (series()[0], {}, ValueError),
        (series().astype(complex), {}, TypeError),
        (series(), {"defoci": (0.0, 50.0)}, ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(frames, options, error):
    with pytest.raises(error):
        exit_waves(frames, 0.2, Copier(), **options)
