# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks.architecture import build, complete
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.normalisation import CONTRAST_UNIT, contrast_of_series
from hyperspy_dlatoms.networks.waves import band_limited, from_cells, to_cells


def network_of(**arguments):
    arguments = {"widths": [8, 8], "dilations": [1], "images": 3} | arguments
    card = ModelCard(
        name="wave",
        version="1",
        architecture="unet",
        arguments=arguments,
        classes=("exit wave",),
        sampling=0.2,
        radius=0.6,
        minimum_distance=1.0,
        threshold=0.5,
    )
    return AtomNetwork.from_model(card, build(arguments, 1))


@pytest.fixture(scope="module")
def network():
    return network_of(wave=True)


def test_cells_hold_each_pixel():
    rng = np.random.default_rng(0)
    wave = (rng.normal(size=(2, 6, 8)) + 1j * rng.normal(size=(2, 6, 8))).astype(np.complex64)
    cells = to_cells(wave)
    assert cells.shape == (2, 3, 4, 8)
    np.testing.assert_allclose(from_cells(cells), wave, rtol=1e-6)
    # The second cell of the first row: pixels (0..1, 2..3).
    np.testing.assert_allclose(cells[0, 0, 1, :4], wave[0, :2, 2:4].real.ravel() - 1, rtol=1e-5)
    np.testing.assert_allclose(cells[0, 0, 1, 4:], wave[0, :2, 2:4].imag.ravel(), rtol=1e-5)


def test_what_no_image_tells_is_left_out():
    rng = np.random.default_rng(1)
    wave = np.exp(1j * rng.normal(0, 0.2, (64, 64)))
    limited = band_limited(wave, 0.2)
    np.testing.assert_allclose(band_limited(3j * wave, 0.2), limited, atol=1e-5)
    assert np.mean(np.abs(limited) ** 2) == pytest.approx(1, abs=1e-5)
    assert abs(limited.mean().imag) < 1e-6
    spectrum = np.abs(np.fft.fft2(limited))
    q = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 0.2), np.fft.fftfreq(64, 0.2)))
    assert spectrum[q > 0.9].max() < 1e-5 * spectrum.max()
    np.testing.assert_allclose(band_limited(limited, 0.2, 2.0), limited, atol=1e-5)


def test_a_wave_without_a_mean_is_refused():
    with pytest.raises(ValueError, match="mean of the wave is 0"):
        band_limited(np.zeros((8, 8), complex), 0.2)


def test_contrast_keeps_its_strength_and_loses_the_illumination():
    y, x = np.mgrid[:300, :300]
    texture = 0.1 * np.cos(2 * np.pi * x / 15) * np.cos(2 * np.pi * y / 15)
    slope = 1 + 0.3 * (x - 150) / 300
    series = np.stack([50 * slope * (1 + texture), 200 * slope * (1 + 2 * texture)])
    contrast = contrast_of_series(series, 0.2)
    inner = contrast[:, 75:-75, 75:-75] * CONTRAST_UNIT
    expected = np.stack([texture, 2 * texture])[:, 75:-75, 75:-75]
    np.testing.assert_allclose(inner, expected, atol=0.02)


def test_contrast_without_a_scale_is_refused():
    texture = np.random.default_rng(0).normal(0, 1, (3, 64, 64))
    with pytest.raises(ValueError, match="not positive everywhere"):
        contrast_of_series(texture, 0.2)
    with pytest.raises(ValueError, match="expected 3"):
        contrast_of_series(texture[0], 0.2)
    with pytest.raises(ValueError, match="sampling"):
        contrast_of_series(100 + texture, 0.0)


def test_a_network_of_waves_gives_a_wave_for_each_pixel(network):
    batch = np.random.default_rng(0).normal(0, 1, (2, 3, 32, 48)).astype(np.float32)
    waves = network.waves(batch)
    assert waves.shape == (2, 32, 48)
    assert waves.dtype == np.complex64
    told = network.waves(batch, [-50, 0, 50])
    assert np.abs(told - waves).max() > 1e-4


def test_sites_and_waves_are_not_mixed_up(network):
    batch = np.zeros((1, 3, 32, 32), np.float32)
    with pytest.raises(ValueError, match="returns exit waves"):
        network.maps(batch)
    with pytest.raises(ValueError, match="finds sites"):
        network_of().waves(batch)
    with pytest.raises(ValueError, match="shape"):
        network.waves(batch[:, :2])


def test_arguments_that_make_no_sense():
    with pytest.raises(ValueError, match="wave is 1"):
        complete({"wave": 1})
    with pytest.raises(ValueError, match="no heights"):
        complete({"wave": True, "heights": True})
    with pytest.raises(ValueError, match="no decoys"):
        complete({"wave": True, "decoys": ["vacancy"]})
    with pytest.raises(ValueError, match="decoys is 'vacancy'"):
        complete({"decoys": "vacancy"})


def test_it_is_the_same_from_a_file(network, tmp_path):
    path = tmp_path / "wave.safetensors"
    network.save(path)
    batch = np.random.default_rng(0).normal(0, 1, (1, 3, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(AtomNetwork.load(path).waves(batch), network.waves(batch), atol=0.01)
