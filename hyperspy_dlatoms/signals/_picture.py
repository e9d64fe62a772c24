# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of an image with its atoms, and the colours of atoms in it and in plots."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

# Where nothing tells atoms apart.
PLAIN = "#ff2d55"
# Okabe and Ito, "Color Universal Design" (2008), without black; the brightest first, since images
# are grey.
_PALETTE = ("#56b4e9", "#f0e442", "#d55e00", "#cc79a7", "#009e73", "#e69f00", "#0072b2")
# Of atoms added by hand.
BY_HAND = "#f0e442"
# Diameter of the ring around an atom, of the distance of neighbours: the rings do not touch.
RING = 0.62
# RGBA of masked pixels, which the image shines through.
TINT = (0.0, 0.45, 0.9, 0.45)
# Å, of neighbours where there are too few atoms to tell their distance.
_SPACING = 2.0


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
    """Write a picture of an image (H, W), alone and with a ring around every atom.

    The sites have y and x in px first, shape (n, k), the sampling is in Å/px for the scale bar. The
    index of the species of each site gives its colour, and their names a legend. Pixels that were
    masked (H, W) are tinted beside the image alone.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import EllipseCollection
    from matplotlib.figure import Figure

    height, width = image.shape
    low, high = _contrast(image if masked is None else image[~masked])
    panel = 5.2
    figure = Figure(figsize=(2 * panel, panel * np.clip(height / width, 0.2, 3) + 0.4))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    plain, marked = figure.subplots(1, 2)
    for axes in (plain, marked):
        axes.imshow(image, cmap="gray", vmin=low, vmax=high)
        axes.set_axis_off()
    if masked is not None and masked.any():
        tint = np.zeros((*masked.shape, 4), np.float32)
        tint[masked] = TINT
        marked.imshow(tint, interpolation="nearest")
    diameter = RING * spacing(sites, sampling)
    marked.add_collection(
        EllipseCollection(
            widths=diameter,
            heights=diameter,
            angles=0,
            units="xy",
            offsets=sites[:, 1::-1],
            transOffset=marked.transData,
            facecolors="none",
            edgecolors=PLAIN if species is None else colours_of_species(species),
            linewidths=1.1,
        )
    )
    if title:
        marked.set_title(title, fontsize=10, loc="left")
    if names:
        _legend(figure, names)
    _scale_bar(plain, width, height, sampling)
    figure.savefig(path, dpi=120)


def _legend(figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    rings = [
        Line2D([], [], ls="", marker="o", ms=8, mew=1.5, mfc="none", mec=colour)
        for colour in colours_of_species(np.arange(len(names)))
    ]
    figure.legend(rings, names, loc="outside lower right", ncols=len(names), fontsize=9)


def _contrast(image: np.ndarray) -> tuple[float, float]:
    finite = image[np.isfinite(image)].astype(np.float32)
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, [0.5, 99.5])
    return float(low), float(high) if high > low else float(low) + 1


def spacing(sites: np.ndarray, sampling: float) -> float:
    """Return the distance of neighbours in px."""
    if len(sites) < 2:
        return _SPACING / sampling
    nearest = cKDTree(sites[:, :2]).query(sites[:, :2], k=2)[0][:, 1]
    return max(float(np.median(nearest)), 0.5 / sampling)


def _scale_bar(axes, width: int, height: int, sampling: float) -> None:
    from matplotlib.patheffects import withStroke

    longest = width * sampling / 10 / 3
    nice = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200])
    length = nice[max(0, int(np.searchsorted(nice, longest, side="right")) - 1)]
    y, x = 0.95 * height, 0.04 * width
    outline = [withStroke(linewidth=5, foreground="black")]
    axes.plot(
        [x, x + length * 10 / sampling],
        [y, y],
        color="white",
        lw=3,
        path_effects=outline,
        solid_capstyle="butt",
    )
    axes.annotate(
        f"{length:g} nm",
        (x, y),
        xytext=(0, 4),
        textcoords="offset points",
        color="white",
        fontsize=11,
        weight="bold",
        path_effects=[withStroke(linewidth=2.5, foreground="black")],
    )


def colours_of_species(species: np.ndarray) -> np.ndarray:
    """Return RGBA colours (n, 4) of species by index, told apart by colour-blind readers too.

    After seven species they repeat; -1, none, is grey.
    """
    from matplotlib.colors import to_rgba_array

    species = np.asarray(species, int)
    colours = to_rgba_array(_PALETTE)[species % len(_PALETTE)]
    return np.where(species[..., None] >= 0, colours, (0.5, 0.5, 0.5, 0.5))


def colours_of_fractions(fractions: np.ndarray) -> np.ndarray:
    """Return RGBA colours (n, 4), from cyan for 0 to magenta for 1."""
    from matplotlib import colormaps

    return colormaps["cool"](np.asarray(fractions))


def colours_of_values(values: np.ndarray, limits: tuple[float, float], signed: bool) -> np.ndarray:
    """Return RGBA colours (n, 4) between two limits, grey and faint for NaN.

    Of signed values from blue over white to red, of others from dark blue to yellow.
    """
    scale = scale_of_values(limits, signed)
    return np.where(np.isfinite(values)[:, None], scale.to_rgba(values), (0.5, 0.5, 0.5, 0.5))


def scale_of_values(limits: tuple[float, float], signed: bool):
    """Return the Matplotlib ScalarMappable of `colours_of_values`, for a colour bar."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(*limits), "RdBu_r" if signed else "viridis")
