# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.tracks import link, usual_range

LATTICE = 2.4 * np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2)


def movie(n=20, drift=(0.3, -0.1), missing=0.0, jitter=0.06, seed=0):
    """Frames of a drifting lattice in any order, and which site each atom is."""
    rng = np.random.default_rng(seed)
    frames, sites = [], []
    for number in range(n):
        order = rng.permutation(len(LATTICE))
        order = order[rng.random(len(LATTICE)) >= missing]
        moved = LATTICE[order] + number * np.array(drift)
        frames.append(moved + rng.normal(0, jitter, moved.shape))
        sites.append(order)
    return frames, np.concatenate(sites)


@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_each_site_is_a_track(missing):
    frames, sites = movie(missing=missing)
    linked = link(frames, usual_range(LATTICE), 3)
    assert linked.track.nunique() == len(LATTICE)
    assert linked.groupby(sites).track.nunique().max() == 1
    assert linked.frame.tolist() == np.repeat(np.arange(20), [len(f) for f in frames]).tolist()


def test_no_warnings_of_how_trackpy_uses_pandas():
    frames, _ = movie(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        link(frames, usual_range(LATTICE), 3)


def test_the_drift_is_that_of_the_lattice():
    frames, _ = movie()
    linked = link(frames, usual_range(LATTICE), 2)
    drift = linked.groupby("frame")[["y_drift", "x_drift"]].first().to_numpy()
    expected = np.arange(20)[:, None] * [0.3, -0.1]
    np.testing.assert_allclose(drift, expected, atol=0.1)
    assert (linked.groupby("frame").y_drift.nunique() == 1).all()


def test_an_atom_that_is_away_too_long_is_another_one():
    still = [LATTICE] * 8
    for number in (3, 4, 5):
        still[number] = LATTICE[1:]
    assert link(still, 1.0, 3).track.nunique() == len(LATTICE)
    assert link(still, 1.0, 2).track.nunique() == len(LATTICE) + 1


def test_tracks_are_numbered_as_they_begin():
    frames = [LATTICE[:3], LATTICE[:4], LATTICE[:5]]
    linked = link(frames, 1.0, 0)
    assert linked.track.tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4]


def test_frames_without_atoms():
    nothing = np.empty((0, 5))
    linked = link([nothing, LATTICE, nothing, LATTICE, nothing], 1.0, 0)
    assert linked.track.nunique() == len(LATTICE)
    assert sorted(linked.frame.unique()) == [1, 3]
    for frames in ([], [nothing], [nothing, nothing]):
        assert list(link(frames, 1.0, 0)) == ["frame", "track", "y_drift", "x_drift"]
        assert len(link(frames, 1.0, 0)) == 0


@pytest.mark.parametrize("nothing", [{3, 4}, {0, 5}])
def test_the_drift_goes_on_across_frames_without_atoms(nothing):
    frames = [LATTICE + number * np.array([0.3, -0.2]) for number in range(8)]
    seen = [np.empty((0, 2)) if number in nothing else frame for number, frame in enumerate(frames)]
    linked = link(seen, 2.0, 0)
    assert linked.track.nunique() == len(LATTICE)
    drift = linked.groupby("frame")[["y_drift", "x_drift"]].first()
    elapsed = drift.index.to_numpy()[:, None] - drift.index[0]
    np.testing.assert_allclose(drift, elapsed * [0.3, -0.2], atol=1e-9)


@pytest.mark.parametrize("false", [[[50.0, 50.0]], [[50.0, 50.0], [1.9, -0.9]]])
def test_the_drift_goes_on_across_a_frame_with_nothing_but_false_atoms(false):
    frames = [LATTICE + number * np.array([0.3, -0.2]) for number in range(8)]
    frames[4] = np.array(false)
    linked = link(frames, 1.0, 1)
    drift = linked.groupby("frame")[["y_drift", "x_drift"]].first().drop(4)
    np.testing.assert_allclose(drift, drift.index.to_numpy()[:, None] * [0.3, -0.2], atol=0.03)


def test_a_drift_beyond_the_range_is_followed_across_a_frame_of_false_atoms():
    # It grows by 0.2 Å each frame, to beyond the range of 1 Å.
    drift = 0.1 * np.arange(10.0) ** 2
    frames = [LATTICE + shift for shift in drift]
    frames[7] = np.array([[50.0, 50.0]])
    linked = link(frames, 1.0, 1)
    assert linked.track.nunique() == len(LATTICE) + 1
    measured = linked.groupby("frame").y_drift.first().drop(7)
    np.testing.assert_allclose(measured, np.delete(drift, 7), atol=1e-9)


def test_frames_without_an_atom_in_common():
    linked = link([LATTICE, LATTICE + 100, LATTICE + 100, LATTICE], 1.0, 0)
    assert linked.groupby("frame").track.agg(["min", "max"]).to_numpy().tolist() == [
        [0, 63],
        [64, 127],
        [64, 127],
        [128, 191],
    ]
    assert (linked[["y_drift", "x_drift"]] == 0).all(axis=None)


def test_a_single_frame():
    linked = link([LATTICE], 1.0, 0)
    assert linked.track.tolist() == list(range(len(LATTICE)))
    assert (linked[["y_drift", "x_drift"]] == 0).all(axis=None)


def test_the_range_follows_the_distance_of_neighbours():
    assert usual_range(LATTICE) == pytest.approx(0.4 * 2.4)
    with pytest.raises(ValueError, match="1 atoms"):
        usual_range(LATTICE[:1])


def test_trackpy_keeps_quiet_and_its_logger_as_it_was(capsys):
    logger = logging.getLogger("trackpy")
    before = logger.level
    link([LATTICE] * 3, 1.0, 0)
    assert logger.level == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"search_range": 0.0}, "search_range"),
        ({"search_range": np.nan}, "search_range"),
        ({"memory": -1}, "memory"),
        ({"memory": 1.5}, "memory"),
        ({"memory": True}, "memory"),
    ],
)
def test_arguments_that_make_no_sense(options, named):
    with pytest.raises(ValueError, match=named):
        link([LATTICE] * 2, **({"search_range": 1.0, "memory": 0} | options))


def test_a_range_that_is_too_large_is_said():
    rng = np.random.default_rng(0)
    frames = [LATTICE + rng.normal(0, 0.1, LATTICE.shape) for _ in range(2)]
    with pytest.raises(ValueError, match="smaller search_range"):
        link(frames, 12.0, 0)
