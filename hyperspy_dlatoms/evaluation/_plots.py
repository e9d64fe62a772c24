# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.analysis._grains import nearest_distance
from hyperspy_dlatoms.analysis.matching import match

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyperspy_dlatoms.evaluation.evaluate import Example

LABELS = {
    "dose": "dose (e/Å²)",
    "sampling": "sampling (Å/px)",
    "defocus": "defocus (Å), positive is underfocus",
    "defocus_ramp": "defocus across the frame (Å)",
    "tilt": "tilt (°)",
    "thickness": "thickness (Å)",
    "support": "support",
    "structure": "sheet",
}
_LOGARITHMIC = ("dose",)
_SHARES = (("f1", "F1", "k-o"), ("precision", "precision", "C0-s"), ("recall", "recall", "C1-^"))
_GROUPS = (
    ("recall_single", "recall, single atoms", "C2:v"),
    ("recall_edge", "recall, edges", "C4:x"),
    ("filled", "filled vacancies", "C3:*"),
)
_ERRORS = (
    ("rms_y", "rms error along y", "C0-o"),
    ("rms_x", "rms error along x", "C1-s"),
    ("bound", "bound", "k--"),
    ("joint_bound", "bound, neighbours unknown", "k:"),
)


def curve_figure(name: str, rows: Sequence[dict[str, Any]]) -> Figure:
    """Plot the `scores` at each ``value`` of a curve, and the errors beside the bound."""
    figure = _figure(10, 4)
    shares, errors = figure.subplots(1, 2)
    values = [row["value"] for row in rows]
    at = np.arange(len(rows)) if isinstance(values[0], str) else np.array(values)
    for key, label, style in (*_SHARES, *_GROUPS):
        _line(shares, at, rows, key, label, style)
        _band(shares, at, rows, f"{key}_interval", style[:-2])
    for key, label, style in _ERRORS:
        _line(errors, at, rows, key, label, style)
    shares.set(ylim=(-0.03, 1.03), ylabel="share")
    errors.set_ylabel("error per axis (pm)")
    if name in _LOGARITHMIC:
        _logarithmic(errors, "y")
    else:
        _from_zero(errors)
    for axes in (shares, errors):
        if name in _LOGARITHMIC:
            _logarithmic(axes, "x")
        if isinstance(values[0], str):
            axes.set_xticks(at, values, rotation=20, ha="right")
        _finish(axes, LABELS.get(name, name))
    return figure


def height_figure(rows: Sequence[dict[str, Any]]) -> Figure:
    """Plot recall and error against the number of atoms in a column."""
    figure = _figure(10, 3.2)
    shares, errors = figure.subplots(1, 2)
    at = np.arange(len(rows))
    labels = [
        f"{row['lowest']}"
        if row["lowest"] == row["highest"]
        else f"{row['lowest']}-{row['highest']}"
        for row in rows
    ]
    _line(shares, at, rows, "recall", "recall", "C1-^")
    _band(shares, at, rows, "recall_interval", "C1")
    shares.set(ylim=(-0.03, 1.03), ylabel="recall")
    _line(errors, at, rows, "rms", "rms error per axis", "C0-o")
    errors.set_ylabel("rms error per axis (pm)")
    _from_zero(errors)
    for axes in (shares, errors):
        axes.set(xticks=at, xticklabels=labels, xlabel="atoms in the column")
        axes.grid(alpha=0.3)
    return figure


def height_calibration_figure(
    rows: Sequence[dict[str, Any]], doses: Sequence[dict[str, Any]]
) -> Figure:
    """Plot found against true heights, and their errors and sigmas against the dose."""
    figure = _figure(10, 4)
    found, errors = figure.subplots(1, 2)
    height = np.array([row["height"] for row in rows])
    ends = [0, height.max() + 1]
    found.plot(ends, ends, color="0.7")
    mean, spread = ([row[key] for row in rows] for key in ("found", "spread"))
    found.errorbar(height, mean, spread, fmt="C0-o", markersize=4, linewidth=1.2, capsize=2)
    found.set(xlim=ends, ylabel="mean found, and spread")
    found.xaxis.get_major_locator().set_params(integer=True)
    at = np.array([row["value"] for row in doses])
    _line(errors, at, doses, "height_error", "mean error (atoms)", "k-o")
    _line(errors, at, doses, "scaled_height_error", "… with one factor per frame", "k--o")
    for k, colour, right in ((1, "C0", 0.683), (2, "C1", 0.954)):
        errors.axhline(right, color=colour, linestyle=":", linewidth=1)
        _line(errors, at, doses, f"heights_within_{k}", f"share within {k} sigma", f"{colour}-s")
    errors.set_ylabel("error (atoms), share")
    _logarithmic(errors, "x")
    for axes in (found, errors):
        _from_zero(axes)
    _finish(found, "atoms in the column")
    _finish(errors, LABELS["dose"])
    return figure


