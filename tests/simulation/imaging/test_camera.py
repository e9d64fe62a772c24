# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.camera import Camera, count_electrons, record

SIZE, SAMPLING = 120, 0.2


def wave(periods, axis=1):
    x = np.arange(SIZE) / SIZE
    line = 1 + 0.1 * np.cos(2 * np.pi * periods * x)
    return np.broadcast_to(line[None] if axis == 1 else line[:, None], (SIZE, SIZE))


def amplitude(image, periods, axis=1):
    return 2 * np.abs(np.fft.fft(image.mean(1 - axis)))[periods] / image.shape[axis]


@pytest.mark.parametrize("pixel", [0.1, 0.16, 0.24])
@pytest.mark.parametrize("periods", [3, 20])
def test_a_fringe_is_damped_by_the_transfer_function(pixel, periods):
    camera = Camera(sampling=0.1, mtf=(1.0, 0.05, 0.4, 2.5))
    q = periods / (SIZE * SAMPLING) * 2 * camera.sampling
    expected = 0.1 * (0.95 / (1 + (q / 0.8) ** 2.5) + 0.05)
    image = record(wave(periods), SAMPLING, camera, pixel)
    assert amplitude(image, periods) == pytest.approx(expected, rel=1e-3)
    assert image.mean() == pytest.approx(1, abs=1e-5)


def test_the_transfer_falls_to_half_at_the_nyquist_frequency():
    transfer = Camera(sampling=0.1, mtf=(1.0, 0.0, 0.5, 3.0)).transfer(np.array([0.0, 5.0]))
    np.testing.assert_allclose(transfer, [1, 0.5])


def test_a_measured_curve_replaces_the_parametric_one():
    curve = ((0.0, 1.0), (1.0, 0.5), (2.0, 0.0))
    camera = Camera(sampling=0.1, mtf_curve=curve)
    image = record(wave(20), SAMPLING, camera, 0.2)
    q = 20 / (SIZE * SAMPLING) * 2 * camera.sampling
    assert amplitude(image, 20) == pytest.approx(0.1 * (1 - q / 2), rel=1e-3)


def test_vibration_blurs_along_its_direction_only():
    camera = Camera(vibration=0.3, vibration_angle=0.0)
    across, along = (
        amplitude(record(wave(20, axis), SAMPLING, camera, 0.2), 20, axis) for axis in (0, 1)
    )
    plain = amplitude(record(wave(20), SAMPLING, Camera(), 0.2), 20)
    q = 20 / (SIZE * SAMPLING)
    assert across == pytest.approx(plain, rel=1e-3)
    assert along == pytest.approx(plain * np.exp(-2 * np.pi**2 * 0.3**2 * q**2), rel=1e-3)


@pytest.mark.parametrize("pixel", [0.08, 0.2, 0.25])
def test_points_stay_where_they_are(pixel):
    y, x = np.mgrid[:SIZE, :SIZE] * SAMPLING
    spot = np.exp(-((y - 10.3) ** 2 + (x - 13.1) ** 2) / (2 * 0.6**2))
    image = record(spot, SAMPLING, Camera(), pixel)
    exact = SIZE * SAMPLING / len(image)
    rows, columns = np.indices(image.shape)
    weight = image / image.sum()
    assert (weight * rows).sum() * exact == pytest.approx(10.3, abs=0.01)
    assert (weight * columns).sum() * exact == pytest.approx(13.1, abs=0.01)


@pytest.mark.parametrize("dose", [100.0, 1e4])
def test_noise_is_that_of_the_electrons(dose):
    counts = count_electrons(
        np.random.default_rng(0), np.ones((200, 200)), Camera(dose=dose), SAMPLING
    )
    assert counts.mean() == pytest.approx(dose * SAMPLING**2, rel=0.02)
    assert counts.var() == pytest.approx(dose * SAMPLING**2, rel=0.05)
    spectrum = np.abs(np.fft.rfft2(counts - counts.mean())) ** 2
    assert spectrum[:, 80:].mean() == pytest.approx(spectrum[:20, :20].mean(), rel=0.15)


def test_readout_noise_adds():
    camera = Camera(dose=1000.0, readout=5.0)
    counts = count_electrons(np.random.default_rng(0), np.ones((200, 200)), camera, SAMPLING)
    assert counts.var() == pytest.approx(40 + 25, rel=0.05)


def test_an_infinite_dose_has_no_noise():
    image = np.random.default_rng(0).uniform(0.5, 1.5, (8, 8))
    counts = count_electrons(np.random.default_rng(0), image, Camera(), 0.5)
    np.testing.assert_allclose(counts, image * 0.25, rtol=1e-6)


def scintillator(**settings):
    return Camera(sampling=0.1, mtf=(1.0, 0.05, 0.4, 2.5), noise_transfer=1, **settings)


def power(noise, low, high, pixel):
    """Mean power of white noise of variance 1 a pixel is 1."""
    q = np.fft.fftfreq(len(noise), pixel)
    q = np.hypot(q[:, None], q)
    spectrum = np.abs(np.fft.fft2(noise - noise.mean())) ** 2 / noise.size
    return spectrum[(q >= low) & (q < high)].mean()


@pytest.mark.parametrize("pixel", [0.1, 0.2])
@pytest.mark.parametrize("q", [0.5, 1.2, 2.2])
def test_a_scintillator_colours_the_noise_as_it_blurs_the_signal(pixel, q):
    camera = scintillator(dose=1e4)
    counts = count_electrons(np.random.default_rng(0), np.ones((300, 300)), camera, pixel)
    expected = 1e4 * pixel**2 * camera.transfer(np.array(q)) ** 2
    assert power(counts, q - 0.05, q + 0.05, pixel) == pytest.approx(expected, rel=0.1)
    assert counts.mean() == pytest.approx(1e4 * pixel**2, rel=0.01)


def test_both_kinds_of_camera_record_the_same_signal():
    both = [
        count_electrons(
            np.random.default_rng(0), record(wave(20), SAMPLING, camera, 0.1), camera, 0.1
        )
        for camera in (scintillator(), Camera(sampling=0.1, mtf=scintillator().mtf))
    ]
    np.testing.assert_allclose(*both, atol=1e-7)


def test_the_readout_noise_of_a_scintillator_camera_stays_white():
    camera = scintillator(dose=10.0, readout=5.0)
    counts = count_electrons(np.random.default_rng(0), np.ones((300, 300)), camera, 0.1)
    assert power(counts, 4.0, 5.0, 0.1) == pytest.approx(25, rel=0.05)


def test_half_a_scintillator_is_refused():
    with pytest.raises(ValueError, match=r"noise_transfer is 0.5, expected 0 .* or 1"):
        Camera(noise_transfer=0.5)
