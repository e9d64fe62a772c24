# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ase.io
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest

from hyperspy_dlatoms import AtomPositions, LazyAtomPositions
from hyperspy_dlatoms.signals import _export

KINDS = ["single", "movie", "grid", "nothing", "empty movie"]


@pytest.fixture
def images():
    image = hs.signals.Signal2D(np.zeros((2, 3, 40, 60)))
    for axis, name in zip(image.axes_manager.navigation_axes, ("x", "time"), strict=True):
        axis.name = name
    for axis, name, offset in zip(image.axes_manager.signal_axes, "xy", (3, -2), strict=True):
        axis.name, axis.units, axis.scale, axis.offset = name, "nm", 0.02, offset
    return image


@pytest.fixture
def make():
    """Make positions of a kind with the calibration of `images`."""

    def make(kind, lazy=False):
        rng = np.random.default_rng(3)
        shape = {"movie": (3,), "grid": (2, 3), "empty movie": (2,)}.get(kind, (1,))
        frames = np.empty(shape, dtype=object)
        for number, index in enumerate(np.ndindex(shape)):
            count = 0 if "nothing" in kind or "empty" in kind else (4, 0, 7)[number % 3]
            frames[index] = rng.uniform(0, 40, (count, 6))
            frames[index][:, 5] = rng.integers(0, 2, count)
        single = kind in ("single", "nothing")
        atoms = AtomPositions(
            frames,
            axes=[] if single else [{"size": n, "navigate": True} for n in shape],
            metadata={
                "VectorMetadata": {
                    "column_names": ["y", "x", "probability", "y_sigma", "x_sigma", "species"],
                    "offsets": [-2.0, 3.0],
                    "scales": [0.02, 0.02],
                    "units": ["nm", "nm"],
                    "sampling": [0.2, 0.2],
                    "image_shape": [40, 60],
                    "species": ["Mo", "S"],
                }
            },
            ragged=True,
        )
        return atoms.as_lazy() if lazy else atoms

    return make


