# SPDX-License-Identifier: GPL-3.0-or-later
"""The table and the figures of the quality of atoms."""

from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions
from hyperspy_dlatoms.analysis import flags
from hyperspy_dlatoms.signals import _axes, _export

SQUARE = 20.0 * np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2) + 10


def movie(*frames):
    columns = ("y_px", "x_px")
    return AtomPositions.from_array(
        list(frames), columns=columns, sampling=0.1, image_shape=(160, 160)
    )


def text_of(figure):
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_row_a_frame(lazy):
    atoms = movie(SQUARE, np.delete(SQUARE, 27, axis=0), np.empty((0, 2)), SQUARE[:4])
    atoms.metadata.VectorMetadata.domain = [0.5, 1.5, 0.5, 0.5]
    atoms.metadata.VectorMetadata.masked = [0.0, 0.0, 0.5, 0.0]
    table = (atoms.as_lazy() if lazy else atoms).quality()
    assert table.frame.tolist() == [0, 1, 2, 3]
    assert table.found.tolist() == [64, 63, 0, 4]
    assert table.expected.tolist()[:2] == [64, 64]
    assert table.holes.tolist()[:2] == [0, 1]
    assert table.expected[2:].isna().all() and table.agreement.isna().all()
    np.testing.assert_allclose(table.spacing_nm[:2], 0.2)
    assert table.remarks[0] == ""
    assert "domain 1.50" in table.remarks[1] and "1 place of the lattice" in table.remarks[1]
    assert "No atoms" in table.remarks[2] and "50 %" in table.remarks[2]
    assert "4 atoms are too few" in table.remarks[3]


def test_lazy_frames_are_searched_once_and_a_few_at_a_time(spot_network, spot_images, monkeypatch):
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)
    monkeypatch.setattr(_export, "_BLOCKS", 2)
    maps, looked = type(spot_network).maps, []
    monkeypatch.setattr(
        type(spot_network), "maps", lambda self, batch: looked.append(1) or maps(self, batch)
    )
    computed, compute = [], _export.dask.compute
    monkeypatch.setattr(
        _export.dask, "compute", lambda *parts: computed.append(parts[0].size) or compute(*parts)
    )
    signal, _ = spot_images(7, lazy=True)
    atoms = signal.find_atoms_nn("spots")
    table = atoms.quality()
    assert atoms._lazy and sum(looked) == 7
    assert max(computed) == 2 and sum(computed) == 7
    assert (table.masked == 0).all()
    now = signal.find_atoms_nn("spots", lazy_output=False).quality()
    assert now.equals(table)


def test_lazy_frames_in_other_chunks(spot_network, spot_images):
    signal, _ = spot_images(20)
    atoms = signal.find_atoms_nn("spots", lazy_output=True)
    assert atoms.data.numblocks == (1,)
    atoms.rechunk(nav_chunks=(1,))
    assert atoms.quality().equals(signal.find_atoms_nn("spots").quality())


def test_several_axes_and_time(spot_network, spot_images):
    signal, _ = spot_images(2, 3)
    axis = signal.axes_manager[0]
    axis.name, axis.units, axis.scale = "time", "s", 0.5
    table = signal.find_atoms_nn("spots").quality()
    assert list(table)[:3] == ["index_0", "index_1", "time_s"]
    assert table.time_s.tolist() == [0, 0.5, 1.0] * 2


def test_a_figure_of_a_frame(close_figures):
    import hyperspy.api as hs

    false = np.concatenate([np.delete(SQUARE, 27, axis=0), [[14.0, 12.0]]])
    rows = np.column_stack([false, np.full(len(false), 0.95)])
    atoms = AtomPositions.from_array(
        rows, columns=("y_px", "x_px", "probability"), sampling=0.1, image_shape=(160, 160)
    )
    image = hs.signals.Signal2D(np.random.default_rng(0).normal(size=(160, 160)))
    for figure in (atoms.plot_quality(), atoms.plot_quality(image)):
        text = text_of(figure)
        assert "64 atoms found" in text and "1 pair is closer" in text.replace("\n", " ")
        labels = [one.get_text() for one in figure.axes[0].get_legend().get_texts()]
        assert "2 too close" in labels and "1 hole" in labels
        assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]
        figure.canvas.draw()
    empty = AtomPositions.from_array(np.empty((0, 2)), sampling=0.1)
    assert "No atoms were found" in text_of(empty.plot_quality())
    one = AtomPositions.from_array(np.ones((1, 2)), sampling=0.1)
    assert "1 atom found" in text_of(one.plot_quality())


