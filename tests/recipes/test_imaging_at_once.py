# SPDX-License-Identifier: GPL-3.0-or-later
"""Training images made at once are those that are made one by one."""

import dataclasses

import imaging_at_once as at_once
import numpy as np
import pytest

from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.simulation.camera import Camera
from hyperspy_dlatoms.simulation.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging import take_image
from hyperspy_dlatoms.simulation.lens import Lens
from hyperspy_dlatoms.training.targets import rasterise

SIZE, SAMPLING, ENERGY = 96, 0.2, 80e3
LENS = Lens(
    defocus=70.0,
    Cs=-1.5e5,
    astigmatism=20.0,
    astigmatism_angle=0.4,
    coma=300.0,
    coma_angle=2.0,
    threefold=150.0,
    threefold_angle=-1.0,
    focal_spread=30.0,
)
CAMERA = Camera(
    sampling=0.1, mtf=(1.0, 0.03, 0.5, 2.5), blur=0.2, vibration=0.15, vibration_angle=0.7
)
PLAIN = Conditions(lens=LENS, camera=CAMERA, illumination_slope=0.3, vignetting=0.2)
COARSE = dataclasses.replace(CAMERA, sampling=0.24)
SILENT = at_once.Noise(np.zeros, np.zeros)
GRID = at_once.make_grid(SIZE, SAMPLING, 0.26)


@pytest.fixture(scope="module")
def wave():
    rng = np.random.default_rng(3)
    bumps = np.fft.ifft2(
        np.fft.fft2(rng.normal(size=(SIZE, SIZE)))
        * np.exp(-8 * np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIZE, SAMPLING)] * 2)) ** 2)
    ).real
    return np.exp(3j * bumps).astype(np.complex64)


def images(wave, conditions, *, scintillator=False):
    """Make one normalised frame at once."""
    told = at_once.tell([conditions])
    length = at_once.wavelengths(np.array([ENERGY]))
    spectra = at_once.lens_spectrum(np, wave[None], length, told, SAMPLING)
    if at_once.is_blended(conditions):
        intensity = at_once.blended(np, spectra, length, told, SAMPLING)
    else:
        intensity = np.abs(np.fft.ifft2(spectra)) ** 2
    if conditions.camera.sampling > SAMPLING:
        frames, scale = at_once.coarse_frames(np, SILENT, intensity, told, GRID, scintillator)
        return frames[0], scale[0]
    return at_once.fine_frames(np, SILENT, intensity, told, GRID, scintillator)[0], 1 / SAMPLING


@pytest.mark.parametrize(
    "conditions",
    [
        PLAIN,
        dataclasses.replace(PLAIN, defocus_ramp=300.0, ramp_angle=1.0),
        dataclasses.replace(PLAIN, lens=dataclasses.replace(LENS, focal_points=5)),
        dataclasses.replace(
            PLAIN, camera=dataclasses.replace(CAMERA, noise_transfer=1.0), vignetting=0.0
        ),
    ],
    ids=["plain", "ramp", "spread", "scintillator"],
)
def test_an_image_of_a_fine_camera(wave, conditions):
    counts, _ = take_image(None, wave, SAMPLING, ENERGY, conditions, SAMPLING)
    made, _ = images(wave, conditions, scintillator=bool(conditions.camera.noise_transfer))
    assert np.abs(made - normalise(counts, SAMPLING)).max() < 0.02


@pytest.mark.parametrize("scintillator", [0.0, 1.0])
@pytest.mark.parametrize("pixels", [74, 77, 80, 95])
def test_an_image_of_a_coarse_camera(wave, pixels, scintillator):
    sampling = SIZE * SAMPLING / pixels
    camera = dataclasses.replace(COARSE, sampling=sampling, noise_transfer=scintillator)
    conditions = dataclasses.replace(PLAIN, camera=camera)
    counts, pixel = take_image(None, wave, SAMPLING, ENERGY, conditions)
    frame, grid = resample(counts, pixel, SAMPLING)
    made, scale = images(wave, conditions, scintillator=bool(scintillator))
    kept = slice(0, SIZE - at_once.MARGIN)
    assert scale == pytest.approx(1 / (pixel * grid.scale), rel=1e-6)
    assert np.abs(made - normalise(frame[kept, kept], SAMPLING)).max() < 0.02


