# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.conditions import (
    Conditions,
    as_arrays,
    draw_conditions,
    images_of,
    most_defoci,
)
from hyperspy_dlatoms.simulation.imaging.lens import Lens

IMAGING = {
    "defocus": [-200, 200],
    "Cs": [-2e5, 2e5],
    "astigmatism": [10, 40],
    "coma": [100, 600],
    "focal_points": 5,
    "dose": {"log": [100, 1e5]},
    "mtf_c3": [0.3, 0.6],
    "vignetting": [0, 0.2],
}


def test_the_same_seed_draws_the_same():
    one, other = (draw_conditions(np.random.default_rng(3), IMAGING) for _ in range(2))
    assert one == other
    assert one != draw_conditions(np.random.default_rng(4), IMAGING)


def test_all_ranges_are_kept_and_both_signs_occur():
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(rng, IMAGING) for _ in range(200)]
    for sign in (-1, 1):
        assert any(sign * c.lens.defocus > 50 for c in drawn)
        assert any(sign * c.lens.Cs > 5e4 for c in drawn)
    assert all(100 <= c.camera.dose <= 1e5 for c in drawn)
    assert all(0.3 <= c.camera.mtf[2] <= 0.6 and c.camera.mtf[0] == 1 for c in drawn)
    assert all(c.lens.focal_points == 5 for c in drawn)
    angles = np.array([c.lens.coma_angle for c in drawn])
    assert np.ptp(angles) > 5


def test_a_curriculum_narrows_the_lens_and_raises_the_dose():
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(rng, IMAGING, strength=0.1, dose_floor=2000) for _ in range(100)]
    assert all(c.lens.coma <= 60 and c.lens.astigmatism <= 4 for c in drawn)
    assert all(c.camera.dose >= 2000 for c in drawn)


def test_the_kind_of_camera_is_drawn_and_leaves_the_other_draws_alone():
    kinds = {"choice": [0, 1]}
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(rng, {"noise_transfer": kinds}) for _ in range(20)]
    assert {c.camera.noise_transfer for c in drawn} == {0, 1}
    plain, scintillator = (
        draw_conditions(np.random.default_rng(3), IMAGING | more)
        for more in ({}, {"noise_transfer": 1})
    )
    assert plain.lens == scintillator.lens
    assert plain.camera.noise_transfer == 0


def test_the_record_is_json_and_complete():
    conditions = draw_conditions(np.random.default_rng(0), IMAGING)
    record = json.loads(json.dumps(conditions.to_dict()))
    assert record["lens"]["Cs"] == conditions.lens.Cs
    assert record["camera"]["dose"] == conditions.camera.dose
    assert record["vignetting"] == conditions.vignetting


def test_an_unknown_condition_is_refused():
    with pytest.raises(ValueError, match="'defocuss': expected one of .*defocus"):
        draw_conditions(np.random.default_rng(0), {"defocuss": 1})


FOCAL = IMAGING | {
    "images": 5,
    "defocus_step": {"choice": [[20, 40], [-40, -20]]},
    "defocus_jitter": [-3, 3],
    "drift": [0.1, 0.5],
}


def test_a_series_steps_through_the_defocus_of_its_middle_image():
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(rng, FOCAL) for _ in range(100)]
    defoci = np.array([c.defoci for c in drawn])
    middle = np.array([c.lens.defocus for c in drawn])
    assert np.abs(defoci[:, 2] - middle).max() <= 3
    steps = np.diff(defoci, axis=1)
    mean = steps.mean(axis=1)
    assert np.all((np.abs(mean) > 18) & (np.abs(mean) < 42)) and {*np.sign(mean)} == {-1, 1}
    # Each image has its own deviation.
    assert np.std(steps - mean[:, None]) > 1


def test_each_image_of_a_series_drifts_from_the_one_before():
    drift = np.array([draw_conditions(np.random.default_rng(i), FOCAL).drift for i in range(50)])
    assert not drift[:, 2].any()
    length = np.linalg.norm(np.diff(drift, axis=1), axis=-1)
    assert 0.1 <= length.min() < 0.15 and 0.45 < length.max() <= 0.5


def test_a_single_image_draws_as_if_there_were_no_series():
    one, other = (
        draw_conditions(np.random.default_rng(2), imaging) for imaging in (IMAGING, FOCAL)
    )
    assert one.lens.Cs == other.lens.Cs
    assert not one.defoci and "defoci" not in one.to_dict()
    assert len(json.loads(json.dumps(other.to_dict()))["defoci"]) == 5


@pytest.mark.parametrize(
    ("imaging", "message"),
    [
        ({"images": 0}, "images is 0"),
        ({"images": 2.5}, "images is 2.5"),
        ({"images": [1, 3]}, "whole number"),
        ({"defocus_step": 20}, "defocus_step is for a focal series; give images"),
    ],
)
def test_a_wrong_series_is_refused(imaging, message):
    with pytest.raises(ValueError, match=message):
        images_of(imaging)


def test_arrays_are_padded_and_a_long_ramp_keeps_its_spread_as_an_envelope():
    lens = Lens(focal_spread=30.0, focal_points=5)
    arrays = as_arrays(Conditions(lens=lens), 16)
    assert arrays.focus.weights.sum() == pytest.approx(1)
    assert arrays.values["focal_spread"] == 0
    ramped = as_arrays(Conditions(lens=lens, defocus_ramp=290.0), 16)
    assert ramped.focus.offsets.shape == (1, 16)
    assert ramped.values["focal_spread"] == 30
    summed = as_arrays(Conditions(lens=lens, defocus_ramp=290.0))
    assert summed.focus.offsets.shape == (1, 80)
    assert summed.values["focal_spread"] == 0
    with pytest.raises(ValueError, match="blended from 21 defoci, expected at most 16"):
        as_arrays(Conditions(defocus_ramp=400.0), 16)


def test_the_most_defoci_of_a_recipe():
    assert most_defoci({"defocus": 50}) == 1
    assert most_defoci({"defocus_ramp": {"choice": [0, [-300, 200]]}}) == 16
    assert most_defoci({"defocus_ramp": 30, "focal_points": {"choice": [1, 7]}}) == 7
