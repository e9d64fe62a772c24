# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of atoms: histograms, counts over time, tracks and strain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.signals import _picture
from hyperspy_dlatoms.signals._colours import (
    LABELS,
    PALETTE,
    Colouring,
    colour_map,
    colours_of_labels,
    name_of,
)
from hyperspy_dlatoms.signals._docstrings import filled

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from hyperspy_dlatoms.signals import AtomPositions

# Relative difference of numbers that differ by rounding alone.
_ALIKE = 1e-6
_LETTERS = 50  # Of names side by side along the axis of a histogram.
_LOWEST = 3.6  # Inches, of two rows of images, each with the label of its colour bar.
_STRAIN = ("e_xx", "e_yy", "e_xy", "rotation")


def plot_histogram(self: AtomPositions, by: str = "distance", *, bins: int = 50) -> Figure:
    """Plot how often the values of a column occur in all frames.

    Parameters
    ----------
    by : str, default "distance"
        The name of a column, or ``"distance"`` to the nearest atom.
    bins : int, default 50
        Number of bins; each species, and each label such as a coordination number, has its own.

    Returns
    -------
    matplotlib.figure.Figure
        Distances are in nm, standard deviations of positions in pm.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> figure = atoms.plot_histogram("probability")
    """
    import matplotlib.pyplot as plt

    frames, calibration, _ = self._for_tables()
    figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    names = calibration.columns
    label, values = name_of(by), np.empty(0)
    if by == "distance":
        label = "distance to the nearest atom (nm)"
        places = [calibration.in_angstrom(one) for one in frames.flat if len(one) > 1]
        near = [cKDTree(one).query(one, k=2)[0][:, 1] / 10 for one in places]
        values = np.concatenate(near or [values])
    elif by in names:
        values = np.concatenate([one[:, names.index(by)] for one in frames.flat])
        if by in ("y_sigma", "x_sigma"):
            values = values * calibration.sampling[int(by == "x_sigma")] * 100
            label = f"standard deviation along {by[0]} (pm)"
    else:
        plt.close(figure)
        raise ValueError(f"by is {by!r}: expected 'distance' or one of {', '.join(names)}.")
    if by == "species":
        counts = np.bincount(values.astype(int), minlength=len(calibration.species))
        colours = colours_of_labels(np.arange(len(counts)))
        axes.bar(calibration.species, counts, color=colours, edgecolor="0.3")
        if max(map(len, calibration.species)) * len(counts) > _LETTERS:
            axes.set_xticks(range(len(counts)), calibration.species, rotation=30, ha="right")
    elif by in LABELS:
        labels, counts = np.unique(values[np.isfinite(values)].astype(int), return_counts=True)
        axes.bar(labels, counts, color=colours_of_labels(labels), edgecolor="0.3")
        whole_numbers(axes.xaxis)
    else:
        values = values[np.isfinite(values)]
        ends = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        if ends[1] - ends[0] < _ALIKE * abs(ends[1]):
            # All alike, as after a search with one sigma.
            ends = 0.9 * ends[0], 1.1 * ends[1]
        axes.hist(values, bins=bins, range=ends if ends[0] < ends[1] else None, color=PALETTE[0])
    axes.set(xlabel=label, ylabel="atoms", ylim=(0, max(axes.get_ylim()[1], 1.05)))
    whole_numbers(axes.yaxis)
    return figure


def plot_counts(self: AtomPositions) -> Figure:
    """Plot how many atoms each frame has, of each species if they are known.

    Returns
    -------
    matplotlib.figure.Figure
        Plotted against the navigation axis; with several axes, against the frame number.

    Raises
    ------
    ValueError
        If there is only one image.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames([np.empty((0, 5)), np.ones((1, 5))], sampling=0.2)
    >>> figure = atoms.plot_counts()
    """
    import matplotlib.pyplot as plt
    from matplotlib.patheffects import withStroke

    axes_of_frames = self.axes_manager.navigation_axes
    if not axes_of_frames:
        raise ValueError("There is only one image: expected several frames.")
    frames, calibration, navigation = self._for_tables()
    if "species" in calibration.columns:
        counted = self.species_counts()
        counts = {name: counted[name].to_numpy() for name in counted}
    else:
        counts = {"atoms": np.array([len(one) for one in frames.flat])}
    single = len(axes_of_frames) == 1
    at = navigation.values[0] if single else np.arange(frames.size)
    figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    for (name, values), colour in zip(
        counts.items(), colours_of_labels(np.arange(len(counts))), strict=True
    ):
        marker = "o" if frames.size < 60 else ""
        (line,) = axes.plot(at, values, color=colour, lw=1.5, marker=marker, ms=4, label=name)
        # Some of the colours are faint on white.
        line.set_path_effects([withStroke(linewidth=3, foreground="0.3")])
    name, units = (navigation.titles()[0], navigation.units[0]) if single else ("frame", "")
    axes.set(xlabel=f"{name} ({units})" if units else name, ylabel="atoms")
    axes.set_ylim(0, max(axes.get_ylim()[1], 1.05))
    whole_numbers(axes.yaxis)
    if not units and np.array_equal(at, np.round(at)):
        whole_numbers(axes.xaxis)
    if len(counts) > 1:
        figure.legend(loc="outside upper center", **_picture.legend_style(figure, list(counts)))
    return figure


