# SPDX-License-Identifier: GPL-3.0-or-later
"""An image with its atoms, drawn by Matplotlib alone, and a file of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.analysis._grains import nearest_distance
from hyperspy_dlatoms.signals._colour import as_grey
from hyperspy_dlatoms.signals._colours import PLAIN, TINT, Colouring, colours_of_labels, name_of

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Diameter of the ring around an atom, relative to the distance of neighbours: rings do not touch.
RING = 0.62
PANEL = 5.2  # Inches, the panel of an image.
TALLEST = 1.5  # Largest height of a panel over PANEL: the figures of tall images fit on a page.

# Points, in a legend: a ring with the gaps beside it, and a letter.
_RING_WIDTH = 45.0
_LETTER_WIDTH = 5.5
# Matplotlib settings that put HyperSpy's images where its axes and markers expect them, and let its
# figures be laid out again.
_HYPERSPY: Any = {"image.origin": "upper", "figure.constrained_layout.use": False}
_APART = 12.0  # Pixels of a picture from one ring to the next, so that both have a hole.
_RESOLUTION = 120.0, 480.0  # Pixels per inch of a picture: with few atoms, and with very many.
SPACING = 2.0  # Å, between neighbours if there are too few atoms to tell their distance.


def image_at(signal: Signal2D, index: Sequence[int] = ()) -> np.ndarray:
    """Return one grey image (H, W) of a signal, by its index in the array."""
    return np.asarray(as_grey(signal.data[tuple(index)]))


def show(signal: Signal2D, **kwargs: Any) -> None:
    """Plot images as HyperSpy does, regardless of user settings that it does not expect."""
    import matplotlib

    with matplotlib.rc_context(_HYPERSPY):
        signal.plot(**kwargs)


def save_picture(
    path: str | os.PathLike[str],
    image: np.ndarray,
    sites: np.ndarray,
    sampling: float,
    title: str = "",
    species: np.ndarray | None = None,
    names: Sequence[str] = (),
    masked: np.ndarray | None = None,
) -> None:
    """Write a picture of an image (H, W), alone and with a ring around every atom (x, y in px)."""
    # Species give the colours and a legend, the sampling along x (Å/px) a scale bar; masked pixels
    # are tinted.
    from matplotlib.figure import Figure

    width, height = panel_of(image.shape)
    figure = Figure(figsize=(2 * width, height + 0.4), layout="constrained")
    plain, marked = figure.subplots(1, 2)
    limits = contrast(image if masked is None else image[~masked])
    for axes in (plain, marked):
        draw_image(axes, image, image.shape, sampling, limits)
    if masked is not None and masked.any():
        marked.imshow(tint_of(masked), interpolation="nearest", origin="upper", aspect="equal")
    if title:
        marked.set_title(title, fontsize=10, loc="left")
    if names:
        add_legend(figure, dict(enumerate(names)))
    # The first layout has no room for a legend and the title; rings are as wide as it allows.
    figure.draw_without_rendering()
    colours = None if species is None else colours_of_labels(species)
    draw_rings(marked, sites, sampling, colours)
    apart = spacing(sites, sampling) / image.shape[1] * marked.get_window_extent().width
    inch = _APART * figure.dpi / apart if len(sites) else 0
    figure.savefig(path, dpi=float(np.clip(inch, *_RESOLUTION)))


def panel_of(shape: tuple[int, int]) -> tuple[float, float]:
    """Return the width and height (inches) of the panel of an image, neither too small."""
    ratio = shape[0] / shape[1]
    width, height = np.clip(TALLEST / ratio, 0.3, 1), np.clip(ratio, 0.2, TALLEST)
    return PANEL * float(width), PANEL * float(height)


def draw_image(
    axes: Axes,
    image: np.ndarray | None,
    shape: tuple[int, int],
    sampling: float,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a grey image, or an empty background; axes in px, a scale bar by the sampling of x."""
    if image is not None and image.shape != tuple(shape):
        raise ValueError(
            f"The image has {image.shape[0]} by {image.shape[1]} px, the searched one "
            f"{shape[0]} by {shape[1]}: expected the same."
        )
    pixels = np.zeros(shape, np.uint8) if image is None else image
    low, high = (contrast(pixels) if limits is None else limits) if image is not None else (0, 1)
    # Regardless of the user's settings, y runs downwards, as in HyperSpy's plots.
    axes.imshow(pixels, cmap="gray", vmin=low, vmax=high, origin="upper", aspect="equal")
    axes.grid(False)
    axes.set_axis_off()
    scale_bar(axes, shape, sampling)


def tint_of(masked: np.ndarray) -> np.ndarray:
    """Return the RGBA image of a mask, clear where nothing is masked."""
    tint = np.zeros((*masked.shape, 4), np.float32)
    tint[masked.astype(bool)] = TINT
    return tint


