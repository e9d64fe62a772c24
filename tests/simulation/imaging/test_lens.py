# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens, ramp_steps

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


@pytest.mark.parametrize("points", range(2, 9))
def test_the_defoci_summed_have_the_deviation_of_the_spread(points):
    offsets, weights = Lens(focal_spread=30.0, focal_points=points).focal_sum()
    assert len(offsets) == points and weights.sum() == pytest.approx(1)
    assert np.sqrt(weights @ offsets**2) == pytest.approx(30.0 / np.sqrt(2), rel=0.02)


def test_mean_intensity_is_kept():
    wave = np.exp(0.5j * weak_phase_wave(strength=0.3))
    image = image_intensity(wave, SAMPLING, 300e3, Lens(defocus=100.0, Cs=1e5, coma=200.0))
    assert image.mean() == pytest.approx(1, abs=1e-4)
    assert image.dtype == np.float32


ALL = Lens(
    defocus=-90.0,
    Cs=2.2e5,
    astigmatism=40.0,
    astigmatism_angle=0.7,
    coma=400.0,
    coma_angle=1.1,
    threefold=300.0,
    threefold_angle=-0.4,
    focal_spread=35.0,
)


@pytest.mark.parametrize("points", [1, 5])
@pytest.mark.parametrize("energy", [80e3, 300e3])
def test_the_image_is_that_of_abtem(points, energy):
    abtem = pytest.importorskip("abtem")
    wave = np.exp(1j * weak_phase_wave(strength=0.3)).astype(np.complex64)
    image = image_intensity(wave, SAMPLING, energy, replace(ALL, focal_points=points))
    spread = {"defocus": ALL.defocus, "focal_spread": ALL.focal_spread}
    if points > 1:
        deviation = ALL.focal_spread / np.sqrt(2)
        # The centre is that of abTEM's sign, as is the spread.
        focus = abtem.distributions.gaussian(
            deviation, num_samples=points, center=ALL.defocus, sampling_limit=2.5
        )
        spread = {"defocus": focus}
    ctf = abtem.CTF(
        energy=energy,
        C30=ALL.Cs,
        C12=ALL.astigmatism,
        phi12=ALL.astigmatism_angle,
        C21=ALL.coma,
        phi21=ALL.coma_angle,
        C23=ALL.threefold,
        phi23=ALL.threefold_angle,
        **spread,
    )
    with abtem.config.set({"local_diagnostics.progress_bar": False, "precision": "float64"}):
        waves = abtem.Waves(wave.T.astype(complex), sampling=SAMPLING, energy=energy)
        expected = waves.apply_ctf(ctf).intensity()
        if points > 1:
            expected = expected.reduce_ensemble()
        expected = np.asarray(expected.array).T
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(image, expected, atol=1e-5 * expected.max())


def test_the_images_of_a_ramp_are_close_in_defocus_and_span_it():
    for ramp in (5.0, -90.0, 300.0):
        steps = ramp_steps(ramp)
        assert steps[-1] - steps[0] == pytest.approx(ramp)
        assert np.abs(np.diff(steps)).max() <= 20 + 1e-9
    np.testing.assert_allclose(ramp_steps(-60.0), [30, 10, -10, -30])
    assert len(ramp_steps(300.0)) == 16
    assert len(ramp_steps(0.0)) == 1