@filled
def plot_tracks(self: AtomPositions, signal: Signal2D | None = None, **kwargs) -> Figure:
    """Plot the paths of the atoms of a movie, coloured by time, over its first image.

    Parameters
    ----------
    {IMAGES}
    **kwargs
        As for :meth:`tracks`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As for :meth:`tracks`, and if the images do not fit.

    Examples
    --------
    >>> figure = atoms.plot_tracks(movie)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection

    atoms = self._on(signal)
    table = atoms.tracks(**kwargs)
    calibration, navigation = atoms._calibration, atoms._navigation
    paths, times = [], []
    # Tracks count on from the number of the first frame, whatever the step.
    at = dict(enumerate(navigation.values[0], navigation.numbers[0].start))
    for _, one in table.groupby("track"):
        places = one[["x_px", "y_px"]].to_numpy()
        paths += list(np.stack([places[:-1], places[1:]], axis=1))
        times += [at[frame] for frame in one.frame.to_numpy()[1:]]
    image = None if signal is None else _picture.image_at(signal, (0,))
    shape = image_shape(atoms)
    width, height = _picture.panel_of(shape)
    figure, axes = plt.subplots(figsize=(width + 1, height + 0.4), layout="constrained")
    _picture.draw_image(axes, image, shape, float(calibration.sampling[1]))
    lines = LineCollection(paths, array=np.array(times), cmap=colour_map(), linewidths=1.3)
    axes.add_collection(lines)
    name, units = navigation.titles()[0], navigation.units[0]
    label = f"{name} ({units})" if units else name
    bar = figure.colorbar(lines, ax=axes, label=label, shrink=0.8, ticks=None if times else [])
    if times and not units and np.array_equal(times, np.round(times)):
        whole_numbers(bar.ax.yaxis)
    axes.set_title(f"{table.track.nunique()} tracks", fontsize=10, loc="left")
    return figure


@filled
def plot_strain(self: AtomPositions, signal: Signal2D | None = None, **kwargs) -> Figure:
    """Plot the strain at each atom of one frame: three components and the rotation.

    Parameters
    ----------
    {IMAGES}
    **kwargs
        As for :meth:`strain`, which is called unless its columns are there already.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are several frames: pick one of both with ``inav``; and as for :meth:`strain`.

    Examples
    --------
    >>> figure = atoms.plot_strain(s, material="Au")  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    if self.axes_manager.navigation_dimension:
        raise ValueError(
            "There are several frames: expected one frame of atoms and of images, "
            "atoms.inav[0].plot_strain(s.inav[0])."
        )
    there = set(_STRAIN) <= set(self._calibration.columns)
    atoms = (self if there else self.strain(**kwargs))._on(signal)
    frame = atoms._computed().data.ravel()[0]
    calibration = atoms._calibration
    pixel, shape = float(calibration.sampling[1]), image_shape(atoms)
    image = None if signal is None else _picture.image_at(signal)
    # Tall images side by side; a fifth of a square panel is for the colour bar and its label.
    rows, columns = (1, 4) if shape[0] > _picture.TALLEST * shape[1] else (2, 2)
    width, height = _picture.panel_of(shape)
    size = columns * (0.8 * width + 0.2 * _picture.PANEL), max(0.85 * rows * height, _LOWEST)
    figure, panels = plt.subplots(rows, columns, figsize=size, layout="constrained")
    for axes, name in zip(panels.flat, _STRAIN, strict=True):
        colouring = Colouring.of(calibration, name, [frame])
        _picture.draw_image(axes, image, shape, pixel)
        dots = _picture.draw_rings(axes, frame, pixel, colouring.colours(frame))
        dots.set_facecolor(colouring.colours(frame))
        _picture.add_colour_bar(axes, colouring)
    return figure


def whole_numbers(axis: Axis) -> None:
    """Put ticks at whole numbers only, for counts of atoms and frames."""
    from matplotlib.ticker import MaxNLocator

    # As many as there is room for, and where Matplotlib has them.
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def image_shape(atoms: AtomPositions) -> tuple[int, int]:
    """Return the height and width (px) of the images, or of the area that the atoms take up."""
    calibration = atoms._calibration
    if calibration.image_shape is not None:
        return calibration.image_shape
    frames: list[Any] = [frame[:, :2].max(axis=0) for frame in atoms._some_frames() if len(frame)]
    last = np.max(frames, axis=0) if frames else np.ones(2)
    y, x = np.ceil(last + _picture.SPACING / calibration.sampling).astype(int) + 1
    return int(y), int(x)