def same(first, second):
    assert first.axes_manager.navigation_shape == second.axes_manager.navigation_shape
    assert first.metadata.VectorMetadata.as_dictionary() == (
        second.metadata.VectorMetadata.as_dictionary()
    )
    pairs = [(one.data.compute() if one._lazy else one.data for one in (first, second))]
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape
        for one, other in zip(ours.ravel(), theirs.ravel(), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("load_lazy", [False, True])
def test_saved_and_loaded_the_same(make, kind, lazy, load_lazy, tmp_path):
    atoms = make(kind, lazy)
    atoms.metadata.General.title = "kept"
    path = tmp_path / "atoms.hspy"
    atoms.save(path)
    assert atoms._lazy is lazy
    loaded = hs.load(path, lazy=load_lazy)
    assert type(loaded) is (LazyAtomPositions if load_lazy else AtomPositions)
    assert loaded.metadata.General.title == "kept"
    same(loaded, make(kind))
    loaded.save(tmp_path / "again.hspy")
    same(hs.load(tmp_path / "again.hspy"), make(kind))


@pytest.mark.parametrize(("suffix", "method"), [(".csv", "to_csv"), (".cif", "to_ase")])
def test_tables_and_structures_are_no_signals(suffix, method, tmp_path):
    atoms = AtomPositions.from_frames(np.empty((0, 5)), sampling=0.2)
    with pytest.raises(ValueError, match=f"{suffix} is not a format for signals: use .*{method}"):
        atoms.save(tmp_path / f"atoms{suffix}")


@pytest.mark.parametrize("suffix", [".foo", ".tif", ".emd"])
def test_other_formats(make, suffix, tmp_path):
    message = rf"\{suffix} could not be written .*: save atoms as \.hspy"
    with pytest.raises(ValueError, match=message):
        make("single").save(tmp_path / f"atoms{suffix}")
    assert not list(tmp_path.iterdir())


def test_saved_again_under_its_own_name(make, tmp_path):
    make("single").save(tmp_path / "atoms.hspy")
    loaded = hs.load(tmp_path / "atoms.hspy")
    loaded.data[0] = loaded.data[0][:2]
    loaded.save(overwrite=True)
    assert len(hs.load(tmp_path / "atoms.hspy").data[0]) == 2


@pytest.mark.parametrize("lazy", [False, True])
def test_inav(make, lazy):
    grid = make("grid", lazy)
    column = grid.inav[2]
    assert column.axes_manager.navigation_shape == (2,)
    frame = grid.inav[2, 0]
    assert frame.axes_manager.navigation_shape == ()
    again = column.inav[0]
    same(frame, again)
    part = make("movie", lazy).inav[1:]
    assert part.axes_manager.navigation_shape == (2,)
    for sliced in (column, frame, again, part):
        assert type(sliced) is (LazyAtomPositions if lazy else AtomPositions)
        assert sliced.metadata.VectorMetadata.species == ["Mo", "S"]
    assert len(part.to_dataframe()) == 7
    assert len(frame.to_dataframe()) == 7
    assert make("movie", lazy).inav[-1].axes_manager.navigation_shape == ()
    assert make("movie", lazy).inav[...].axes_manager.navigation_shape == (3,)


def test_compute_and_deepcopy_keep_the_type(make):
    for kind in KINDS:
        atoms = make(kind, lazy=True)
        same(atoms.deepcopy(), make(kind))
        atoms.compute(show_progressbar=False)
        assert type(atoms) is AtomPositions
        same(atoms, make(kind))


@pytest.mark.parametrize("lazy", [False, True])
def test_table_of_one_frame(make, lazy):
    atoms = make("single", lazy)
    table = atoms.to_dataframe()
    assert list(table) == (
        ["y_px", "x_px", "y", "x", "probability", "y_sigma", "x_sigma", "species"]
        + ["y_nm", "x_nm", "y_sigma_nm", "x_sigma_nm"]
    )
    frame = make("single").data[0]
    np.testing.assert_array_equal(table[["y_px", "x_px"]], frame[:, :2])
    np.testing.assert_allclose(table.y, -2 + 0.02 * frame[:, 0])
    np.testing.assert_allclose(table.x, 3 + 0.02 * frame[:, 1])
    np.testing.assert_array_equal(table.probability, frame[:, 2])
    assert list(table.species) == [["Mo", "S"][int(kind)] for kind in frame[:, 5]]
    assert table.attrs["units"] == {"y": "nm", "x": "nm"}


@pytest.mark.parametrize("lazy", [False, True])
def test_table_of_many_frames(make, lazy):
    atoms = make("grid", lazy)
    table = atoms.to_dataframe()
    assert list(table)[:2] == ["index_0", "index_1"]
    frames = make("grid").data
    assert len(table) == sum(len(frame) for frame in frames.ravel())
    for (row, column), rows in table.groupby(["index_0", "index_1"]):
        np.testing.assert_array_equal(rows.y_px, frames[row, column][:, 0])


def test_table_names_its_navigation_axes(make):
    atoms = make("grid")
    for axis, name in zip(atoms.axes_manager.navigation_axes, ("x", "time"), strict=True):
        axis.name = name
    assert list(atoms.to_dataframe())[:4] == ["index_0", "index_1", "time", "x_1"]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("offset", [0.0, 10.3, 12.0])
def test_frames_keep_their_number_and_time(lazy, offset, tmp_path):
    atoms = AtomPositions.from_frames([np.full((1, 5), n) for n in range(9)], sampling=0.1)
    (time,) = atoms.axes_manager.navigation_axes
    time.name, time.units, time.scale, time.offset = "time", "ms", 40.0, offset
    atoms = atoms.as_lazy() if lazy else atoms

    def check(part, numbers):
        table = part.to_dataframe()
        assert table.index_0.tolist() == numbers
        np.testing.assert_array_equal(table.y_px, table.index_0)
        np.testing.assert_allclose(table.time, offset + 40 * table.index_0)
        assert table.attrs["units"]["time"] == "ms"

    check(atoms, list(range(9)))
    check(atoms.inav[2:5], [2, 3, 4])
    check(atoms.inav[2:5].inav[1:], [3, 4])
    check(atoms.inav[1::3], [1, 4, 7])
    check(atoms.inav[1::3].inav[1:], [4, 7])
    check(atoms.inav[-2:], [7, 8])
    check(atoms.inav[offset + 80.0 : offset + 200.0], [2, 3, 4])
    atoms.inav[2:5].save(tmp_path / "atoms.hspy")
    check(hs.load(tmp_path / "atoms.hspy", lazy=lazy), [2, 3, 4])
    again = hs.load(tmp_path / "atoms.hspy", lazy=lazy).inav[1:]
    check(again, [3, 4])
    again.to_csv(tmp_path / "atoms.csv")
    assert pd.read_csv(tmp_path / "atoms.csv").index_0.tolist() == [3, 4]
    assert "index_0" not in atoms.inav[3].to_dataframe()


@pytest.mark.parametrize(
    ("scale", "units", "numbers"),
    [(1, "", [2, 3]), (0.25, "s", [2, 3]), (5, "deg", [0, 1]), (5, "nonsense", [0, 1])],
)
def test_atoms_found_in_a_part_of_a_movie(make, scale, units, numbers):
    movie = hs.signals.Signal2D(np.zeros((4, 3, 3)))
    (axis,) = movie.axes_manager.navigation_axes
    axis.scale, axis.units = scale, units
    axes = [axis.get_axis_dictionary() for axis in movie.inav[2:].axes_manager.navigation_axes]
    vectors = make("movie").metadata.VectorMetadata.as_dictionary()
    data = np.empty(2, object)
    data[:] = [np.zeros((1, 6)), np.zeros((1, 6))]
    atoms = AtomPositions(data, axes=axes, metadata={"VectorMetadata": vectors}, ragged=True)
    assert atoms.to_dataframe().index_0.tolist() == numbers
    assert list(atoms.to_dataframe())[:2] == ["index_0", "y_px"]


def test_parts_of_a_grid_keep_their_numbers(make):
    grid = make("grid")
    table = grid.inav[1:, 1].to_dataframe()
    assert sorted(set(table.index_0)) == [2]
    table = grid.inav[::2, :].to_dataframe()
    assert set(zip(table.index_0, table.index_1, strict=True)) == {(0, 0), (0, 2), (1, 0), (1, 2)}


def test_table_of_nothing(make):
    for kind in ("nothing", "empty movie"):
        table = make(kind).to_dataframe()
        assert len(table) == 0
        assert "species" in table


def shown(marker):
    return np.asarray(marker._collection.get_offsets())


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("kind", "navigation"),
    [("single", ()), ("nothing", ()), ("movie", (3,)), ("empty movie", (2,)), ("grid", (2, 3))],
)
def test_markers_follow_the_images(make, images, kind, navigation, lazy, close_figures):
    signal = images.deepcopy()
    if len(navigation) < 2:
        signal = signal.inav[0, 0] if not navigation else signal.inav[: navigation[0], 0]
    atoms = make(kind, lazy)
    marker = atoms.to_markers()
    signal.plot()
    signal.add_marker(marker)
    frames = make(kind).data
    for index in np.ndindex(navigation):
        signal.axes_manager.indices = index[::-1]
        frame = frames[index if navigation else 0]
        expected = np.column_stack([3 + 0.02 * frame[:, 1], -2 + 0.02 * frame[:, 0]])
        np.testing.assert_allclose(shown(marker), expected)


