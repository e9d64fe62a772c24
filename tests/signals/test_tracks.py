# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks, from the user's side."""

from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions, jumps, residence
from hyperspy_dlatoms.signals import _axes
from tests.helpers.spots import calibrate, spots

SITES = np.array([[20.0, 20.0], [20.0, 50.0], [50.0, 20.0], [50.0, 80.0]])


@pytest.fixture
def movie(spot_network, monkeypatch):
    """A movie that drifts by 2 px a frame, of which one atom jumps by 30 px after five frames."""
    import hyperspy.api as hs

    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)
    images = []
    for number in range(10):
        sites = SITES + [0, 1.5 * number / 2]
        if number >= 5:
            sites[2, 1] += 25
        images.append(spots(sites))
    signal = hs.signals.Signal2D(np.stack(images))
    calibrate(signal)
    return signal


@pytest.mark.parametrize("lazy", [False, True])
def test_atoms_are_followed_and_their_jumps_found(movie, lazy):
    atoms = (movie.as_lazy() if lazy else movie).find_atoms_nn("spots")
    table = atoms.tracks()
    assert len(table) == 4 * 10
    assert table.track.nunique() == 5
    # nm: 0.75 px of 0.01 nm in each of nine steps.
    last = table[table.frame == 9]
    np.testing.assert_allclose(last.x_drift, 9 * 0.0075, atol=0.004)
    np.testing.assert_allclose(table.x - table.x_drift, table.x_steady)
    stays = residence(table)
    assert sorted(stays.frames) == [5, 5, 10, 10, 10]
    assert table.groupby("track").x_steady.std().max() < 0.004
    (jump,) = jumps(table, max_distance=0.4).itertuples()
    assert jump.frame == 5
    assert jump.distance == pytest.approx(0.25, abs=0.02)


def test_rows_are_those_of_the_table(movie):
    atoms = movie.find_atoms_nn("spots")
    table, plain = atoms.tracks(), atoms.to_dataframe()
    assert (table.frame == plain.index_0).all()
    assert (table[list(plain)] == plain).all(axis=None)


def test_a_lazy_movie_is_computed_once(movie, monkeypatch, spot_network):
    looked = []
    maps = type(spot_network).maps
    monkeypatch.setattr(
        type(spot_network),
        "maps",
        lambda self, batch: looked.append(1) or maps(self, batch),
    )
    movie.as_lazy().find_atoms_nn("spots").tracks()
    assert sum(looked) == 10


def test_one_axis_is_time():
    alone = AtomPositions.from_frames(SITES, sampling=0.1)
    with pytest.raises(ValueError, match="There are 0 navigation axes"):
        alone.tracks()


def test_no_atoms_at_all():
    atoms = AtomPositions.from_frames([np.empty((0, 5))] * 3, sampling=0.1)
    table = atoms.tracks()
    assert len(table) == 0
    assert {"track", "frame", "y_steady"} <= set(table)


def test_the_range_is_needed_where_there_is_one_atom():
    atoms = AtomPositions.from_frames([SITES[:1]] * 3, sampling=0.1)
    with pytest.raises(ValueError, match="give search_range"):
        atoms.tracks()
    assert atoms.tracks(search_range=1.0).track.nunique() == 1


def test_atoms_that_appear_and_vanish_between_empty_frames_are_complete():
    frames = [np.zeros((0, 2)), *[SITES[:2]] * 2, SITES[:1], np.zeros((0, 2))]
    tracks = AtomPositions.from_frames(frames, sampling=0.1).tracks(search_range=1.0)
    assert tracks.attrs["empty_frames"] == [0, 4]
    assert residence(tracks)["complete"].tolist() == [True, True]
    later = AtomPositions.from_frames([frames[1], *frames], sampling=0.1).inav[1:]
    tracks = later.tracks(search_range=1.0)
    assert tracks.attrs["empty_frames"] == [1, 5]
    assert residence(tracks)["complete"].tolist() == [True, True]


def test_atoms_that_are_all_there_twice_have_no_distance():
    atoms = AtomPositions.from_frames([np.repeat(SITES, 2, axis=0)] * 3, sampling=0.1)
    with pytest.raises(ValueError, match="coincide with another one.*search_range"):
        atoms.tracks()
    # With a range each of the two is followed.
    assert atoms.tracks(search_range=1.0).groupby("track").size().tolist() == [3] * 8
