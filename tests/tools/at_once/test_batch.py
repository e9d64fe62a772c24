# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from at_once.batch import Batch, Kinds, make_batch, make_kinds
from at_once.camera import make_grid
from at_once.conditions import tell
from at_once.electrons import Noise
from at_once.lens import wavelengths
from at_once.targets import Turn


def test_a_batch_has_each_kind_of_image(wave, plain, frame_of):
    blended = replace(plain, defocus_ramp=100.0)
    coarse = replace(plain, camera=replace(plain.camera, sampling=0.24))
    kinds = make_kinds(4, 0.25, 0.25)
    assert kinds == Kinds(4, 1, (2,))
    places = np.array([[[5.0, 9.0], [0.0, 0.0]]] * 4)
    batch = Batch(
        waves=np.stack([wave] * 4),
        wavelength=wavelengths(np.full(4, 80e3)),
        places=places,
        labels=np.array([[1, 0]] * 4),
        heights=np.ones((4, 2)),
        told=tell([blended, plain, coarse, plain]),
        turn=Turn(np.zeros((4, 2), int), np.zeros((4, 2), bool), np.zeros(4, bool)),
        negative=np.array([False, True, False, False]),
    )
    silent, grid = Noise(np.zeros, np.zeros), make_grid(len(wave), 0.2, 0.26)
    frames, targets = make_batch(np, silent, batch, kinds, grid, crop=64, stride=2, radius=2.5)
    assert frames.shape == (4, 64, 64, 1)
    assert targets.shape == (4, 32, 32, 4)
    # The coarse one comes last.
    fine, _ = frame_of(wave, plain)
    last, scale = frame_of(wave, coarse)
    assert np.allclose(frames[1, ..., 0], -fine[:64, :64], atol=1e-5)
    assert np.allclose(frames[2, ..., 0], fine[:64, :64], atol=1e-5)
    assert np.allclose(frames[3, ..., 0], last[:64, :64], atol=1e-5)
    assert (targets[..., 0] > 0).sum(axis=(1, 2)).min() >= 3
    row, column = np.argwhere(targets[3, ..., 0])[0]
    place = 2 * np.array([row, column]) + 0.5 + targets[3, row, column, 1:3]
    assert place == pytest.approx(places[3, 0] * scale, abs=1e-3)
