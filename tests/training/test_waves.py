# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of exit waves: their examples and their training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.waves import band_limited, from_cells
from hyperspy_dlatoms.training.fit import train, training_examples
from hyperspy_dlatoms.training.losses import wave_loss


@pytest.fixture
def examples(tiny_series_data, tiny_wave):
    return training_examples(tiny_series_data, tiny_wave)


def test_the_target_is_the_wave_that_the_images_are_of(tiny_series_data, tiny_wave):
    imaging = tiny_wave.imaging | {"dose": np.inf, "defocus": 0, "defocus_step": 0}
    examples = training_examples(tiny_series_data, replace(tiny_wave, imaging=imaging))
    (frames, _), targets = examples.draw_batch(0)
    waves = from_cells(targets)
    assert frames.shape == (2, 64, 64, 3)
    assert waves.shape == (2, 64, 64)
    for frame, wave in zip(frames, waves, strict=True):
        # An image in focus without noise is the intensity of the wave, about.
        intensity = np.abs(wave) ** 2
        likeness = np.corrcoef(frame[..., 1].ravel(), intensity.ravel())[0, 1]
        turned = np.corrcoef(frame[::-1, ..., 1].ravel(), intensity.ravel())[0, 1]
        assert likeness > 0.4 > 2 * abs(turned)


def test_the_waves_of_a_batch_are_pieces_of_those_stored(examples, tiny_series_data):
    _, targets = examples.draw_batch(1)
    whole = [band_limited(item.wave, 0.2) for item in tiny_series_data]
    for piece in from_cells(targets):
        values = np.sort(np.abs(piece), axis=None)[[0, -1]]
        assert any(
            np.isclose(np.abs(wave), values[0], atol=1e-5).any()
            and np.isclose(np.abs(wave), values[1], atol=1e-5).any()
            for wave in whole
        )


def test_the_loss_is_the_mean_square_of_the_difference():
    targets = np.zeros((1, 4, 4, 8), np.float32)
    assert float(wave_loss(targets, targets)) == 0
    # Half of a pixel's difference lies in its real part, half in the imaginary one.
    assert float(wave_loss(targets, targets + 0.1)) == pytest.approx(2.0, rel=1e-5)


def test_a_training_gives_a_network_of_waves(tiny_series_data, tiny_wave, tmp_path):
    path = train(
        tiny_wave, data=tiny_series_data.directory, directory=tmp_path, show_progressbar=False
    )
    network = AtomNetwork.load(path)
    assert network.card.kind == "exit wave"
    assert network.card.classes == ("exit wave",)
    assert network.waves(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 32, 32)
