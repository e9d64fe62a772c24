# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions belong to pixels, whatever the axes of the images are now."""

from __future__ import annotations

import warnings

import hyperspy.api as hs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms import AtomPositions, DLAtomsWarning, SamplingWarning

SHAPE = (40, 60)
SITES = np.array(
    [[3.0, 50.0, 0.9, 0.1, 0.2], [20.0, 5.0, 0.8, 0.1, 0.2], [33.0, 31.5, 0.7, 0.1, 1]]
)


def image(scale=0.02, units="nm", offsets=(0.0, 0.0), shape=SHAPE, frames=()):
    signal = hs.signals.Signal2D(np.zeros((*frames, *shape)))
    for axis, name, offset in zip(
        signal.axes_manager.signal_axes, "xy", offsets[::-1], strict=True
    ):
        axis.name, axis.scale, axis.units, axis.offset = name, scale, units, offset
    return signal


def found_in(signal, sampling=0.2, lazy=False):
    """Positions as `find_atoms_nn` describes them."""
    x, y = signal.axes_manager.signal_axes
    navigation = [axis.get_axis_dictionary() for axis in signal.axes_manager.navigation_axes[::-1]]
    number = signal.axes_manager.navigation_size or 1
    data = np.empty(number, object)
    data[:] = [SITES.copy() for _ in range(number)]
    vectors = {
        "column_names": ["y", "x", "probability", "y_sigma", "x_sigma"],
        "offsets": [y.offset, x.offset],
        "scales": [y.scale, x.scale],
        "units": [axis.units if isinstance(axis.units, str) else "" for axis in (y, x)],
        "sampling": [sampling, sampling],
        "image_shape": [y.size, x.size],
    }
    atoms = AtomPositions(data, axes=navigation, metadata={"VectorMetadata": vectors}, ragged=True)
    return atoms.as_lazy() if lazy else atoms


def pixels_drawn(atoms, signal):
    """The pixels of the image that the atoms are drawn at, y and x."""
    offsets = np.asarray(atoms.to_markers(signal=signal).kwargs["offsets"])
    x, y = signal.axes_manager.signal_axes
    return np.column_stack(
        [(offsets[:, 1] - y.offset) / y.scale, (offsets[:, 0] - x.offset) / x.scale]
    )


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ((1.0, "", (0, 0)), (0.02, "nm", (0, 0))),
        ((0.02, "nm", (0, 0)), (20.0, "pm", (0, 0))),
        ((0.02, "nm", (0, 0)), (0.0213, "nm", (0, 0))),
        ((0.02, "nm", (0, 0)), (0.0213, "nm", (-0.777, 1.3))),
        ((0.02, "nm", (1, 2)), (1.0, "", (0, 0))),
        ((0.02, "nm", (0, 0)), (0.02, "1/nm", (0, 0))),
    ],
)
def test_recalibrated_since(then, now):
    atoms = found_in(image(*then), sampling=0.19)
    signal = image(*now)
    np.testing.assert_allclose(pixels_drawn(atoms, signal), SITES[:, :2])
    table = atoms.to_dataframe(signal)
    np.testing.assert_allclose(table[["y_px", "x_px"]], SITES[:, :2])
    np.testing.assert_allclose(table.x, now[2][1] + now[0] * SITES[:, 1])
    assert table.attrs["units"] == {"y": now[1], "x": now[1]}
    length = {"nm": 10, "pm": 0.01}.get(now[1])
    changed = length and now[:2] != (20.0, "pm")
    expected = now[0] * length if changed else 0.19
    np.testing.assert_allclose(atoms.to_ase(signal=signal).positions[:, 0], expected * SITES[:, 1])
    # What they were found with stays.
    np.testing.assert_allclose(atoms.to_ase().positions[:, 0], 0.19 * SITES[:, 1])


calibrations = st.sampled_from([(1.0, ""), (0.02, "nm"), (0.2, "Å"), (-0.02, "nm")])


@given(
    calibrations,
    st.tuples(*(st.sampled_from([0, 0, 1.37, -7.3]) for _ in "yx")),
    *(st.tuples(*(st.integers(0, side - 1) for _ in range(2))) for side in SHAPE),
    st.sampled_from([None, "pm", "Å"]),
)
def test_cropped_with_isig(calibration, offsets, rows, columns, converted):
    whole = image(*calibration, offsets)
    (top, bottom), (left, right) = sorted(rows), sorted(columns)
    part = whole.isig[left : right + 1, top : bottom + 1]
    if converted and calibration[1]:
        part.axes_manager.convert_units("signal", converted)
    corner = np.array([top, left])
    inside = (SITES[:, :2] >= corner - 0.5) & (SITES[:, :2] < [bottom + 0.5, right + 0.5])
    expected = SITES[inside.all(axis=1), :2] - corner
    np.testing.assert_allclose(pixels_drawn(found_in(whole), part), expected, atol=1e-6)
    # And back: those found in a part, on the whole.
    drawn = pixels_drawn(found_in(part), whole) - corner
    (height, width) = SHAPE
    there = SITES[:, :2] + corner
    expected = SITES[((there < [height - 0.5, width - 0.5]) & (there >= -0.5)).all(axis=1), :2]
    if part.data.shape == whole.data.shape:
        expected = SITES[:, :2]
    np.testing.assert_allclose(drawn, expected, atol=1e-6)


