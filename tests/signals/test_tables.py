# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables with units in their names, and positions from tables and arrays."""

from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest

from hyperspy_dlatoms import AtomPositions, jumps, residence

NAMES = ["y", "x", "probability", "y_sigma", "x_sigma", "species"]


@pytest.fixture
def movie():
    """Four frames, 0.5 s apart, from number 3 on, at 0.2 Å/px in images that start elsewhere."""
    rng = np.random.default_rng(0)
    frames = np.empty(4, object)
    for number, count in enumerate((3, 0, 4, 2)):
        frames[number] = rng.random((count, 6)) * [40, 60, 1, 1, 1, 2] // [1e-9] * 1e-9
        frames[number][:, 5] = frames[number][:, 5] // 1
        frames[number] = frames[number][np.argsort(frames[number][:, 0])]
    vectors = {
        "column_names": NAMES,
        "offsets": [-2.0, 3.0],
        "scales": [0.02, 0.02],
        "units": ["nm", "nm"],
        "sampling": [0.2, 0.2],
        "image_shape": [40, 60],
        "species": ["Mo", "S"],
    }
    axis = {"size": 4, "navigate": True, "name": "time", "units": "s", "scale": 0.5, "offset": 1.5}
    return AtomPositions(frames, axes=[axis], metadata={"VectorMetadata": vectors}, ragged=True)


@pytest.mark.parametrize(
    ("unit", "size"), [("nm", 0.02), ("pm", 20), ("angstrom", 0.2), ("Å", 0.2), ("px", 1)]
)
def test_one_unit_in_one_table(movie, unit, size, tmp_path):
    name = "angstrom" if unit == "Å" else unit
    table = movie.to_dataframe(units=unit)
    lengths = [f"{one}_{name}" for one in ("y", "x", "y_sigma", "x_sigma")]
    assert list(table) == ["frame", "time_s", *lengths, "probability", "species"]
    rows = np.concatenate(list(movie.data))
    origin = [0, 0] if unit == "px" else [-100, 150]
    np.testing.assert_allclose(table[lengths[:2]], size * (rows[:, :2] + origin))
    np.testing.assert_allclose(table[lengths[2:]], size * rows[:, 3:5])
    assert table.frame.tolist() == [3, 3, 3, 5, 5, 5, 5, 6, 6]
    np.testing.assert_allclose(table.time_s, 0.5 * table.frame)
    movie.as_lazy().to_csv(tmp_path / "atoms.csv", units=unit)
    written = pd.read_csv(tmp_path / "atoms.csv")
    pd.testing.assert_frame_equal(written, table, rtol=1e-6, check_dtype=False)


def test_the_columns_of_earlier_releases_stay(movie):
    table = movie.to_dataframe()
    earlier = ["index_0", "time", "y_px", "x_px", "y", "x", *NAMES[2:]]
    assert list(table)[:10] == earlier
    beside = ["frame", "time_s", "y_nm", "x_nm", "y_sigma_nm", "x_sigma_nm"]
    assert list(table)[10:] == beside
    np.testing.assert_allclose(table[["y", "x"]], table[["y_nm", "x_nm"]])
    assert table.attrs["units"] == {"y": "nm", "x": "nm", "time": "s"}


@pytest.mark.parametrize("units", [None, "nm"])
def test_times_since_long_ago(movie, units, tmp_path):
    axis = movie.axes_manager[0]
    axis.offset, axis.scale = 1.7e9, 0.1
    movie.to_csv(tmp_path / "atoms.csv", units=units)
    table = pd.read_csv(tmp_path / "atoms.csv")
    assert sorted(set(table.time_s)) == [1.7e9, 1700000000.2, 1700000000.3]
    assert "1700000000.2," in (tmp_path / "atoms.csv").read_text()


def test_units_that_are_none(movie):
    with pytest.raises(ValueError, match="units is 'mm': expected one of nm, pm, angstrom, px"):
        movie.to_dataframe(units="mm")
    with pytest.raises(ValueError, match="units is 2"):
        movie.to_csv("nowhere.csv", units=2)


def test_the_sampling_counts_and_axes_may_run_downwards():
    atoms = AtomPositions.from_array(np.array([[10.0, 20.0]]), sampling=0.3)
    vectors = atoms.metadata.VectorMetadata
    # Not calibrated, of a part that starts at pixel 5; y was turned.
    vectors.units, vectors.scales, vectors.offsets = ["", ""], [-1.0, 1.0], [0.0, 5.0]
    table = atoms.to_dataframe(units="nm")
    np.testing.assert_allclose(table[["y_nm", "x_nm"]], [[-0.3, 0.75]])