def test_plot_on(make, images, close_figures):
    signal = images.inav[:, 0]
    make("movie").plot_on(signal, edgecolor="cyan")
    (collection,) = signal._plot.signal_plot.ax.collections
    np.testing.assert_allclose(collection.get_edgecolor(), [[0, 1, 1, 1]])
    assert len(collection.get_offsets()) == 4
    one = signal.inav[2]
    make("movie").inav[2].plot_on(one)
    assert len(one._plot.signal_plot.ax.collections[0].get_offsets()) == 7


def test_plot_on_other_images(make, images):
    with pytest.raises(ValueError, match=r"navigation shape \(3, 2\), the atoms \(3,\)"):
        make("movie").plot_on(images)


def test_ase(make):
    frame = make("single").data[0]
    atoms = make("single").to_ase()
    np.testing.assert_allclose(atoms.positions[:, 0], 0.2 * frame[:, 1])
    # Upwards, in an image of 40 rows.
    np.testing.assert_allclose(atoms.positions[:, 1], 0.2 * (39 - frame[:, 0]))
    downwards = make("single").to_ase(y_up=False)
    np.testing.assert_allclose(downwards.positions[:, 1], 0.2 * frame[:, 0])
    assert (atoms.positions[:, 2] == 0).all()
    np.testing.assert_allclose(atoms.cell.lengths(), [12, 8, 10])
    assert make("single").to_ase(thickness=3).cell.volume == pytest.approx(12 * 8 * 3)
    with pytest.raises(ValueError, match="thickness is 0"):
        make("single").to_ase(thickness=0)
    assert atoms.get_chemical_symbols() == [["Mo", "S"][int(kind)] for kind in frame[:, 5]]
    np.testing.assert_array_equal(atoms.get_array("probability"), frame[:, 2])
    np.testing.assert_allclose(atoms.get_array("x_sigma"), 0.2 * frame[:, 4])
    assert set(make("single").to_ase("Au").get_chemical_symbols()) == {"Au"}


