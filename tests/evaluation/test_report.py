# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re

import pytest

from hyperspy_dlatoms.evaluation._plots import (
    curve_figure,
    film_figure,
    height_calibration_figure,
    height_figure,
)
from hyperspy_dlatoms.evaluation.evaluate import evaluate
from hyperspy_dlatoms.evaluation.report import summary, to_html, write_report


@pytest.fixture(scope="module")
def evaluation(tiny, wave_folder, oracle):
    return evaluate(oracle(missing=2, false=1), tiny, wave_folder, frames=1, show_progressbar=False)


@pytest.fixture(scope="module")
def files(evaluation, tmp_path_factory):
    return write_report(evaluation, tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="module")
def page(files):
    return files[0].read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(evaluation, page):
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "http" not in page
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", page)
    # Examples, three curves, heights, films, reliability.
    assert len(pictures) == 7
    assert all(base64.b64decode(one).startswith(b"\x89PNG") for one in pictures)
    recall = evaluation.numbers["curves"]["dose"][-1]["recall"]
    assert f"<td>{recall:.3f}</td>" in page


def test_a_finder_that_finds_nothing(tiny, wave_folder, oracle):
    nothing = evaluate(oracle(missing=10_000), tiny, wave_folder, frames=1, show_progressbar=False)
    nothing.numbers["model"] = {"name": "<b>&", "version": "1"}
    page = to_html(nothing)
    assert "–" in page
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert summary(nothing.numbers)["dose"]["1000"]["precision"] is None


def test_heights_have_a_section_of_their_own(tiny, wave_folder, oracle, page):
    told = evaluate(oracle(height_shift=0.25), tiny, wave_folder, frames=1, show_progressbar=False)
    with_heights = to_html(told)
    assert "Calibration of the heights" in with_heights and "mean found" in with_heights
    assert with_heights.count("data:image/png") == page.count("data:image/png") + 1
    assert "Calibration of the heights" not in page


def test_scores_are_json(evaluation, files):
    assert json.loads(files[1].read_text(encoding="utf-8")) == evaluation.numbers


def test_the_summary_is_short(evaluation):
    short = summary(evaluation.numbers)
    assert len(json.dumps(short, allow_nan=False)) < 2000
    assert set(short["dose"]) == {"10", "1000"}
    best = evaluation.numbers["curves"]["dose"][-1]
    assert short["dose"]["1000"]["f1"] == pytest.approx(best["f1"], abs=1e-4)
    assert short["false atoms per nm²"] == pytest.approx(1 / 1.4**2, abs=1e-4)


def test_both_axes_of_a_curve_are_named(evaluation):
    rows = evaluation.numbers["curves"]["dose"]
    heights = [{"height": 3, "found": 2.9, "spread": 0.5}]
    for figure in (curve_figure("dose", rows), height_calibration_figure(heights, rows)):
        assert all(axes.get_xlabel() and len(axes.get_ylabel()) > 2 for axes in figure.axes)


def figures_of_errors(doses=(10.0, 20.0, 40.0)):
    """The figures of a report with errors that hardly differ, and few doses."""
    names = ("f1", "precision", "recall", "recall_single", "recall_edge", "filled")
    names += ("rms_y", "rms_x", "bound", "joint_bound", "rms", "height_error")
    names += ("scaled_height_error", "heights_within_1", "heights_within_2")
    rows = [{"value": dose} | dict.fromkeys(names, 0.9) for dose in doses]
    heights = [{"height": one, "found": one, "spread": 0.0} for one in (1, 2, 3)]
    columns = [{"lowest": one, "highest": one, **rows[0], "rms": 9 + 0.1 * one} for one in (1, 2)]
    film = [{"thickness": 10.0, "dose": dose, "density": 1.0} for dose in doses]
    return {
        "dose": curve_figure("dose", rows),
        "tilt": curve_figure("tilt", rows),
        "height": height_figure(columns),
        "calibration": height_calibration_figure(heights, rows),
        "film": film_figure(film),
    }


@pytest.mark.parametrize("name", ["dose", "tilt", "height", "calibration", "film"])
def test_nothing_of_a_report_is_cut_off_or_covered(name):
    figure = figures_of_errors()[name]
    figure.draw_without_rendering()
    for axes in figure.axes:
        # Half a marker is 3 points high.
        room = axes.bbox.y1 - 3 * figure.dpi / 72
        for line in axes.lines:
            places = line.get_transform().transform(line.get_xydata())
            assert line.get_marker() == "None" or places[:, 1].max() < room
        box = axes.get_legend() and axes.get_legend().get_window_extent()
        assert box is None or (box.y0 >= axes.bbox.y1 and box.x1 <= axes.bbox.x1)
        boxes = sorted(
            (one.get_window_extent().x0, one.get_window_extent().x1)
            for one in axes.get_xticklabels(which="both")
            if one.get_text()
        )
        assert all(a[1] + 5 < b[0] for a, b in zip(boxes, boxes[1:], strict=False))
