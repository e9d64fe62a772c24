# SPDX-License-Identifier: GPL-3.0-or-later
"""Images made at once, by NumPy or compiled by JAX, are those that are made one by one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.camera import Camera, Grid, VaryingGrid
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions, as_arrays, stack_arrays
from hyperspy_dlatoms.simulation.imaging.electrons import Noise, jax_noise
from hyperspy_dlatoms.simulation.imaging.image import (
    expose,
    intensities,
    take_image,
    take_series,
)
from hyperspy_dlatoms.simulation.imaging.lens import Lens, wavelength

SIZE, SAMPLING, ENERGIES = 96, 0.2, (80e3, 300e3)
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
SILENT = Noise(lambda mean: mean, lambda level, shape: level * 0)
CURVE = ((0.0, 1.0), (0.5, 0.6), (2.0, 0.1))


@pytest.fixture(scope="module")
def waves():
    q = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIZE, SAMPLING)] * 2))
    noise = np.random.default_rng(3).normal(size=(2, SIZE, SIZE))
    bumps = np.fft.ifft2(np.fft.fft2(noise) * np.exp(-8 * q**2)).real
    return np.exp(3j * bumps).astype(np.complex64)


def run(xp, waves, length, arrays, pixels, varying, blend, curve, scintillators):
    ideal = intensities(xp, waves, length, arrays, SAMPLING, blend, together=16)
    grid = (VaryingGrid if varying else Grid)(SIZE, SIZE * SAMPLING, pixels)
    return expose(xp, SILENT, ideal, arrays, grid, curve, scintillators=scintillators)


@cache
def compiled(jax, *fixed):
    """Return `run` compiled once for all tests that agree in what is `fixed`, not in the arrays."""
    pixels, *rest = fixed
    if pixels is None:
        return jax.jit(lambda *arrays: run(jax.numpy, *arrays, *rest))
    return jax.jit(lambda *arrays: run(jax.numpy, *arrays, pixels, *rest))


@pytest.fixture(params=["numpy", "jax"])
def make(request):
    """Return what makes the counts of two waves at once, (2, images, M, M)."""
    if request.param == "jax":
        jax = pytest.importorskip("jax")

    def make(waves, conditions, pixels, *, varying=False, blend=True):
        length = wavelength(np.array(ENERGIES)).astype(np.float32)
        arrays = stack_arrays([as_arrays(one, 16) for one in conditions])
        curve = conditions[0].camera.mtf_curve
        scintillators = any(one.camera.noise_transfer for one in conditions)
        fixed = (varying, blend, curve, scintillators)
        if request.param == "numpy":
            return run(np, waves, length, arrays, pixels, *fixed)
        with jax.default_matmul_precision("highest"):
            if varying:
                return np.asarray(compiled(jax, None, *fixed)(waves, length, arrays, pixels))
            return np.asarray(compiled(jax, pixels, *fixed)(waves, length, arrays))

    return make


def one_by_one(waves, conditions, pixel=None):
    take = take_series if conditions[0].defoci else take_image
    counts = [
        take(np.random.default_rng(0), wave, SAMPLING, energy, one, pixel)[0]
        for wave, energy, one in zip(waves, ENERGIES, conditions, strict=True)
    ]
    return [one.reshape(-1, *one.shape[-2:]) for one in counts]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"defocus_ramp": 280.0, "ramp_angle": 1.0},
        {"lens": replace(LENS, focal_points=5)},
        {"camera": replace(CAMERA, noise_transfer=1.0)},
        {"camera": replace(CAMERA, mtf_curve=CURVE)},
        {"defoci": (20.0, 70.0, 130.0), "drift": ((0.3, -0.2), (0.0, 0.0), (0.1, 0.4))},
        {
            "defoci": (20.0, 90.0),
            "drift": ((0.3, -0.2), (0.0, 0.0)),
            "defocus_ramp": -60.0,
            "lens": replace(LENS, focal_points=3),
        },
    ],
    ids=["plain", "ramp", "spread", "scintillator", "curve", "series", "everything"],
)
@pytest.mark.parametrize("pixels", [96, 150])
def test_cameras_of_one_number_of_pixels(waves, make, changed, pixels):
    both = [replace(PLAIN, **changed), replace(PLAIN, **changed, vignetting=0.0)]
    made = make(waves, both, pixels)
    for images, expected in zip(
        made, one_by_one(waves, both, SIZE * SAMPLING / pixels), strict=True
    ):
        np.testing.assert_allclose(images, expected, atol=2e-4 * expected.mean())


@pytest.mark.parametrize("scintillator", [0.0, 1.0])
@pytest.mark.parametrize("pixels", [(74, 77), (80, 95), (96, 60)])
def test_cameras_of_various_numbers_of_pixels(waves, make, pixels, scintillator):
    both = [
        replace(
            PLAIN,
            camera=replace(CAMERA, sampling=SIZE * SAMPLING / number, noise_transfer=scintillator),
        )
        for number in pixels
    ]
    made = make(waves, both, np.array(pixels, np.float32)[:, None], varying=True)
    for images, expected, number in zip(made, one_by_one(waves, both), pixels, strict=True):
        there = images[:, :number, :number]
        np.testing.assert_allclose(there, expected, atol=5e-4 * expected.mean())
        assert np.count_nonzero(images) <= there.size


def test_images_of_one_defocus_need_no_blend(waves, make):
    np.testing.assert_allclose(
        make(waves, [PLAIN, PLAIN], SIZE, blend=False), make(waves, [PLAIN, PLAIN], SIZE), rtol=1e-3
    )


def test_kinds_of_cameras_are_mixed(waves, make):
    both = [replace(PLAIN, camera=replace(CAMERA, noise_transfer=float(n))) for n in (0, 1)]
    made = make(waves, both, SIZE)
    for images, expected in zip(made, one_by_one(waves, both, SAMPLING), strict=True):
        np.testing.assert_allclose(images, expected, atol=2e-4 * expected.mean())


def test_jax_draws_electrons_and_readout():
    jax = pytest.importorskip("jax")

    @jax.jit
    def run(key):
        camera = Camera(dose=1000.0, readout=4.0)
        arrays = as_arrays(Conditions(camera=camera))
        grid = Grid(200, 40.0, 200)
        return expose(
            jax.numpy, jax_noise(key), jax.numpy.ones((1, 200, 200)), arrays, grid,
            scintillators=False,
        )  # fmt: skip

    counts = np.asarray(run(jax.random.key(1)))
    # 1000 e/Å² on pixels of 0.2 Å.
    assert counts.mean() == pytest.approx(40, rel=0.01)
    assert counts.var() == pytest.approx(40 + 16, rel=0.05)