@pytest.mark.parametrize(
    ("axis", "name"),
    [
        ({"name": "time", "units": "ms"}, "time_ms"),
        ({"name": "", "units": "s"}, "time_s"),
        ({"name": "tilt", "units": "°"}, "tilt_°"),
        ({"name": "number"}, "number"),
        # A scan, whose axis has the name of a column.
        ({"name": "x", "units": "nm"}, "x_0_nm"),
        ({}, None),
    ],
)
def test_names_of_axes(axis, name):
    atoms = AtomPositions.from_array([np.ones((1, 2))] * 2, sampling=0.1)
    for key, value in axis.items():
        setattr(atoms.axes_manager[0], key, value)
    expected = ["frame", *([name] if name else []), "y_nm", "x_nm"]
    assert list(atoms.to_dataframe(units="nm")) == expected


@pytest.mark.parametrize(
    ("name", "unit", "label"),
    [("frame", "", "frame_0"), ("x", "px", "x_0_px"), ("y", "nm", "y_0_nm")],
)
@pytest.mark.parametrize("units", [None, "nm", "px"])
def test_an_axis_named_like_a_column_of_atoms(name, unit, label, units, tmp_path):
    sites = np.array([[4.0, 7.0], [9.0, 2.0]])
    atoms = AtomPositions.from_frames([sites] * 3, sampling=0.2)
    axis = atoms.axes_manager[0]
    axis.name, axis.units, axis.scale, axis.offset = name, unit, 0.5, -2.0
    atoms = atoms.inav[1:]
    atoms.to_csv(tmp_path / "atoms.csv", units=units)
    for table in (atoms.to_dataframe(units=units), pd.read_csv(tmp_path / "atoms.csv")):
        assert table.frame.tolist() == [1, 1, 2, 2] and table.frame.dtype.kind == "i"
        assert table[label].tolist() == [-1.5, -1.5, -1.0, -1.0]
        again = AtomPositions.from_dataframe(table, sampling=0.2)
        np.testing.assert_allclose(again.data[1], sites)
        np.testing.assert_allclose(again.axes_manager[0].axis, [-1.5, -1.0])


@pytest.mark.parametrize("units", [None, "nm"])
def test_two_axes_of_which_one_is_called_frame(units):
    movie = AtomPositions.from_frames([np.ones((1, 2))] * 3, sampling=0.2)
    movie.axes_manager[0].name = "frame"
    table = AtomPositions.stack([movie, movie], new_axis_name="file").to_dataframe(units=units)
    with pytest.raises(ValueError, match="several navigation axes"):
        AtomPositions.from_dataframe(table, sampling=0.2)


def test_two_axes():
    data = np.empty((2, 3), object)
    for index in np.ndindex(2, 3):
        data[index] = np.ones((1, 2))
    one = AtomPositions.from_array(np.ones((1, 2)), sampling=0.1)
    axes = [{"size": size, "navigate": True} for size in (2, 3)]
    atoms = AtomPositions(data, axes=axes, metadata=one.metadata.as_dictionary(), ragged=True)
    assert list(atoms.to_dataframe(units="px")) == ["index_0", "index_1", "y_px", "x_px"]


def test_tables_come_back(movie, tmp_path):
    movie.to_csv(tmp_path / "atoms.csv")
    tables = [movie.to_dataframe(), pd.read_csv(tmp_path / "atoms.csv")]
    tables.append(movie.to_dataframe(units="px"))
    for table in tables:
        again = AtomPositions.from_dataframe(table, sampling=0.2, image_shape=(40, 60))
        assert again.metadata.VectorMetadata.column_names == [*NAMES]
        assert again.metadata.VectorMetadata.species == ["Mo", "S"]
        # Frame 4 has no atoms; numbers and times go on.
        for ours, frame in zip(again.data, movie.data, strict=True):
            np.testing.assert_allclose(ours, frame, rtol=1e-6)
        pd.testing.assert_frame_equal(
            again.to_dataframe(units="px"), movie.to_dataframe(units="px"), rtol=1e-6
        )
        axis = again.axes_manager[0]
        assert (axis.name, axis.units) == ("time", "s")
        assert (axis.scale, axis.offset) == pytest.approx((0.5, 1.5))