def draw_rings(
    axes: Axes,
    sites: np.ndarray,
    sampling: float,
    colours: np.ndarray | str | None = None,
    size: float | None = None,
) -> Any:
    """Draw a ring around each site (y and x in px first), by default of a size that fits them."""
    from matplotlib.collections import EllipseCollection

    diameter = ring_size([sites], sampling) if size is None else size
    collection = EllipseCollection(
        widths=diameter,
        heights=diameter,
        angles=0,
        units="xy",
        offsets=sites[:, 1::-1],
        transOffset=axes.transData,
        facecolors="none",
        edgecolors=PLAIN if colours is None else colours,
        linewidths=line_width(
            diameter,
            abs(axes.get_xlim()[1] - axes.get_xlim()[0]),
            72 / axes.figure.dpi * axes.get_window_extent().width,
        ),
    )
    axes.add_collection(collection)
    return collection


def line_width(diameter: float, width: float, points: float) -> float:
    """Return the line width (points) of a ring of `diameter` px that leaves room for its atom."""
    # Over an image of `width` px that is this many points wide.
    return float(np.clip(0.16 * diameter / width * points, 0.3, 1.4))


def add_colour_bar(axes: Axes, colouring: Colouring, label: str = "", **kwargs: Any) -> None:
    """Add a colour bar that explains the colours of atoms, without numbers if they mean nothing."""
    axes.figure.colorbar(
        colouring.scale(),
        ax=axes,
        label=label or name_of(colouring.by),
        # Fractions do not go on.
        extend="neither" if colouring.limits == (0, 1) else "both",
        ticks=None if colouring.known else [],
        shrink=0.8,
        **kwargs,
    )


def add_legend(figure: Figure, labels: Mapping[int, str], loc: Any = "outside lower right") -> Any:
    """Add a legend of rings for labels by their numbers, no wider than the figure if possible."""
    from matplotlib.lines import Line2D

    rings = [
        Line2D([], [], ls="", marker="o", ms=8, mew=1.5, mfc="none", mec=colour)
        for colour in colours_of_labels(np.array(list(labels)))
    ]
    names = list(labels.values())
    return figure.legend(rings, names, loc=loc, **legend_style(figure, names))


def legend_style(figure: Figure, names: Sequence[str]) -> dict[str, int]:
    """Return the font size and number of columns of a legend no wider than the figure."""
    column = _RING_WIDTH + _LETTER_WIDTH * max(map(len, names))
    columns = np.clip(72 * figure.get_figwidth() // column, 1, min(len(names), 4))
    return {"fontsize": 9, "ncols": int(columns)}


def contrast(image: np.ndarray) -> tuple[float, float]:
    """Return the values shown as black and white."""
    finite = image[np.isfinite(image)].astype(np.float32)
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, [0.5, 99.5])
    return float(low), float(high) if high > low else float(low) + 1


def spacing(sites: np.ndarray, sampling: float) -> float:
    """Return the distance of neighbours in px."""
    if len(sites) < 2:
        return SPACING / sampling
    return max(nearest_distance(sites[:, :2]), 0.5 / sampling)


def ring_size(frames: Iterable[np.ndarray], sampling: float) -> float:
    """Return the diameter (px) of rings around the atoms of frames that do not touch."""
    apart = [spacing(frame, sampling) for frame in frames if len(frame) > 1]
    return RING * float(np.median(apart or [SPACING / sampling]))


def scale_bar(
    axes: Axes,
    shape: tuple[int, int],
    sampling: float,
    origin: tuple[float, float] = (0.0, 0.0),
    scales: tuple[float, float] = (1.0, 1.0),
    animated: bool = False,
) -> None:
    """Draw a scale bar into an image of a given shape; its y and x run from an origin."""
    from matplotlib.patheffects import withStroke

    height, width = shape
    longest = width * sampling / 10 / 3
    nice = np.array([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200])
    length = nice[max(0, int(np.searchsorted(nice, longest, side="right")) - 1)]
    # Far enough from the lower edge even of narrow strips.
    y = origin[0] + (height - min(0.05 * max(shape), 0.3 * height)) * scales[0]
    x = origin[1] + 0.04 * width * scales[1]
    (bar,) = axes.plot(
        [x, x + length * 10 / sampling * scales[1]],
        [y, y],
        color="white",
        lw=3,
        path_effects=[withStroke(linewidth=5, foreground="black")],
        solid_capstyle="butt",
    )
    text = axes.annotate(
        f"{length:g} nm",
        (x, y),
        xytext=(0, 4),
        textcoords="offset points",
        color="white",
        fontsize=11,
        weight="bold",
        path_effects=[withStroke(linewidth=2.5, foreground="black")],
    )
    for one in (bar, text):
        one.set_animated(animated)