def test_a_flat_image_is_zero():
    flat, _ = images(np.ones((SIZE, SIZE), np.complex64), Conditions())
    assert np.abs(flat).max() == 0


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 23.0, 25.0, 400.0])
def test_electrons_follow_poisson(mean):
    rng = np.random.default_rng(1)
    noise = at_once.Noise(rng.random, rng.standard_normal)
    counts = at_once.draw_electrons(np, noise, np.full(200_000, mean))
    assert np.array_equal(counts, np.round(counts))
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 2e5))
    assert counts.var() == pytest.approx(mean, rel=0.02, abs=1e-9)
    skew = ((counts - mean) ** 3).mean()
    assert skew == pytest.approx(mean, rel=0.5, abs=5 * np.sqrt(15 * mean**3 / 2e5 + 1e-12))


def test_targets_are_those_drawn_one_by_one():
    rng = np.random.default_rng(4)
    places = rng.uniform(-3, 51, (1, 60, 2))
    labels = rng.integers(-1, 3, (1, 60))
    heights = rng.uniform(1, 9, (1, 60))
    made = at_once.marked(np, places, labels, heights, 24, 2, 2.5)[0]
    there = labels[0] != 0
    expected = rasterise(places[0, there], labels[0, there], (24, 24), 2, 2.5, heights[0, there])
    assert np.abs(made - expected).max() < 1e-5
    assert (made[..., 0] > 0).any()


def test_places_move_as_pixels_do():
    rng = np.random.default_rng(5)
    frames = np.zeros((8, 20, 20))
    place = rng.integers(6, 12, (8, 1, 2))
    frames[np.arange(8), place[:, 0, 0], place[:, 0, 1]] = 1
    turn = at_once.Turn(rng.integers(0, 5, (8, 2)), rng.random((8, 2)) < 0.5, rng.random(8) < 0.5)
    parts = at_once.cut(np, frames, turn, 14)
    found = np.array([np.argwhere(part) for part in parts])
    assert np.array_equal(found, at_once.moved(np, place, turn, 14))


def test_a_batch_has_each_kind_of_image(wave):
    blended = dataclasses.replace(PLAIN, defocus_ramp=100.0)
    coarse = dataclasses.replace(PLAIN, camera=COARSE)
    kinds = at_once.make_kinds(4, 0.25, 0.25)
    assert kinds == at_once.Kinds(4, 1, (2,))
    places = np.array([[[5.0, 9.0], [0.0, 0.0]]] * 4)
    batch = at_once.Batch(
        waves=np.stack([wave] * 4),
        wavelength=at_once.wavelengths(np.full(4, ENERGY)),
        places=places,
        labels=np.array([[1, 0]] * 4),
        heights=np.ones((4, 2)),
        told=at_once.tell([blended, PLAIN, coarse, PLAIN]),
        turn=at_once.Turn(np.zeros((4, 2), int), np.zeros((4, 2), bool), np.zeros(4, bool)),
        negative=np.array([False, True, False, False]),
    )
    frames, targets = at_once.make_batch(
        np, SILENT, batch, kinds, GRID, crop=64, stride=2, radius=2.5
    )
    assert frames.shape == (4, 64, 64, 1)
    assert targets.shape == (4, 32, 32, 4)
    # The coarse one comes last.
    fine, _ = images(wave, PLAIN)
    assert np.allclose(frames[1, ..., 0], -fine[:64, :64], atol=1e-5)
    assert np.allclose(frames[2, ..., 0], fine[:64, :64], atol=1e-5)
    assert np.allclose(frames[3, ..., 0], images(wave, coarse)[0][:64, :64], atol=1e-5)
    assert (targets[..., 0] > 0).sum(axis=(1, 2)).min() >= 3
    row, column = np.argwhere(targets[3, ..., 0])[0]
    place = 2 * np.array([row, column]) + 0.5 + targets[3, row, column, 1:3]
    assert place == pytest.approx(places[3, 0] * images(wave, coarse)[1], abs=1e-3)
