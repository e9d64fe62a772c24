# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hyperspy_dlatoms.evaluation.comparison import Comparison
from hyperspy_dlatoms.evaluation.scores import by_height, calibration_of_heights, scores, share


def comparison(
    found, errors, n_false=0, heights=None, edges=None, bound=np.nan, filled=(), height_errors=None
):
    found = np.asarray(found, dtype=bool)
    errors = np.where(found[:, None], errors, np.nan)
    sites = pd.DataFrame(
        {
            "height": np.ones(len(found), int) if heights is None else heights,
            "edge": np.zeros(len(found), bool) if edges is None else edges,
            "found": found,
            "error_y": errors[:, 0],
            "error_x": errors[:, 1],
            "height_error": np.nan if height_errors is None else height_errors,
            "height_sigma": 0.5,
            "scaled_height_error": np.nan if height_errors is None else height_errors,
        }
    )
    for name in ("bound_y", "bound_x", "joint_y", "joint_x"):
        sites[name] = 2 * bound if name.startswith("joint") else bound
    right = np.arange(found.sum() + n_false) >= n_false
    atoms = pd.DataFrame({"probability": np.full(len(right), 0.9), "right": right})
    return Comparison(sites, atoms, np.asarray(filled, bool))


def test_precision_recall_and_f1():
    result = scores(comparison([1, 1, 1, 0], np.zeros((4, 2)), n_false=2))
    assert result["recall"] == 0.75
    assert result["precision"] == 0.6
    assert result["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    low, high = result["recall_interval"]
    assert 0 < low < 0.75 < high < 1


def test_errors_of_each_axis_and_the_bound():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, [0.03, 0.06], (20_000, 2))
    result = scores(comparison(np.ones(20_000), errors, bound=0.03))
    assert result["rms_y"] == pytest.approx(3, rel=0.02)
    assert result["rms_x"] == pytest.approx(6, rel=0.02)
    assert result["rms"] == pytest.approx(np.sqrt((9 + 36) / 2), rel=0.02)
    assert result["bound"] == pytest.approx(3)
    assert result["joint_bound"] == pytest.approx(6)
    both = scores(comparison(np.ones(20_000), rng.normal(0, 0.03, (20_000, 2)), bound=0.03))
    assert both["times_bound"] == pytest.approx(1, rel=0.02)
    assert both["times_joint_bound"] == pytest.approx(0.5, rel=0.02)


def test_a_bound_beyond_the_tolerance_is_not_compared():
    result = scores(comparison(np.ones(10), np.full((10, 2), 0.1), bound=0.2))
    assert result["times_bound"] == pytest.approx(0.1 / 0.2 / 0.6745, rel=1e-3)
    assert result["joint_bound"] == pytest.approx(40)
    assert result["times_joint_bound"] is None


def test_groups():
    heights = np.array([1, 1, 3, 8])
    edges = np.array([True, False, False, True])
    result = scores(
        comparison([0, 1, 1, 1], np.zeros((4, 2)), heights=heights, edges=edges, filled=[1, 0, 0])
    )
    assert result["recall_single"] == 0.5
    assert result["recall_edge"] == 0.5
    assert result["vacancies"] == 3
    assert result["filled"] == pytest.approx(1 / 3)
    # In a sheet every column is a single atom, and that is no group.
    assert scores(comparison([1, 0], np.zeros((2, 2))))["recall_single"] is None


def test_nothing_to_tell_it_from():
    result = scores(comparison([], np.zeros((0, 2))))
    assert {result[name] for name in ("precision", "recall", "f1", "rms", "times_bound")} == {None}
    missed = scores(comparison([0, 0], np.zeros((2, 2)), bound=0.1))
    assert (missed["recall"], missed["f1"], missed["precision"]) == (0, 0, None)
    assert missed["rms"] is missed["bound"] is missed["times_bound"] is None


def test_by_height():
    heights = np.array([1, 1, 4, 4, 30])
    rows = by_height(comparison([1, 0, 1, 1, 1], np.full((5, 2), 0.1), heights=heights).sites)
    assert [(row["lowest"], row["sites"], row["recall"]) for row in rows] == [
        (1, 2, 0.5),
        (3, 2, 1.0),
        (17, 1, 1.0),
    ]
    assert rows[1]["rms"] == pytest.approx(10)


def test_share_of_nothing():
    assert share("x", 0, 0) == {"x": None, "x_interval": None}


def test_heights_that_are_told():
    result = comparison(np.ones(4), np.zeros((4, 2)), heights=[1, 1, 3, 4])
    assert scores(result)["height_error"] is None and scores(result)["heights_right"] is None
    told = comparison(
        np.ones(4), np.zeros((4, 2)), heights=[1, 1, 3, 4], height_errors=[0.2, -0.4, 0.6, np.nan]
    )
    assert scores(told)["height_error"] == pytest.approx(0.4)
    assert scores(told)["heights_right"] == pytest.approx(2 / 3)
    single, several = by_height(told.sites)
    assert single["height_error"] == pytest.approx(0.3) and single["heights_right"] == 1
    assert several["height_error"] == pytest.approx(0.6) and several["heights_right"] == 0
    assert several["heights_within_1"] == 0 and several["heights_within_2"] == 1


def test_calibration_of_heights():
    told = comparison(
        np.ones(6),
        np.zeros((6, 2)),
        heights=[1, 1, 3, 3, 4, 17],
        height_errors=[1.0, 0.0, -1.0, -2.0, np.nan, 0.0],
    )
    single, triple = calibration_of_heights(told.sites)
    assert single == {
        "height": 1, "columns": 2, "found": 1.5, "spread": 0.5, "sigma": 0.5, "error": 0.5
    }  # fmt: skip
    assert (triple["height"], triple["found"], triple["error"]) == (3, 1.5, 1.5)
    assert calibration_of_heights(told.sites[4:]) == []
