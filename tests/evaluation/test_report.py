# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re

import pytest

from hyperspy_dlatoms.evaluation._plots import curve_figure, height_calibration_figure
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
