# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.simulation.imaging.image import take_image

IMAGING = {"defocus": 60.0, "Cs": -1e5, "astigmatism": [0, 15], "sampling": 0.2, "dose": 1e3}


def test_frames_of_one_number_share_the_lens():
    one, two = (conditions_of(IMAGING | {"dose": dose}, 3, 1) for dose in (10.0, 1e4))
    assert one.lens == two.lens
    assert one.lens != conditions_of(IMAGING, 3, 2).lens != conditions_of(IMAGING, 4, 2).lens


def test_the_frame_is_the_mean_of_the_snapshots(particle_waves):
    conditions = conditions_of(IMAGING | {"dose": np.inf}, 0, 0)
    frame, sampling = take_frame(np.random.default_rng(0), particle_waves, conditions)
    singles = [
        take_image(np.random.default_rng(0), wave, SAMPLING, particle_waves.energy, conditions)[0]
        for wave in particle_waves.waves
    ]
    np.testing.assert_allclose(frame, np.mean(singles, axis=0), rtol=1e-4, atol=1e-6)
    assert sampling == pytest.approx(0.2)


def test_the_defocus_may_change_across_the_frame(particle_waves):
    plain = conditions_of(IMAGING | {"dose": np.inf}, 0, 0)
    ramped = conditions_of(IMAGING | {"dose": np.inf, "defocus_ramp": 200.0}, 0, 0)
    assert plain.lens == ramped.lens
    rng = np.random.default_rng(0)
    frame, _ = take_frame(rng, particle_waves, ramped)
    singles = [
        take_image(rng, one, SAMPLING, particle_waves.energy, ramped)[0]
        for one in particle_waves.waves
    ]
    np.testing.assert_allclose(frame, np.mean(singles, axis=0), rtol=1e-4, atol=1e-6)
    assert np.abs(frame - take_frame(rng, particle_waves, plain)[0]).max() > 0.01