@pytest.mark.parametrize("units", [None, "nm", "pm", "px"])
def test_positions_in_cropped_images_come_back(units):
    atoms = AtomPositions.from_array(np.array([[10.0, 20.0], [12.0, 5.0]]), sampling=0.1)
    vectors = atoms.metadata.VectorMetadata
    vectors.units, vectors.scales, vectors.offsets = ["nm", "nm"], [-0.01, 0.01], [3.0, 4.0]
    table = atoms.to_dataframe(units=units)
    again = AtomPositions.from_dataframe(table, sampling=0.1)
    np.testing.assert_allclose(again.data[0], atoms.data[0])
    expected = atoms.to_dataframe(units="nm")
    pd.testing.assert_frame_equal(again.to_dataframe(units="nm"), expected)


def test_lengths_of_others_start_at_the_first_pixel():
    table = pd.DataFrame({"y_nm": [1.0], "x_nm": [2.0]})
    again = AtomPositions.from_dataframe(table, sampling=0.1)
    np.testing.assert_allclose(again.data[0], [[100, 200]])


@pytest.mark.parametrize("units", [None, "px"])
@pytest.mark.parametrize(
    ("name", "unit", "values"),
    [
        ("stack_element", "", None),
        ("tilt", "°", None),
        ("time", "s", [0.0, 1.0, 5.0]),
        ("dose", "", [9.0, 4.0, 0.0]),
    ],
)
def test_axes_come_back(name, unit, values, units, tmp_path):
    atoms = AtomPositions.from_array([np.ones((count, 2)) for count in (1, 2, 1)], sampling=0.1)
    axis = atoms.axes_manager[0]
    axis.name, axis.units = name, unit
    if values is not None:
        axis.convert_to_non_uniform_axis()
        axis.axis = np.array(values)
    atoms.to_csv(tmp_path / "atoms.csv", units=units)
    for table in (atoms.to_dataframe(units=units), pd.read_csv(tmp_path / "atoms.csv")):
        again = AtomPositions.from_dataframe(table, sampling=0.1)
        assert again.metadata.VectorMetadata.column_names == ["y", "x"]
        ours = again.axes_manager[0]
        # A table of one unit does not say where the name ends.
        assert ours.name == (f"{name}_{unit}" if units and unit == "°" else name)
        assert ours.is_uniform == (values is None)
        np.testing.assert_allclose(ours.axis, axis.axis)


@pytest.mark.parametrize("units", [None, "nm"])
def test_axes_of_one_frame_come_back(units):
    atoms = AtomPositions.from_array([np.ones((1, 2))] * 3, sampling=0.1)
    atoms.axes_manager[0].name = "tilt"
    atoms = atoms.inav[2:]
    again = AtomPositions.from_dataframe(atoms.to_dataframe(units=units), sampling=0.1)
    assert again.metadata.VectorMetadata.column_names == ["y", "x"]
    assert again.axes_manager[0].axis.tolist() == [2]
    assert again.to_dataframe(units="px").frame.tolist() == [2]


def test_frames_without_atoms_have_no_value_of_an_axis():
    table = pd.DataFrame({"frame": [0, 0, 1, 3], "time_s": [0.0, 0, 1, 7], "y_px": 1.0, "x_px": 1})
    with pytest.raises(ValueError, match="The values of time are not evenly spaced"):
        AtomPositions.from_dataframe(table, sampling=0.1)


def test_values_of_atoms_are_no_axis():
    table = pd.DataFrame({"frame": [0, 0, 1], "height": [1.0, 2, 3], "y_px": 1.0, "x_px": 1.0})
    for one in (table, table[1:]):
        again = AtomPositions.from_dataframe(one, sampling=0.1)
        assert again.metadata.VectorMetadata.column_names == ["y", "x", "height"]


def test_tables_of_two_axes_are_refused():
    one = AtomPositions.from_array([np.ones((2, 2)), np.zeros((1, 2))], sampling=0.1)
    table = AtomPositions.stack([one, one]).to_dataframe()
    with pytest.raises(ValueError, match="several navigation axes.*Take one movie"):
        AtomPositions.from_dataframe(table, sampling=0.1)
    picked = table[table.index_0 == 0].rename(columns={"index_1": "frame"})
    again = AtomPositions.from_dataframe(picked, sampling=0.1)
    assert again.metadata.VectorMetadata.column_names == ["y", "x"]
    assert [len(frame) for frame in again.data] == [2, 1]


def test_tables_of_earlier_releases_come_back(movie):
    table = movie.to_dataframe()
    earlier = table.drop(columns=[name for name in table if name.endswith("_nm")])
    for table in (earlier, earlier.drop(columns=["frame", "time_s"])):
        again = AtomPositions.from_dataframe(table, sampling=0.2)
        np.testing.assert_allclose(again.data[2], movie.data[2])
        assert again.metadata.VectorMetadata.column_names == NAMES


