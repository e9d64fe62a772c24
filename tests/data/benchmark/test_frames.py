# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark.exit_waves import SAMPLING
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, frame_bounds, take_frame
from hyperspy_dlatoms.simulation.imaging.image import take_image

IMAGING = {"defocus": 60.0, "Cs": -1e5, "astigmatism": [0, 15], "sampling": 0.2, "dose": 1e3}


def test_frames_of_one_number_share_the_lens():
    one, two = (conditions_of(IMAGING | {"dose": dose}, 3, 1) for dose in (10.0, 1e4))
    assert one.lens == two.lens
    assert one.lens != conditions_of(IMAGING, 3, 2).lens != conditions_of(IMAGING, 4, 2).lens


def test_the_frame_is_the_mean_of_the_snapshots(subject):
    conditions = conditions_of(IMAGING | {"dose": np.inf}, 0, 0)
    frame, sampling = take_frame(np.random.default_rng(0), subject, conditions)
    singles = [
        take_image(np.random.default_rng(0), wave, SAMPLING, subject.energy, conditions)[0]
        for wave in subject.waves
    ]
    np.testing.assert_allclose(frame, np.mean(singles, axis=0), rtol=1e-4, atol=1e-6)
    assert sampling == pytest.approx(0.2)


def test_the_defocus_may_change_across_the_frame(subject):
    plain = conditions_of(IMAGING | {"dose": np.inf}, 0, 0)
    ramped = conditions_of(IMAGING | {"dose": np.inf, "defocus_ramp": 200.0}, 0, 0)
    assert plain.lens == ramped.lens
    rng = np.random.default_rng(0)
    frame, _ = take_frame(rng, subject, ramped)
    singles = [take_image(rng, one, SAMPLING, subject.energy, ramped)[0] for one in subject.waves]
    np.testing.assert_allclose(frame, np.mean(singles, axis=0), rtol=1e-4, atol=1e-6)
    assert np.abs(frame - take_frame(rng, subject, plain)[0]).max() > 0.01
    assert frame_bounds(subject, ramped) is None


def test_bounds_where_they_are_known(subject):
    conditions = conditions_of(IMAGING, 0, 0)
    weaker = replace(conditions, camera=replace(conditions.camera, dose=10.0))
    np.testing.assert_allclose(
        frame_bounds(subject, weaker), 10 * frame_bounds(subject, conditions), rtol=1e-6
    )
    assert frame_bounds(replace(subject, sensitivity=None), conditions) is None
    for change in ({"dose": np.inf}, {"readout": 1.0}):
        other = replace(conditions, camera=replace(conditions.camera, **change))
        assert frame_bounds(subject, other) is None
