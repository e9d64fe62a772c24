# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from hyperspy_dlatoms import jumps, residence


def tracks_of(*atoms):
    """Make a table of atoms, each from one frame to another at a place."""
    rows = [
        (frame, number, *place)
        for number, (first, last, place) in enumerate(atoms)
        for frame in range(first, last + 1)
    ]
    table = pd.DataFrame(rows, columns=["frame", "track", "y_steady", "x_steady"])
    return table.sort_values(["frame", "track"], ignore_index=True)


def test_residence():
    tracks = tracks_of((0, 9, (1, 2)), (2, 5, (3, 4)), (6, 9, (5, 6)))
    tracks = tracks[~((tracks.track == 1) & (tracks.frame == 3))]
    table = residence(tracks)
    assert table["frames"].tolist() == [10, 3, 4]
    assert table["duration"].tolist() == [10, 4, 4]
    assert table["complete"].tolist() == [False, True, False]
    assert table[["y", "x"]].to_numpy().tolist() == [[1, 2], [3, 4], [5, 6]]


def test_empty_frames_before_and_after_are_of_the_movie():
    tracks = tracks_of((1, 8, (1, 2)), (2, 5, (3, 4)), (1, 7, (5, 6)))
    assert residence(tracks)["complete"].tolist() == [False, True, False]
    tracks.attrs["empty_frames"] = [0, 9, 10]
    assert residence(tracks)["complete"].tolist() == [True, True, True]
    # A part of the movie is cut from frames with atoms.
    assert residence(tracks[tracks.frame < 7])["complete"].tolist() == [False, True, False]


def test_durations_of_frames_in_reverse_are_positive():
    tracks = tracks_of((0, 3, (1, 2)), (1, 2, (3, 4)))
    tracks["time_s"] = 7.5 - 0.5 * tracks.frame
    assert residence(tracks).duration_s.tolist() == [2.0, 1.0]


def test_a_jump_is_the_end_of_a_track_and_the_beginning_of_another():
    tracks = tracks_of(
        (0, 9, (0, 0)), (0, 4, (0, 3)), (5, 9, (0, 6)), (5, 9, (0, 20)), (7, 9, (1, 3))
    )
    (jump,) = jumps(tracks, 4.0).itertuples()
    assert (jump.frame, jump.track, jump.to_track) == (5, 1, 2)
    assert (jump.y, jump.x, jump.to_y, jump.to_x, jump.distance) == (0, 3, 0, 6, 3)
    late = jumps(tracks, 1.5, max_gap=3)
    assert late[["frame", "track", "to_track"]].to_numpy().tolist() == [[7, 1, 4]]
    assert len(jumps(tracks, 1.5)) == 0


def test_each_track_is_of_one_jump():
    tracks = tracks_of((0, 4, (0, 0)), (0, 4, (0, 5)), (5, 9, (0, 2)))
    (jump,) = jumps(tracks, 6.0).itertuples()
    assert (jump.track, jump.to_track, jump.distance) == (0, 2, 2)
    chain = tracks_of((0, 3, (0, 0)), (4, 7, (0, 2)), (8, 11, (0, 4)))
    assert jumps(chain, 3.0)[["track", "to_track"]].to_numpy().tolist() == [[0, 1], [1, 2]]
    # Two ends in different frames compete for one beginning: the first one has it.
    late = tracks_of((0, 3, (0, 0)), (0, 4, (0, 1)), (5, 9, (0, 2)))
    assert jumps(late, 3.0, max_gap=2).track.tolist() == [0]


def test_the_most_jumps_are_found_over_gaps():
    tracks = tracks_of((0, 3, (0, 0)), (0, 4, (0, 4)), (5, 9, (0, 1.5)), (4, 9, (0, -2)))
    table = jumps(tracks, 3.0, max_gap=2)
    assert table[["track", "to_track"]].to_numpy().tolist() == [[0, 3], [1, 2]]
    # The earlier end has another beginning, farther away, and the later one has none.
    tracks = tracks_of((0, 3, (0, 0)), (0, 4, (0, 3)), (5, 9, (0, 1)), (5, 9, (0, -3)))
    table = jumps(tracks, 3.0, max_gap=2)
    assert table[["track", "to_track"]].to_numpy().tolist() == [[0, 3], [1, 2]]


def test_gaps_and_distances_are_inclusive():
    for gap in (1, 2, 3):
        tracks = tracks_of((0, 4, (0.1, 0.2)), (4 + gap, 9, (0.1, 0.5)))
        for max_gap in (1, 2, 3):
            assert len(jumps(tracks, 0.5 - 0.2, max_gap=max_gap)) == (gap <= max_gap)
    # At the same frame, or before, there is no jump.
    for first in (2, 3, 4):
        tracks = tracks_of((0, 4, (0, 0)), (first, 9, (0, 1)))
        assert len(jumps(tracks, 2.0, max_gap=3)) == 0


def test_short_tracks_are_noise():
    tracks = tracks_of((0, 4, (0, 0)), (5, 6, (0, 2)))
    assert len(jumps(tracks, 3.0)) == 0
    assert len(jumps(tracks, 3.0, min_frames=2)) == 1


def test_nothing():
    empty = tracks_of()
    assert len(residence(empty)) == 0
    table = jumps(empty, 1.0)
    assert len(table) == 0
    assert list(table)[-1] == "distance"


@pytest.mark.parametrize("function", [residence, lambda table: jumps(table, 1.0)])
def test_a_table_of_something_else(function):
    with pytest.raises(ValueError, match="lacks y_steady, x_steady"):
        function(pd.DataFrame({"frame": [0], "track": [0]}))


@pytest.mark.parametrize("function", [residence, partial(jumps, max_distance=1.0)])
def test_joined_tables_of_several_movies(function):
    one = pd.DataFrame({"frame": [0, 1, 2], "track": 0, "y_steady": 0.0, "x_steady": 0.0})
    with pytest.raises(ValueError, match="tables of several movies"):
        function(pd.concat([one, one.assign(x_steady=9.0)]))


@pytest.mark.parametrize(
    "options", [{"max_distance": 0}, {"max_distance": np.inf}, {"max_gap": 0}, {"min_frames": 0}]
)
def test_arguments_that_make_no_sense(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        jumps(tracks_of((0, 3, (0, 0))), **({"max_distance": 1.0} | options))