def test_positions_of_others_have_all_methods(close_figures, tmp_path):
    side = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2) * 2.5
    table = pd.DataFrame({"y_angstrom": side[:, 0], "x_angstrom": side[:, 1], "intensity": 1.5})
    atoms = AtomPositions.from_dataframe(table, sampling=0.1, image_shape=(200, 200))
    assert atoms.metadata.VectorMetadata.column_names == ["y", "x", "intensity"]
    np.testing.assert_allclose(atoms.data[0][:, :2], 10 * side[np.lexsort(side[:, ::-1].T)])
    image = hs.signals.Signal2D(np.zeros((200, 200)))
    atoms.plot_on(image)
    assert atoms.quality().expected[0] == 64
    assert len(atoms.select(intensity=(1, 2), x=(0, 50)).data[0]) == 24
    assert len(atoms.to_ase("Au")) == 64
    atoms.save(tmp_path / "atoms.hspy")
    assert len(hs.load(tmp_path / "atoms.hspy").to_dataframe()) == 64


def test_frames_of_a_table():
    table = pd.DataFrame({"frame": [7, 5, 7], "y_px": [3.0, 1, 2], "x_px": [1.0, 2, 3]})
    atoms = AtomPositions.from_dataframe(table, sampling=1)
    assert [len(frame) for frame in atoms.data] == [1, 0, 2]
    assert atoms.to_dataframe(units="px").frame.tolist() == [5, 7, 7]
    assert len(AtomPositions.from_dataframe(table, sampling=1, n_frames=9).data) == 9
    none = AtomPositions.from_dataframe(table[:0], sampling=1, n_frames=2)
    assert [frame.shape for frame in none.data] == [(0, 2)] * 2
    assert AtomPositions.from_dataframe(table[:0], sampling=1).data.shape == (0,)
    with pytest.raises(ValueError, match="n_frames is 6, but frame goes to 7"):
        AtomPositions.from_dataframe(table, sampling=1, n_frames=6)
    for wrong, says in ((0.5, "not whole"), (-1, "from -1 to"), (np.nan, "not whole")):
        with pytest.raises(ValueError, match=says):
            AtomPositions.from_dataframe(table.assign(frame=[0, 1, wrong]), sampling=1)


def test_species_of_a_table():
    table = pd.DataFrame({"y_px": [1.0, 2], "x_px": [1.0, 2], "species": ["W", "Se"]})
    atoms = AtomPositions.from_dataframe(table, sampling=1)
    assert atoms.metadata.VectorMetadata.species == ["Se", "W"]
    assert atoms.species_counts().loc[0].tolist() == [1, 1]
    given = AtomPositions.from_dataframe(table, sampling=1, species=["W", "S", "Se"])
    assert given.data[0][:, 2].tolist() == [0, 2]
    numbers = table.assign(species=[0, 1])
    assert AtomPositions.from_dataframe(numbers, sampling=1, species=["W", "Se"]).data[0][1, 2] == 1
    for one, species, says in (
        (table, ["W"], "has the species Se"),
        (numbers, None, "numbers from 0 to 1, but there are 0 names"),
    ):
        with pytest.raises(ValueError, match=says):
            AtomPositions.from_dataframe(one, sampling=1, species=species)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"y_px": None}, r"expected y_px and x_px \(or y_nm"),
        ({"y_px": [1.0, np.nan]}, "not finite"),
        ({"y_sigma_px": [1.0, 1.0]}, "a sigma along only one"),
        ({"y_sigma": [1.0, 1.0]}, "no unit in its name: call it y_sigma_px"),
        ({"label": ["a", "b"]}, "The column label is not numeric"),
    ],
)
def test_tables_that_make_no_sense(changes, says):
    table = pd.DataFrame({"y_px": [1.0, 2.0], "x_px": [1.0, 2.0]})
    for name, values in changes.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    with pytest.raises(ValueError, match=says):
        AtomPositions.from_dataframe(table, sampling=1)


@pytest.mark.parametrize(
    ("sampling", "error"), [(0, ValueError), (np.inf, ValueError), ("0.1", TypeError)]
)
def test_samplings_that_make_no_sense(sampling, error):
    with pytest.raises(error, match="sampling is"):
        AtomPositions.from_array(np.ones((1, 2)), sampling=sampling)


@pytest.mark.parametrize("sampling", [-1, 0, np.nan])
def test_frames_need_a_sampling(sampling):
    with pytest.raises(ValueError, match="sampling is"):
        AtomPositions.from_frames(np.ones((1, 2)), sampling=sampling)


