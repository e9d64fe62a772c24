# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.evaluation.evaluate import evaluate


@pytest.fixture
def numbers_of(tiny, wave_folder, oracle):
    def run(frames=1, **errors):
        found = evaluate(oracle(**errors), tiny, wave_folder, frames=frames, show_progressbar=False)
        return found.numbers

    return run


def test_a_finder_that_knows(numbers_of, particle_waves):
    numbers = numbers_of(frames=2)
    for rows in numbers["curves"].values():
        row = rows[-1]
        assert row["frames"] == 2
        assert row["sites"] == 2 * len(particle_waves.truth.positions)
        assert row["precision"] == row["recall"] == row["f1"] == 1
        assert row["rms"] == pytest.approx(0, abs=1e-6)
        assert row["bound"] > 0
    assert [row["false"] for row in numbers["films"]] == [0, 0]
    assert numbers["calibration"]["coverage"]["within_1"] == 1
    assert numbers["calibration"]["reported"]["error"] == pytest.approx(0.1)
    assert numbers["heights"][0]["lowest"] == 1
    assert numbers["height_calibration"] == []


def test_a_finder_that_errs(numbers_of, particle_waves):
    numbers = numbers_of(shift=(0.1, -0.2), missing=3, false=4, sigma=0.15)
    row = numbers["curves"]["dose"][-1]
    n = len(particle_waves.truth.positions)
    assert row["recall"] == pytest.approx((n - 3) / n)
    assert row["precision"] == pytest.approx((n - 3) / (n + 1))
    assert (row["rms_y"], row["rms_x"]) == (pytest.approx(10), pytest.approx(20))
    assert [one["false"] for one in numbers["films"]] == [4, 4]
    assert numbers["films"][0]["density"] == pytest.approx(4 / 1.4**2)
    assert numbers["calibration"]["coverage"]["within_1"] == 0.5
    assert row["times_bound"] > 5


def test_heights_are_compared(numbers_of, particle_waves):
    numbers = numbers_of(height_shift=1.5)
    row = numbers["curves"]["dose"][-1]
    assert row["height_error"] == 1.5
    assert (row["heights_within_1"], row["heights_within_2"]) == (0, 1)
    rows = numbers["height_calibration"]
    assert [one["height"] for one in rows] == sorted(set(particle_waves.truth.heights))
    assert all(one["found"] == one["height"] + 1.5 for one in rows)
    assert all((one["spread"], one["error"], one["sigma"]) == (0, 1.5, 1) for one in rows)


def test_more_dose_a_lower_bound(numbers_of):
    weak, strong = (row["bound"] for row in numbers_of()["curves"]["dose"])
    assert weak == pytest.approx(10 * strong, rel=1e-3)


def test_the_same_seed_gives_the_same_frames(tiny, wave_folder):
    def finder(seen):
        def find(frame, sampling, threshold=None):
            seen.append(frame.sum())
            return np.empty((0, 5))

        return find

    runs = []
    for seed in (1, 1, 2):
        runs.append([])
        evaluate(finder(runs[-1]), tiny, wave_folder, frames=1, seed=seed, show_progressbar=False)
    assert runs[0] == runs[1] != runs[2]


def test_frames_must_be_positive(tiny, wave_folder, oracle):
    with pytest.raises(ValueError, match="frames is 0"):
        evaluate(oracle(), tiny, wave_folder, frames=0)