def test_a_figure_of_a_part_tells_of_the_atoms_in_it(close_figures, spot_network, spot_images):
    signal, _ = spot_images()
    atoms = signal.find_atoms_nn("spots")
    part = signal.isig[:50, :]
    here = np.count_nonzero(atoms.data.item()[:, 1] < 49.5)
    assert 1 < here < len(atoms.data.item())
    assert f"{here} atoms found" in text_of(atoms.plot_quality(part))


@pytest.mark.parametrize("shape", [(160, 160), (1600, 1600), (40, 160)])
def test_rings_of_a_figure_fit_the_lattice(close_figures, shape):
    places = np.stack(np.mgrid[10 : shape[0] : 16.0, 10 : shape[1] : 16.0], axis=-1).reshape(-1, 2)
    rows = np.column_stack([places, np.linspace(0.5, 1, len(places))])
    atoms = AtomPositions.from_array(
        rows, columns=("y_px", "x_px", "probability"), sampling=0.1, image_shape=shape
    )
    figure = atoms.plot_quality()
    figure.draw_without_rendering()
    axes = figure.axes[0]
    fine, doubtful = axes.collections
    for rings in (fine, doubtful):
        assert 8 < np.squeeze(rings.get_widths()) < 16
    # The legend covers no atoms.
    assert axes.get_legend().get_window_extent().y0 >= axes.bbox.y1
    np.testing.assert_array_equal(axes.images[0].get_array(), np.zeros(shape))


def test_numbers_of_few_atoms_are_short(close_figures):
    rows = np.column_stack([SQUARE[:3], [0.85, 0.9, 0.9]])
    columns = ("y_px", "x_px", "probability")
    axes = AtomPositions.from_array(rows, columns=columns, sampling=0.1).plot_quality().axes[2]
    axes.figure.draw_without_rendering()
    low, high = axes.get_ylim()
    ticks = [(one.get_position()[1], one.get_text()) for one in axes.get_yticklabels(which="both")]
    shown = {text for place, text in ticks if text and low <= place <= high}
    assert shown == {"1", "10"}


def test_a_figure_of_a_movie(close_figures):
    frames = [SQUARE] * 9 + [np.empty((0, 2))]
    figure = movie(*frames).plot_quality()
    text = text_of(figure)
    assert "10 frames, 9 without a remark" in text
    assert "1 frame with no atoms: 9" in text and "than usual: 9" in text
    assert "domain" not in [line.get_label() for line in figure.axes[2].lines]
    # The legends cover no lines.
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.bbox.y1 and legend.x1 <= axes.bbox.x1
    labels = [line.get_label() for line in figure.axes[1].lines]
    assert labels == ["too close", "holes", "off lattice", "doubtful"]
    with pytest.raises(ValueError, match="There are several frames"):
        movie(*frames).plot_quality(movie(*frames))


def test_atoms_on_the_lattice_are_selected():
    false = np.concatenate([SQUARE, [[14.0, 12.0], [60.0, 61.0]]])
    atoms = movie(false, SQUARE[:4])
    on = atoms.select(on_lattice=True)
    assert [len(frame) for frame in on.data] == [int(flags(false).on_lattice.sum()), 0]
    assert len(atoms.select(on_lattice=False).data[0]) == 2


@pytest.mark.usefixtures("close_figures")
def test_bars_of_one_atom_are_seen():
    atoms = AtomPositions.from_frames(
        np.column_stack([SQUARE, np.linspace(0.3, 1, len(SQUARE))]), sampling=0.1
    )
    axes = atoms.plot_quality().axes[2]
    assert axes.get_xlabel() == "probability"
    assert axes.get_ylim()[0] == 0.5