def test_arrays():
    array = np.array([[1.0, 20.0, 0.5], [3.0, 10.0, 0.25]])
    atoms = AtomPositions.from_array(array, columns=("x_px", "y_px", "height"), sampling=0.1)
    np.testing.assert_array_equal(atoms.data[0], [[10, 3, 0.25], [20, 1, 0.5]])
    movie = AtomPositions.from_array([array[:, :2], np.empty((0, 2))], sampling=0.1)
    assert [len(frame) for frame in movie.data] == [2, 0]
    with pytest.raises(ValueError, match=r"shape \(2, 3\): expected \(n, 2\)"):
        AtomPositions.from_array(array, sampling=0.1)
    with pytest.raises(ValueError, match="There are no arrays"):
        AtomPositions.from_array([], sampling=0.1)


@pytest.fixture
def tracked():
    """Two atoms that drift by 1 px a frame, 0.25 s each; one jumps by 10 px after four frames."""
    frames = []
    for number in range(8):
        places = np.array([[10.0, 10.0], [40.0, 40.0]]) + [number, 0]
        if number >= 4:
            places[1, 1] += 10
        frames.append(places)
    atoms = AtomPositions.from_array(frames, sampling=0.5)
    axis = atoms.axes_manager[0]
    axis.name, axis.units, axis.scale = "time", "s", 0.25
    return atoms.tracks(search_range=2.0)


def test_durations_in_the_unit_of_the_time_axis(tracked, tmp_path):
    tracked.to_csv(tmp_path / "tracks.csv", index=False)
    for table in (tracked, pd.read_csv(tmp_path / "tracks.csv")):
        stays = residence(table)
        assert stays.duration.tolist() == [8, 4, 4]
        np.testing.assert_allclose(stays.duration_s, [2, 1, 1])
        np.testing.assert_allclose(stays.x_nm, [0.5, 2, 2.5])
        (jump,) = jumps(table, max_distance=10, max_gap=1).itertuples()
        assert (jump.time_s, jump.distance_nm) == pytest.approx((1.0, 0.5))
    without = tracked.drop(columns=["time_s", "y_steady_nm", "x_steady_nm"])
    assert list(residence(without)) == ["first", "last", "frames", "duration", "y", "x", "complete"]
    assert list(jumps(without, 10))[-1] == "distance"
    assert list(jumps(tracked, 0.1)) == list(jumps(tracked, 10))


@pytest.mark.parametrize("name", ["t", "Time", "frame time"])
def test_durations_of_written_tracks_whatever_the_time_is_called(name, tmp_path):
    atoms = AtomPositions.from_array([np.array([[10.0, 10.0], [40.0, 40.0]])] * 4, sampling=0.5)
    axis = atoms.axes_manager[0]
    axis.name, axis.units, axis.scale = name, "ms", 0.25
    atoms.tracks().to_csv(tmp_path / "tracks.csv", index=False)
    stays = residence(pd.read_csv(tmp_path / "tracks.csv"))
    np.testing.assert_allclose(stays.duration_ms, 1.0)


def test_tracks_in_nm(tracked):
    np.testing.assert_allclose(tracked.y_drift_nm, 0.05 * tracked.frame, atol=1e-12)
    np.testing.assert_allclose(tracked.y_steady_nm, tracked.y_nm - tracked.y_drift_nm)
    assert (tracked.particle == tracked.track).all()


def test_trackpy_takes_tracks(tracked):
    trackpy = pytest.importorskip("trackpy")
    # Å from the axes; 4 frames a second.
    still = tracked.assign(x=tracked.x_steady, y=tracked.y_steady)
    moved = trackpy.emsd(tracked[tracked.track == 0], mpp=1, fps=4)
    np.testing.assert_allclose(moved.index[:2], [0.25, 0.5])
    np.testing.assert_allclose(moved.iloc[:2], [0.25, 1.0])
    assert trackpy.emsd(still, mpp=1, fps=4).max() < 1e-12
    linked = trackpy.link(tracked.drop(columns="particle"), 2.0, pos_columns=["y_px", "x_px"])
    assert linked.particle.nunique() == 3


def test_the_index_of_a_written_table_is_no_column(tmp_path):
    table = pd.DataFrame({"y_px": [1.0, 2.0], "x_px": [3.0, 4.0], "height": [5.0, 6.0]})
    table.to_csv(tmp_path / "atoms.csv")
    atoms = AtomPositions.from_dataframe(pd.read_csv(tmp_path / "atoms.csv"), sampling=0.1)
    assert atoms.metadata.VectorMetadata.column_names == ["y", "x", "height"]