@pytest.mark.parametrize("lazy", [False, True])
def test_ase_of_many_frames(make, lazy, tmp_path):
    models = make("grid", lazy).to_ase()
    assert [len(model) for model in models] == [4, 0, 7, 4, 0, 7]
    ase.io.write(tmp_path / "atoms.xyz", models, format="extxyz")
    again = ase.io.read(tmp_path / "atoms.xyz", ":", format="extxyz")
    for ours, theirs in zip(models, again, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lazy", [False, True])
def test_files_of_text(make, kind, lazy, tmp_path, monkeypatch):
    monkeypatch.setattr(_export, "_BLOCKS", 1)
    atoms = make(kind, lazy)
    if lazy and kind == "grid":
        atoms.data = atoms.data.rechunk((1, 2))
    elif lazy:
        atoms.data = atoms.data.rechunk(1)
    atoms.to_csv(tmp_path / "atoms.csv")
    assert atoms._lazy == lazy
    table = pd.read_csv(tmp_path / "atoms.csv")
    expected = make(kind).to_dataframe()
    assert list(table) == list(expected) and len(table) == len(expected)
    if len(table):
        pd.testing.assert_frame_equal(table, expected, rtol=1e-7, check_dtype=False)
    atoms.to_xyz(tmp_path / "atoms.xyz")
    structures = ase.io.read(tmp_path / "atoms.xyz", ":", format="extxyz")
    frames = make(kind).data.ravel()
    assert [len(one) for one in structures] == [len(frame) for frame in frames]
    np.testing.assert_allclose(structures[-1].positions[:, 0], 0.2 * frames[-1][:, 1], atol=1e-7)


def test_the_quality_of_frames_of_one_shape_is_recorded():
    frames = [np.full((3, 5), 0.5) + number for number in range(2)]
    atoms = AtomPositions.from_frames(frames, sampling=0.2).as_lazy()
    atoms.metadata.VectorMetadata.materials = ["Au"]
    atoms.metadata.VectorMetadata.model = "spots"
    atoms.record_quality()
    assert atoms._lazy


def test_a_text_file_that_fails_leaves_the_old_one(make, tmp_path):
    path = tmp_path / "atoms.xyz"
    path.write_text("before")
    with pytest.raises(ValueError, match="element is 'Gold'"):
        make("movie").to_xyz(path, "Gold")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_ase_element():
    columns = AtomPositions.from_frames(np.ones((2, 5)), sampling=0.1, species=["column"])
    assert columns.to_ase().get_chemical_symbols() == ["X", "X"]
    with pytest.raises(ValueError, match="element is 'Gold'"):
        columns.to_ase("Gold")


@pytest.mark.parametrize(
    "frames", [[], [np.zeros(3)], [np.zeros((2, 1))], [np.zeros((2, 3)), np.zeros((2, 4))]]
)
def test_frames_of_other_shapes(frames):
    with pytest.raises(ValueError, match=r"expected \(n, k\) with the same k"):
        AtomPositions.from_frames(frames, sampling=0.1)


@pytest.mark.parametrize("names", [None, ["Mo"]])
def test_frames_of_species_without_names(names):
    frames = [np.empty((0, 6)), np.ones((2, 6))]
    with pytest.raises(ValueError, match="give species, the names of the classes in order"):
        AtomPositions.from_frames(frames, sampling=0.1, species=names)


def test_positions_without_calibration():
    data = np.empty(1, dtype=object)
    data[0] = np.zeros((2, 5))
    atoms = AtomPositions(data, axes=[], ragged=True)
    with pytest.raises(ValueError, match="VectorMetadata lacks column_names"):
        atoms.to_dataframe()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("ragged", [None, False])
def test_numbers_of_frames_are_no_atoms(make, lazy, ragged):
    atoms = make("grid", lazy)
    numbers = atoms.map(len, inplace=False, ragged=ragged, show_progressbar=False)
    numbers.compute(show_progressbar=False) if numbers._lazy else None
    np.testing.assert_array_equal(numbers.data.astype(int), [[4, 0, 7], [4, 0, 7]])
    assert not isinstance(numbers, AtomPositions) and "3, 2|" in repr(numbers)
    assert type(atoms) is (LazyAtomPositions if lazy else AtomPositions)


def test_frames_mapped_to_frames_are_atoms(make):
    atoms = make("movie")
    first = atoms.map(lambda frame: frame[:1], inplace=False, show_progressbar=False)
    assert type(first) is AtomPositions and [len(one) for one in first.data] == [1, 0, 1]
    atoms.map(len, show_progressbar=False)
    assert "AtomPositions" not in repr(atoms) and list(atoms.data) == [4, 0, 7]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("inplace", [False, True])
def test_a_function_gets_the_frame_of_a_single_image(make, lazy, inplace):
    def mapped(function, **kwargs):
        atoms = make("single", lazy)
        result = atoms.map(function, inplace=inplace, show_progressbar=False, **kwargs)
        assert inplace or atoms.axes_manager.navigation_shape == ()
        signal = atoms if inplace else result
        signal.compute(show_progressbar=False) if signal._lazy else None
        return signal

    assert mapped(len, ragged=False).data == [4]
    assert mapped(len).data == [4]
    image = mapped(lambda frame: np.ones((2, 3)), ragged=False)
    assert type(image) is hs.signals.Signal2D and image.data.shape == (2, 3)
    some = mapped(lambda frame: frame[frame[:, 0] > 10])
    assert type(some) is AtomPositions and "in 1 image" in repr(some)
    (frame,) = make("single").data
    np.testing.assert_array_equal(some.data[0], frame[frame[:, 0] > 10])


def test_a_function_that_fails_leaves_a_single_image(make):
    atoms = make("single")
    with pytest.raises(ZeroDivisionError):
        atoms.map(lambda frame: frame / 0 if len(frame) == 0 else 1 / 0, show_progressbar=False)
    same(atoms, make("single"))


@pytest.mark.parametrize("ragged", [None, False])
def test_atoms_to_be_found_are_counted(spot_network, spot_images, ragged):
    signal, truth = spot_images(3, lazy=True)
    numbers = signal.find_atoms_nn().map(len, inplace=False, ragged=ragged)
    numbers.compute(show_progressbar=False)
    assert numbers.data.tolist() == [len(frame) for frame in truth]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "calculate",
    [
        lambda a: a.sum(),
        lambda a: a.mean(0),
        lambda a: a.nanmax(0),
        lambda a: a.diff(0),
        lambda a: a.derivative(0),
        lambda a: a.integrate1D(0),
        lambda a: a.integrate_simpson(0),
        lambda a: a.valuemax(0),
        lambda a: a.rebin(scale=[3]),
        lambda a: np.sum(a),
        lambda a: np.add(a, 1),
        lambda a: np.ones(3) * a,
        lambda a: np.float64(2) * a,
        lambda a: np.isnan(a),
        lambda a: np.mean(a),
        lambda a: np.median(a),
        lambda a: a == a,
        lambda a: a != None,  # noqa: E711
        lambda a: a.T,
        lambda a: a.as_signal1D(0),
        lambda a: a.change_dtype("float32"),
        lambda a: a.get_histogram(),
    ],
)
def test_frames_of_as_many_atoms_are_not_averaged(calculate, lazy):
    atoms = AtomPositions.from_frames([np.ones((4, 5))] * 3, sampling=0.2)
    with pytest.raises(TypeError, match=r"sums and means of atoms\.to_dataframe\(\)"):
        calculate(atoms.as_lazy() if lazy else atoms)


