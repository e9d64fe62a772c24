# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dask
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest

from hyperspy_dlatoms import AtomPositions


def result(*counts, sampling=0.2, columns=5, **vectors):
    rng = np.random.default_rng(sum(counts))
    frames = [rng.random((count, columns)) for count in counts]
    atoms = AtomPositions.from_frames(frames, sampling=sampling, species=["Au"])
    atoms.metadata.VectorMetadata.add_dictionary(vectors)
    return atoms


def same(stacked, frames):
    assert [len(frame) for frame in stacked.data.flat] == [len(frame) for frame in frames]
    for ours, theirs in zip(stacked.data.flat, frames, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("counts", [(3, 4), (3, 3), (0, 0)])
def test_single_images_become_a_movie(counts, tmp_path):
    single = [result(count).inav[0] for count in counts]
    stacked = AtomPositions.stack(single, new_axis_name="file")
    assert stacked.axes_manager.navigation_shape == (2,)
    assert list(stacked.to_dataframe().file) == [0] * counts[0] + [1] * counts[1]
    same(stacked, [one.data[0] for one in single])
    stacked.save(tmp_path / "atoms.hspy")
    same(hs.load(tmp_path / "atoms.hspy"), [one.data[0] for one in single])


def test_movies_along_a_new_axis():
    movies = [result(2, 1, 3, domain=[0.1, 0.2, 0.3]), result(0, 1, 4, domain=[0.4, 0.5, 0.6])]
    stacked = AtomPositions.stack(iter(movies))
    assert stacked.axes_manager.navigation_shape == (3, 2)
    same(stacked, [frame for movie in movies for frame in movie.data])
    assert stacked.inav[1, 1].metadata.VectorMetadata.domain == [0.5]


def test_the_halves_of_a_movie():
    movie = result(2, 1, 3, 0, 2, domain=[0.1, 0.2, 0.3, 0.4, 0.5])
    movie.metadata.VectorMetadata.drift = np.random.default_rng(1).random((5, 3, 2))
    movie.axes_manager[0].name, movie.axes_manager[0].scale = "time", 0.5
    stacked = AtomPositions.stack([movie.inav[:2], movie.inav[2:]], axis="time")
    same(stacked, movie.data)
    assert stacked.axes_manager.as_dictionary() == movie.axes_manager.as_dictionary()
    vectors, expected = stacked.metadata.VectorMetadata, movie.metadata.VectorMetadata
    assert vectors.domain == expected.domain
    np.testing.assert_array_equal(vectors.drift, expected.drift)
    pd.testing.assert_frame_equal(stacked.to_dataframe(), movie.to_dataframe())


@pytest.mark.parametrize("scale", [0.5, -0.5])
def test_parts_of_a_movie_keep_their_times_without_the_frames_between(scale, tmp_path):
    movie = result(2, 1, 3, 2, 2, 1)
    axis = movie.axes_manager[0]
    axis.name, axis.units, axis.scale, axis.offset = "time", "s", scale, 3.0
    stacked = AtomPositions.stack([movie.inav[:2], movie.inav[4:]], axis="time")
    expected = 3.0 + scale * np.array([0, 1, 4, 5])
    np.testing.assert_allclose(stacked.axes_manager[0].axis, expected)
    assert stacked.axes_manager[0].units == "s"
    stacked.save(tmp_path / "atoms.hspy")
    again = hs.load(tmp_path / "atoms.hspy").to_dataframe(units="nm")
    np.testing.assert_allclose(again.time_s, np.repeat(expected, [2, 1, 2, 1]))


def test_movies_that_begin_at_the_same_time_go_on_evenly():
    movie = result(2, 1, 3)
    movie.axes_manager[0].scale = 0.5
    stacked = AtomPositions.stack([movie, movie], axis=0)
    np.testing.assert_allclose(stacked.axes_manager[0].axis, 0.5 * np.arange(6))


def test_the_halves_of_a_movie_whose_axis_has_a_formula():
    movie = result(2, 1, 3)
    movie.axes_manager[0].name = "dose"
    movie.axes_manager[0].convert_to_functional_data_axis(expression="2 ** x")
    halves = [movie.inav[:1], movie.inav[1:]]
    stacked = AtomPositions.stack(halves, axis="dose")
    assert stacked.axes_manager.navigation_shape == (3,)
    np.testing.assert_allclose(stacked.axes_manager["dose"].axis, [1, 2, 4])
    assert list(stacked.to_dataframe().dose) == [1, 1, 2, 4, 4, 4]


def test_along_one_of_two_axes():
    rows = [AtomPositions.stack([result(1, 2), result(3, 4)]) for _ in range(2)]
    stacked = AtomPositions.stack(rows, axis=0)
    assert stacked.axes_manager.navigation_shape == (4, 2)
    assert [len(frame) for frame in stacked.data.flat] == [1, 2, 1, 2, 3, 4, 3, 4]


def test_one_lazy_result_makes_it_lazy():
    movie = result(2, 1)
    stacked = AtomPositions.stack([movie, movie.as_lazy()])
    assert stacked._lazy
    with dask.config.set(scheduler="synchronous"):
        stacked.compute()
    same(stacked, [*movie.data, *movie.data])


def test_found_atoms_of_lazy_images(spot_network, spot_images):
    signal, _ = spot_images(2)
    found = [signal.as_lazy().find_atoms_nn() for _ in range(2)]
    stacked = AtomPositions.stack(found, axis=0)
    stacked.compute()
    same(stacked, [*signal.find_atoms_nn().data] * 2)


def test_what_differs_is_not_kept():
    stacked = AtomPositions.stack([result(1, model="a", threshold=0.3), result(1, model="b")])
    vectors = stacked.metadata.VectorMetadata
    assert not vectors.has_item("model") and not vectors.has_item("threshold")
    assert vectors.sampling == [0.2, 0.2]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (result(1, sampling=0.21), "differ in their sampling"),
        (result(1, columns=4), "differ in their columns"),
        (result(1, image_shape=[8, 8]), "differ in their size of the images"),
        (result(1, units=["nm", "nm"]), "differ in their units"),
        (result(1, offsets=[0.0, 1.0]), "differ in their offset"),
        (result(1, species=["Pt"]), "differ in their species"),
        (result(1, 1), "navigation shapes"),
    ],
)
def test_results_that_do_not_fit(other, message):
    with pytest.raises(ValueError, match=message):
        AtomPositions.stack([result(1), other])


def test_axes_that_do_not_fit():
    slow = result(1, 1)
    slow.axes_manager[0].scale = 2.0
    with pytest.raises(ValueError, match="different scale"):
        AtomPositions.stack([result(1, 1), slow], axis=0)


def test_single_images_have_no_axis_along_which_they_continue():
    single = [result(count).inav[0] for count in (1, 2)]
    with pytest.raises(ValueError, match="single images"):
        AtomPositions.stack(single, axis=0)


def test_results_that_are_put_together_stay_as_they_are():
    one = result(2, 1)
    stacked = AtomPositions.stack([one, one])
    stacked.metadata.VectorMetadata.column_names += ["mine"]
    stacked.data[1, 0][:] = 99
    assert one.metadata.VectorMetadata.column_names[-1] == "x_sigma"
    assert one.data[0].max() < 1 and stacked.data[0, 0].max() < 1


def test_nothing_and_other_signals():
    with pytest.raises(ValueError, match="no results"):
        AtomPositions.stack([])
    with pytest.raises(TypeError, match="expected AtomPositions"):
        AtomPositions.stack([result(1), hs.signals.Signal1D(np.zeros(3))])
