# SPDX-License-Identifier: GPL-3.0-or-later
"""Interactive mode: the tool, its widgets and the mouse, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from hyperspy.ui_registry import UI_REGISTRY
from matplotlib.backend_bases import MouseEvent

from hyperspy_dlatoms import data
from hyperspy_dlatoms._extras import MissingExtraError
from hyperspy_dlatoms.detection import pipeline
from hyperspy_dlatoms.signals import _atoms_tool, _blocks

pytestmark = pytest.mark.usefixtures("close_figures")
DEFAULTS = _blocks.SearchOptions(None, None, False, "warn")
# A corner of the images without atoms, x and y in nm.
FREE = (3.03, -1.97)
OUTPUT = _blocks.Output(False, None, None)


def open_tool(signal, model="spots", sampling=None, search=DEFAULTS, output=OUTPUT):
    return _atoms_tool.AtomsTool(signal, model, sampling, search, output)


def widgets_of(tool):
    return tool.gui(display=False, toolkit="ipywidgets")["ipywidgets"]["wdict"]


def mouse(signal, name, place, key=None):
    """Synthesise an event at x and y in the units of the axes."""
    axes = signal._plot.signal_plot.ax
    # As drawing does.
    axes.apply_aspect()
    canvas = axes.figure.canvas
    x, y = axes.transData.transform(place)
    canvas.callbacks.process(name, MouseEvent(name, canvas, x, y, 1, key))


def click(signal, place, key=None):
    mouse(signal, "button_press_event", place, key)
    mouse(signal, "button_release_event", place, key)


def draw(signal, tool, places):
    tool.drawing = True
    mouse(signal, "button_press_event", places[0])
    for place in places[1:]:
        mouse(signal, "motion_notify_event", place)
    mouse(signal, "button_release_event", places[-1])


def place_of(tool, row):
    return tool._calibration().in_axis_units(tool._shown[row : row + 1])[0, ::-1]


def rings(tool):
    return len(tool._rings._collection.get_offsets())


def same(found, expected):
    assert found.data.shape == expected.data.shape
    for one, other in zip(found.data.flat, expected.data.flat, strict=True):
        np.testing.assert_array_equal(one, other)
    ours, theirs = (one.metadata.VectorMetadata.as_dictionary() for one in (found, expected))
    assert ours == theirs


@pytest.fixture
def runs(monkeypatch):
    """Count the frames that go through the network."""
    counted = []
    run = pipeline.survey
    monkeypatch.setattr(
        pipeline, "survey", lambda *args, **more: counted.append(1) or run(*args, **more)
    )
    return counted


@pytest.mark.parametrize("toolkit", ["ipywidgets", "traitsui"])
def test_widgets_are_registered(toolkit):
    specs = UI_REGISTRY["hyperspy_dlatoms.Signal2D.find_atoms_nn"][toolkit]
    assert specs["module"].startswith("hyperspy_dlatoms.")


def test_frames_are_shown_as_they_are_browsed(spot_network, spot_images, runs):
    signal, truth = spot_images(3)
    tool = open_tool(signal)
    for index in (0, 2, 1, 2, 0):
        signal.axes_manager.indices = (index,)
        assert rings(tool) == len(truth[index])
        assert tool.status.startswith(f"{len(truth[index])} atom")
    # The network ran once on each.
    assert len(runs) == 3
    tool.threshold = 0.71
    assert rings(tool) == 0
    tool.threshold = 0.3
    assert rings(tool) == len(truth[0])
    assert len(runs) == 3


def test_ok_gives_what_the_method_gives(spot_network, spot_images):
    signal, _ = spot_images(2, 2)
    signal.find_atoms_nn("spots")
    tool = open_tool(signal)
    with pytest.raises(ValueError, match="expected positions from find_atoms_nn"):
        tool.result.to_dataframe()
    assert "press OK" in repr(tool.result)
    widgets = widgets_of(tool)
    widgets["threshold"].value = 0.6
    widgets["ok"].click()
    same(tool.result, signal.find_atoms_nn("spots", threshold=0.6))
    assert not tool.is_open
    assert signal._plot is None or not signal._plot.is_active
    assert not signal.axes_manager.events.indices_changed.connected


def test_lazy_stays_lazy_without_edits(spot_network, spot_images):
    signal, truth = spot_images(2, lazy=True)
    tool = open_tool(signal)
    tool.apply()
    assert type(tool.result).__name__ == "LazyAtomPositions"
    tool.result.compute()
    assert [len(frame) for frame in tool.result.data] == [len(one) for one in truth]


def test_clicks_add_and_remove(spot_network, spot_images):
    signal, truth = spot_images(3)
    tool = open_tool(signal)
    signal.axes_manager.indices = (1,)
    number = len(truth[1])
    click(signal, FREE)
    assert rings(tool) == number + 1
    click(signal, FREE)
    assert rings(tool) == number + 1
    assert "There is already an atom here" in tool.status
    removed = tool._shown[0]
    click(signal, place_of(tool, 0), "shift")
    assert rings(tool) == number
    assert "1 added and 1 removed by hand" in tool.status
    # It stays removed under another threshold, and comes back when that is undone.
    tool.threshold = 0.4
    assert rings(tool) == number
    tool.undo()
    assert rings(tool) == number + 1
    click(signal, place_of(tool, 0), "shift")
    tool.apply()
    plain = signal.find_atoms_nn("spots", threshold=0.4)
    assert len(tool.result.data[1]) == len(plain.data[1])
    assert np.hypot(*(tool.result.data[1][:, :2] - removed).T).min() > 3
    assert len(tool.result.metadata.VectorMetadata.edits) == 2
    np.testing.assert_array_equal(tool.result.data[0], plain.data[0])


def test_an_added_atom_that_is_removed_leaves_no_trace(spot_network, spot_images):
    signal, _ = spot_images()
    tool = open_tool(signal)
    click(signal, FREE)
    click(signal, FREE, "shift")
    assert tool.edits == []
    click(signal, FREE, "shift")
    assert "no atom here" in tool.status


def test_a_drag_is_no_click(spot_network, spot_images):
    signal, _ = spot_images()
    tool = open_tool(signal)
    mouse(signal, "button_press_event", FREE)
    mouse(signal, "button_release_event", (3.6, -1.5))
    assert tool.edits == []


def test_a_drawn_mask_leaves_atoms_out(spot_network, spot_images):
    signal, truth = spot_images(2)
    tool = open_tool(signal)
    signal.axes_manager.indices = (1,)
    x, y = signal.axes_manager.signal_axes
    middle = x.index2value(x.size // 2)
    half = [(x.low_value, y.low_value), (middle, y.low_value)]
    half += [(middle, y.high_value), (x.low_value, y.high_value)]
    draw(signal, tool, half)
    assert not tool.drawing
    expected = [int((one[:, 1] > x.size // 2).sum()) for one in truth]
    assert rings(tool) == expected[1] < len(truth[1])
    tool.apply()
    assert [len(frame) for frame in tool.result.data] == expected
    assert tool.result.metadata.VectorMetadata.selections[0].startswith("not roi=PolygonROI")
    again = open_tool(signal)
    draw(signal, again, half)
    again.clear_masks()
    assert rings(again) == len(truth[1])


def test_what_cannot_be_is_said(spot_network, spot_images):
    signal, truth = spot_images()
    tool = open_tool(signal)
    right = tool.sampling
    tool.sampling = 50.0
    assert "50 Å/px: expected" in tool.status
    tool.sampling = right
    assert rings(tool) == len(truth[()])
    with pytest.raises(ValueError, match="threshold is 2"):
        open_tool(signal, search=DEFAULTS._replace(threshold=2.0))


def test_cancelling_leaves_no_atoms(spot_network, spot_images):
    signal, _ = spot_images(2)
    tool = open_tool(signal)
    widgets_of(tool)["cancel"].click()
    assert not tool.is_open
    assert "press OK" in repr(tool.result)


def test_closing_the_plot_ends_the_tool(spot_network, spot_images):
    signal, _ = spot_images(2)
    tool = open_tool(signal)
    signal._plot.close()
    assert not tool.is_open


def test_the_view_of_windows(spot_network, spot_images):
    signal, _ = spot_images(2)
    tool = open_tool(signal)
    assert tool.gui(display=False, toolkit="traitsui")["traitsui"] is tool


def test_the_method_opens_the_tool(spot_network, spot_images, monkeypatch):
    signal, _ = spot_images()
    opened = []
    monkeypatch.setattr(
        _atoms_tool.AtomsTool, "gui", lambda tool, toolkit: opened.append((tool, toolkit))
    )
    atoms = signal.find_atoms_nn("spots", threshold=0.6, interactive=True)
    ((tool, toolkits),) = opened
    assert toolkits == ["ipywidgets"]
    assert tool.threshold == 0.6
    tool.apply()
    same(atoms, signal.find_atoms_nn("spots", threshold=0.6))


def test_without_widgets_it_is_said_which_to_install(spot_images, monkeypatch):
    import importlib.util
    import sys

    signal, _ = spot_images()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "hyperspy_gui_ipywidgets", None)
    with pytest.raises(MissingExtraError, match="gui-jupyter"):
        signal.find_atoms_nn("graphene", interactive=True)


@pytest.mark.parametrize(
    ("model", "search"),
    [
        ("graphene", DEFAULTS),
        ("graphene", DEFAULTS._replace(threshold=0.07)),
        ("graphene-ensemble", DEFAULTS._replace(minimum_agreement=0.6)),
    ],
)
def test_shipped_networks_select_as_they_search(model, search):
    signal = data.graphene().isig[:110, :110]
    tool = open_tool(signal, model)
    tool.thresholds_of_card = search.threshold is None
    if search.threshold is not None:
        tool.threshold = search.threshold
    if search.minimum_agreement is not None:
        tool.minimum_agreement = search.minimum_agreement
    expected = signal.find_atoms_nn(model, **search._asdict())
    assert len(expected.data[0]) > 30
    np.testing.assert_array_equal(tool._shown, expected.data[0][:, :2])


def test_images_along_an_uneven_axis(spot_network, spot_images):
    signal, _ = spot_images(3)
    signal.axes_manager[0].convert_to_non_uniform_axis()
    result = open_tool(signal).result
    assert result.axes_manager.navigation_shape == (3,)
    assert not result.axes_manager[0].is_uniform
