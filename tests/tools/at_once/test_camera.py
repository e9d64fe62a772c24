# SPDX-License-Identifier: GPL-3.0-or-later
"""Images made at once are those that are made one by one."""

from dataclasses import replace

import numpy as np
import pytest
from at_once.camera import MARGIN

from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image

SIZE, SAMPLING, ENERGY = 96, 0.2, 80e3


@pytest.mark.parametrize(
    ("frame", "lens", "camera"),
    [
        ({}, {}, {}),
        ({"defocus_ramp": 300.0, "ramp_angle": 1.0}, {}, {}),
        ({}, {"focal_points": 5}, {}),
        ({"vignetting": 0.0}, {}, {"noise_transfer": 1.0}),
    ],
    ids=["plain", "ramp", "spread", "scintillator"],
)
def test_an_image_of_a_fine_camera(wave, plain, frame_of, frame, lens, camera):
    conditions = replace(
        plain, lens=replace(plain.lens, **lens), camera=replace(plain.camera, **camera), **frame
    )
    counts, _ = take_image(np.random.default_rng(0), wave, SAMPLING, ENERGY, conditions, SAMPLING)
    made, _ = frame_of(wave, conditions, scintillator=bool(conditions.camera.noise_transfer))
    assert np.abs(made - normalise(counts, SAMPLING)).max() < 0.02


@pytest.mark.parametrize("scintillator", [0.0, 1.0])
@pytest.mark.parametrize("pixels", [74, 77, 80, 95])
def test_an_image_of_a_coarse_camera(wave, plain, frame_of, pixels, scintillator):
    sampling = SIZE * SAMPLING / pixels
    camera = replace(plain.camera, sampling=sampling, noise_transfer=scintillator)
    conditions = replace(plain, camera=camera)
    counts, pixel = take_image(np.random.default_rng(0), wave, SAMPLING, ENERGY, conditions)
    frame, grid = resample(counts, pixel, SAMPLING)
    made, scale = frame_of(wave, conditions, scintillator=bool(scintillator))
    kept = slice(0, SIZE - MARGIN)
    assert scale == pytest.approx(1 / (pixel * grid.scale), rel=1e-6)
    assert np.abs(made - normalise(frame[kept, kept], SAMPLING)).max() < 0.02


def test_a_flat_image_is_zero(frame_of):
    flat, _ = frame_of(np.ones((SIZE, SIZE), np.complex64), Conditions())
    assert np.abs(flat).max() == 0