def film_figure(rows: Sequence[dict[str, Any]]) -> Figure:
    """Plot the false atoms on vacuum and amorphous carbon against the dose."""
    figure = _figure(6, 3.7)
    axes = figure.subplots()
    for thickness in sorted({row["thickness"] for row in rows}):
        film = [row for row in rows if row["thickness"] == thickness]
        label = f"{thickness:g} Å of carbon" if thickness else "vacuum"
        doses, density = ([row[key] for row in film] for key in ("dose", "density"))
        # The axis does not clip markers at 0.
        axes.plot(doses, density, "o-", label=label, clip_on=False)
    _logarithmic(axes, "x")
    axes.set_yscale("symlog", linthresh=1e-3)
    _from_zero(axes)
    axes.set_ylabel("false atoms per nm²")
    _finish(axes, LABELS["dose"])
    return figure


def reliability_figure(calibration: dict[str, Any]) -> Figure:
    """Plot the share of right atoms against the stated probability."""
    figure = _figure(10, 3.8)
    curve, counts = figure.subplots(1, 2)
    curve.plot([0, 1], [0, 1], color="0.7")
    lowered = f"threshold {calibration['lowest']:g}"
    for key, label, colour in (("lowered", lowered, "C1"), ("reported", "as reported", "C0")):
        rows = calibration[key]["reliability"]
        probability = np.array([row["probability"] for row in rows])
        _line(curve, probability, rows, "right", label, f"{colour}-o")
        _band(curve, probability, rows, "right_interval", colour)
        middles = [(row["low"] + row["high"]) / 2 for row in rows]
        atoms = [row["atoms"] for row in rows]
        counts.bar(middles, atoms, width=0.1, color=colour, alpha=0.5, label=label)
    curve.set_ylabel("share that is right")
    counts.set_yscale("symlog", linthresh=1)
    counts.set(ylim=(0, None), ylabel="atoms")
    for axes in (curve, counts):
        axes.set_xlim(0, 1)
        _finish(axes, "probability")
    return figure


def example_figure(examples: Sequence[Example]) -> Figure:
    """Show up to four frames: rings around right atoms, crosses on false ones, dots on missed."""
    chosen = np.unique(np.linspace(0, len(examples) - 1, 4).round().astype(int))
    figure = _figure(3.2 * len(chosen), 3.6)
    for axes, number in zip(np.atleast_1d(figure.subplots(1, len(chosen))), chosen, strict=True):
        example = examples[number]
        true = example.truth.positions / example.sampling
        pairs = match(example.found, true, 0.5 / example.sampling)
        right, false = example.found[pairs[:, 0]], np.delete(example.found, pairs[:, 0], axis=0)
        missed = np.delete(true, pairs[:, 1], axis=0)
        low, high = np.percentile(example.counts, [0.5, 99.5])
        axes.imshow(example.counts, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        spacing, size = nearest_distance(true) or 2.0 / example.sampling, 30
        axes.scatter(*right.T[::-1], s=size, facecolors="none", edgecolors="lime", linewidths=0.7)
        axes.scatter(*false.T[::-1], s=size, c="red", marker="x", linewidths=0.9)
        axes.scatter(*missed.T[::-1], s=size / 3, c="orange")
        axes.set_xlim(*_window(true[:, 1], example, spacing))
        axes.set_ylim(*_window(true[:, 0], example, spacing)[::-1])
        axes.set_title(example.title, fontsize=9)
        axes.set_axis_off()
    return figure


def _window(along: np.ndarray, example: Example, spacing: float) -> tuple[float, float]:
    """Return the ends of a window around the sites that shows about fifteen rows of them."""
    length = len(example.counts)
    half = min(15 * spacing, length) / 2
    middle = float(np.mean(along)) if len(along) else length / 2
    middle = np.clip(middle, half, length - half)
    return middle - half, middle + half


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _logarithmic(axes: Axes, name: str) -> None:
    """Make an axis logarithmic, with short tick labels that do not touch."""
    from matplotlib.ticker import LogFormatter

    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.7, 0.5)))


def _from_zero(axes: Axes) -> None:
    """Let y start at 0 and end with a margin above the topmost marker."""
    axes.update_datalim([(0, 0)], updatex=False)
    axes.autoscale_view()
    axes.set_ylim(bottom=0)


def _finish(axes: Axes, label: str) -> None:
    """Add an x label, a grid and, above the axes, a legend of whatever has a label."""
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)
    if labels := axes.get_legend_handles_labels()[1]:
        # Two rows, no wider than the axes.
        columns = -(-len(labels) // 2)
        axes.legend(fontsize=7, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1))


def _line(
    axes: Axes, at: np.ndarray, rows: Sequence[dict[str, Any]], key: str, label: str, style: str
) -> None:
    values = np.array([row[key] for row in rows], dtype=float)
    if np.isfinite(values).any():
        axes.plot(at, values, style, label=label, markersize=4, linewidth=1.2)


def _band(
    axes: Axes, at: np.ndarray, rows: Sequence[dict[str, Any]], key: str, colour: str
) -> None:
    """Shade the intervals, if there are any."""
    known = [row.get(key) is not None for row in rows]
    ends = np.array([row.get(key) or (np.nan, np.nan) for row in rows], dtype=float)
    if any(known):
        axes.fill_between(at, *ends.T, color=colour, alpha=0.15, linewidth=0)