@pytest.mark.parametrize(
    "calculate",
    [lambda a: a + a, lambda a: a * 2, lambda a: a - 1.0, lambda a: -a, lambda a: a > 0.5],
)
def test_atoms_are_not_added_up(make, calculate):
    with pytest.raises(TypeError, match=r"AtomPositions\.stack"):
        calculate(make("movie"))


@pytest.mark.parametrize("lazy", [False, True])
def test_hyperspy_says_how_results_are_stacked(make, lazy, tmp_path):
    atoms = make("movie", lazy)
    for name in "ab":
        atoms.save(tmp_path / f"{name}.hspy")
    for stacked in (
        lambda: hs.stack([atoms, atoms]),
        lambda: hs.stack([atoms, atoms], axis=0),
        lambda: hs.load(str(tmp_path / "*.hspy"), stack=True, lazy=lazy),
    ):
        with pytest.raises(TypeError, match=r"AtomPositions\.stack"):
            stacked()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("function", [lambda f: f[:, :2], lambda f: np.hstack([f, f])])
def test_other_columns_make_a_plain_signal(make, function, lazy):
    mapped = make("movie", lazy).map(function, inplace=False, show_progressbar=False)
    if lazy:
        with pytest.raises(TypeError, match="returns no atoms with the columns y, x"):
            mapped.to_dataframe()
        mapped.compute(show_progressbar=False)
    assert type(mapped) is hs.signals.BaseSignal and "3|ragged" in repr(mapped)
    np.testing.assert_array_equal(mapped.data[2], function(make("movie").data[2]))


