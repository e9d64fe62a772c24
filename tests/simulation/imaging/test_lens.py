# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.lens import Lens, image_intensity, series_intensities

SAMPLING, SIZE = 0.2, 96


def wavelength(energy):
    """Relativistic wavelength in Å from the energy in eV, after Kirkland."""
    return 12.2643 / np.sqrt(energy + 0.978476e-6 * energy**2)


def weak_phase_wave(seed=0, strength=1e-3):
    rng = np.random.default_rng(seed)
    phase = rng.standard_normal((SIZE, SIZE))
    spectrum = np.fft.fft2(phase)
    q = np.fft.fftfreq(SIZE, SAMPLING)
    spectrum[np.hypot(q[:, None], q[None]) > 1.2] = 0
    phase = strength * np.fft.ifft2(spectrum).real
    return phase - phase.mean()


def aberration(lens, energy):
    """Phase shift of the lens, rad, after Kirkland, with azimuths from x (the columns) to y."""
    lam = wavelength(energy)
    q = np.fft.fftfreq(SIZE, SAMPLING)
    qy, qx = q[:, None], q[None]
    alpha, phi = lam * np.hypot(qx, qy), np.arctan2(qy, qx)
    path = (
        -lens.defocus * alpha**2 / 2
        + lens.astigmatism * alpha**2 / 2 * np.cos(2 * (phi - lens.astigmatism_angle))
        + lens.coma * alpha**3 / 3 * np.cos(phi - lens.coma_angle)
        + lens.threefold * alpha**3 / 3 * np.cos(3 * (phi - lens.threefold_angle))
        + lens.Cs * alpha**4 / 4
    )
    return 2 * np.pi / lam * path


LENSES = {
    "defocus": Lens(defocus=80.0),
    "overfocus": Lens(defocus=-80.0),
    "Cs": Lens(defocus=20.0, Cs=-1.5e5),
    "astigmatism": Lens(defocus=50.0, astigmatism=40.0, astigmatism_angle=0.7),
    "coma": Lens(defocus=50.0, coma=400.0, coma_angle=1.1),
    "threefold": Lens(defocus=50.0, threefold=400.0, threefold_angle=0.4),
}


@pytest.mark.parametrize("name", LENSES)
@pytest.mark.parametrize("energy", [80e3, 300e3])
def test_weak_phase_image_against_the_formula(name, energy):
    lens, phase = LENSES[name], weak_phase_wave()
    image = image_intensity(np.exp(1j * phase), SAMPLING, energy, lens)
    chi = aberration(lens, energy)
    mirrored = np.roll(chi[::-1, ::-1], 1, axis=(0, 1))
    transfer = -1j * (np.exp(-1j * chi) - np.exp(1j * mirrored)) * -1
    expected = 1 + np.fft.ifft2(np.fft.fft2(phase) * transfer).real
    assert np.corrcoef((image - 1).ravel(), (expected - 1).ravel())[0, 1] > 0.998
    assert np.std(image - 1) == pytest.approx(np.std(expected - 1), rel=0.02)


def test_focal_spread_damps_as_its_envelope_says():
    phase, energy, spread = weak_phase_wave(), 300e3, 40.0
    sharp = np.fft.fft2(image_intensity(np.exp(1j * phase), SAMPLING, energy, Lens(defocus=90.0)))
    spread_image = image_intensity(
        np.exp(1j * phase), SAMPLING, energy, Lens(defocus=90.0, focal_spread=spread)
    )
    q = np.fft.fftfreq(SIZE, SAMPLING)
    q = np.hypot(q[:, None], q[None])
    envelope = np.exp(-((np.pi * wavelength(energy) * spread * q**2 / 2) ** 2))
    strong = np.abs(sharp) > 0.3 * np.abs(sharp).ravel()[1:].max()
    strong[0, 0] = False
    ratio = np.abs(np.fft.fft2(spread_image))[strong] / np.abs(sharp)[strong]
    assert strong.sum() > 20
    assert np.median(np.abs(ratio - envelope[strong])) < 0.02


def test_incoherent_sum_agrees_with_the_envelope_for_a_weak_phase():
    phase = weak_phase_wave()
    one, many = (
        image_intensity(
            np.exp(1j * phase),
            SAMPLING,
            300e3,
            Lens(defocus=60.0, focal_spread=25.0, focal_points=n),
        )
        for n in (1, 9)
    )
    assert np.corrcoef(one.ravel(), many.ravel())[0, 1] > 0.995


def test_mean_intensity_is_kept():
    wave = np.exp(0.5j * weak_phase_wave(strength=0.3))
    image = image_intensity(wave, SAMPLING, 300e3, Lens(defocus=100.0, Cs=1e5, coma=200.0))
    assert image.mean() == pytest.approx(1, abs=1e-4)
    assert image.dtype == np.float32


@pytest.mark.parametrize("points", [1, 3])
def test_a_series_is_the_images_at_each_defocus(points):
    """The aberrations and the spread of focus are abTEM's in all images."""
    from dataclasses import replace

    wave = np.exp(1j * weak_phase_wave(strength=0.3))
    lens = Lens(
        Cs=-1.5e5, astigmatism=40, coma=300, coma_angle=1.1, focal_spread=35, focal_points=points
    )
    defoci = [-70.0, 15.0, 130.0]
    series = series_intensities(wave, SAMPLING, 80e3, lens, defoci)
    for image, defocus in zip(series, defoci, strict=True):
        alone = image_intensity(wave, SAMPLING, 80e3, replace(lens, defocus=defocus))
        np.testing.assert_allclose(image, alone, atol=1e-5)
