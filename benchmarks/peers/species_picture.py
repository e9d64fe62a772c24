# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a focal series, of the maps of a network, and of the sites found."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

COLOURS = ("#4c9be8", "#f2c14e", "#ff2d55", "#5be37d")
"""Of atom and atom, vacancy and vacancy."""

_PANEL = 3.4


def save_species_picture(
    path: str | os.PathLike[str],
    images: np.ndarray,
    maps: np.ndarray,
    names: Sequence[str],
    sites: np.ndarray,
    species: np.ndarray,
    defoci: Sequence[float] | None = None,
) -> None:
    """Write a picture: the images, the map of each species, and the sites by species."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if len(maps) != len(names):
        raise ValueError(f"There are {len(maps)} maps and {len(names)} names: expected as many.")
    columns = max(len(images) + 1, len(maps))
    height, width = images.shape[1:]
    figure = Figure(figsize=(columns * _PANEL, 2 * _PANEL * height / width + 0.8))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(2, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for number, image in enumerate(images):
        title = f"defocus {defoci[number]:.0f} Å" if defoci is not None else f"image {number + 1}"
        _show(panels[0, number], image, title)
    for index, name in enumerate(names):
        panels[1, index].imshow(maps[index], cmap="magma", vmin=0, vmax=1)
        panels[1, index].set_title(name, loc="left")
    last = panels[0, columns - 1]
    _show(last, images[len(images) // 2], "sites")
    for index, name in enumerate(names):
        y, x = sites[species == index].T
        colour = COLOURS[index % len(COLOURS)]
        hollow = {"facecolors": "none", "edgecolors": colour, "linewidths": 1.6}
        style = hollow if "vacancy" in name else {"color": colour}
        size = 30 if "vacancy" in name else 7
        last.scatter(x, y, s=size, label=f"{name} ({len(y)})", **style)
    last.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    last.legend(loc="lower right", fontsize=7, framealpha=0.8)
    figure.savefig(path, dpi=110)


def _show(axes, image: np.ndarray, title: str) -> None:
    low, high = np.percentile(image, [0.5, 99.5])
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    axes.set_title(title, loc="left")