@pytest.mark.parametrize("kind", ["movie", "single"])
@pytest.mark.parametrize("lazy", [False, True])
def test_functions_of_columns_make_regular_signals(make, kind, lazy):
    atoms = make(kind, lazy)
    extents = atoms.map(_extent, inplace=False, ragged=False, show_progressbar=False, axes=2)
    extents.compute(show_progressbar=False) if lazy else None
    expected = [_extent(frame, 2) for frame in make(kind).data]
    np.testing.assert_array_equal(np.reshape(extents.data, (-1, 2)), expected)
    assert not isinstance(extents, AtomPositions) and extents.axes_manager.signal_shape == (2,)


def _extent(frame, axes=2):
    return np.append(frame[:, :axes], np.zeros((1, axes)), axis=0).max(axis=0)


def test_regular_frames_make_a_plain_signal():
    frames = np.arange(60.0).reshape(4, 3, 5)
    frames[1, 1, 3] = np.nan
    atoms = AtomPositions.from_frames(list(frames), sampling=0.2)
    atoms.ragged = False
    assert type(atoms) is hs.signals.Signal2D and "(4|5, 3)" in repr(atoms)
    np.testing.assert_array_equal(atoms.data, frames)


def test_frames_of_an_array_of_arrays(make):
    frames = make("movie").data
    atoms = AtomPositions.from_frames(frames, sampling=0.2, species=["Mo", "S"])
    assert atoms.axes_manager.navigation_shape == (3,)
    np.testing.assert_array_equal(atoms.data[2], frames[2])