def test_binned_since():
    whole = image(offsets=(1.0, -2.0))
    binned = whole.rebin(scale=(2, 2))
    expected = (SITES[:, :2] + 0.5) / 2 - 0.5
    np.testing.assert_allclose(pixels_drawn(found_in(whole), binned), expected)
    structure = found_in(whole).to_ase(signal=binned)
    # The first pixel is four times as large, and its centre elsewhere.
    upwards = binned.data.shape[0] - 1 - expected[:, 0]
    np.testing.assert_allclose(structure.positions[:, 1], 0.4 * upwards)
    np.testing.assert_allclose(structure.get_array("x_sigma"), 0.2 * SITES[:, 4])
    np.testing.assert_allclose(structure.cell.lengths(), [12, 8, 10])
    part = binned.isig[5:, 3:]
    inside = ((expected - [3, 5]) >= -0.5).all(axis=1)
    np.testing.assert_allclose(
        pixels_drawn(found_in(whole), part), expected[inside] - [3, 5], atol=1e-9
    )


def test_calibrated_and_then_cropped():
    signal = image(1.0, "")
    atoms = found_in(signal)
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.0213, "nm"
    expected = SITES[[0, 2], :2] - [2, 13]
    np.testing.assert_allclose(pixels_drawn(atoms, signal.isig[13:, 2:]), expected)


@pytest.mark.parametrize(
    "signal",
    [
        image(shape=(20, 31), scale=0.0213),
        image(shape=(50, 70), scale=0.0213),
        image(shape=(20, 30), offsets=(0.013, 0)),
        image(shape=(20, 30), offsets=(5.0, 5.0)),
        image(shape=(20, 30), scale=0.02, units="1/nm"),
        image(shape=(20, 30), scale=1.0, units=""),
        # Cropped before or after the calibration?
        image(shape=(20, 30), scale=0.04, offsets=(0.4, 0.4)),
    ],
)
def test_images_of_another_size_whose_axes_do_not_say_which_part(signal, close_figures):
    atoms = found_in(image())
    for call in (atoms.plot_on, atoms.to_dataframe, atoms.to_csv, atoms.to_markers):
        with pytest.raises(ValueError, match="do not say which part they are"):
            call(**({"path": "nowhere.csv"} if call == atoms.to_csv else {}), signal=signal)


def test_an_origin_elsewhere_is_told():
    atoms = found_in(image())
    with pytest.warns(SamplingWarning, match="by 10 and -20 pixels along y and x"):
        drawn = pixels_drawn(atoms, image(offsets=(0.2, -0.4)))
    np.testing.assert_allclose(drawn, SITES[:, :2])
    with warnings.catch_warnings(action="error"):
        pixels_drawn(atoms, image(offsets=(0.213, 0)))


def test_other_frames_are_told():
    movie = image(frames=(6,))
    atoms = found_in(movie)
    with pytest.warns(DLAtomsWarning, match="starts 2 frames from that of the atoms"):
        atoms.inav[:3].to_dataframe(movie.inav[2:5])
    with warnings.catch_warnings(action="error"):
        atoms.inav[2:5].to_dataframe(movie.inav[2:5])


@pytest.mark.parametrize(
    ("turn", "says"),
    [
        (lambda s: s.isig[:, ::-1], "run opposite .* along y: taken to be the same pixels"),
        (lambda s: s.isig[::-1, ::-1], "along y and x: taken"),
        (lambda s: s.inav[::-1], "runs opposite .* are the frames reversed"),
    ],
)
def test_what_was_turned_around_is_told(turn, says):
    movie = image(frames=(6,), offsets=(1.0, -2.0))
    with pytest.warns(DLAtomsWarning, match=says):
        found_in(movie).to_dataframe(turn(movie))
    with warnings.catch_warnings(action="error"):
        found_in(turn(movie)).to_dataframe(turn(movie))
        found_in(movie).inav[::-1].to_dataframe(movie.inav[::-1])


def test_positions_from_elsewhere_must_lie_in_the_image():
    atoms = AtomPositions.from_frames(SITES, sampling=0.2)
    np.testing.assert_allclose(pixels_drawn(atoms, image(offsets=(3, 3))), SITES[:, :2])
    with pytest.raises(ValueError, match="1 of 3 atoms lie outside the images"):
        pixels_drawn(atoms, image(shape=(40, 50)))


def test_non_uniform_axes():
    signal = image()
    signal.axes_manager.signal_axes[0].convert_to_non_uniform_axis()
    with pytest.raises(ValueError, match="non-uniform"):
        found_in(image()).to_dataframe(signal)


def test_spectra():
    with pytest.raises(ValueError, match="1 signal axes: expected images"):
        found_in(image()).to_dataframe(hs.signals.Signal1D(np.zeros(5)))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_part_of_a_movie(lazy, close_figures, tmp_path):
    movie = image(frames=(6,))
    time = movie.axes_manager.navigation_axes[0]
    time.name, time.units, time.scale, time.offset = "time", "s", 0.5, 10.3
    atoms = found_in(movie, lazy=lazy)
    part = movie.inav[2:5].isig[20:, :]
    picked = atoms.inav[2:5]
    table = picked.to_dataframe(part)
    assert list(table)[:2] == ["index_0", "time"]
    assert table.index_0.tolist() == [2, 2, 3, 3, 4, 4]
    np.testing.assert_allclose(table.time, 10.3 + 0.5 * table.index_0)
    assert table.attrs["units"] == {"y": "nm", "x": "nm", "time": "s"}
    picked.plot_on(part, by="probability")
    (collection,) = part._plot.signal_plot.ax.collections
    np.testing.assert_allclose(collection.get_offsets(), [[1.0, 0.06], [0.63, 0.66]])
    assert len(collection.get_edgecolor()) == 2
    assert picked._lazy == lazy
    picked.to_csv(tmp_path / "atoms.csv", part)
    assert len((tmp_path / "atoms.csv").read_text().splitlines()) == 7
    picked.to_xyz(tmp_path / "atoms.xyz", signal=part)
    assert (tmp_path / "atoms.xyz").read_text().splitlines()[0] == "2"
