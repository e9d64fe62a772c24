# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of strain and grains in the documentation: ``lattice_figure.py strain.png``."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

import hyperspy_dlatoms  # noqa: F401, puts the methods on signals
from hyperspy_dlatoms import data
from hyperspy_dlatoms.analysis import find_rings

# The marks of rings by the number of their atoms.
MARKS = {5: ("p", "#e69f00"), 7: ("h", "#0072b2")}


def draw_atoms(axes, image, atoms, by, limits, cmap):
    """An image and its atoms, coloured by a column."""
    low, high = np.percentile(image.data, [0.5, 99.5])
    axes.imshow(image.data, cmap="gray", vmin=low, vmax=high)
    table = atoms.to_dataframe()
    return axes.scatter(
        table.x_px, table.y_px, c=table[by], cmap=cmap, vmin=limits[0], vmax=limits[1], s=16
    )


def main(path: str) -> None:
    """Write the picture of the two example images."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    image = data.nanoparticle()
    strained = image.find_atoms_nn("metal-nanoparticle").strain("median")
    points = draw_atoms(left, image, strained, "e_xx", (-0.06, 0.06), "RdBu_r")
    figure.colorbar(points, ax=left, label="$e_{xx}$", shrink=0.8)
    left.set_title("Strain of a gold particle", fontsize=10, loc="left")

    image = data.graphene()
    atoms = image.find_atoms_nn("graphene").grains()
    draw_atoms(right, image, atoms, "grain", (-1, 6), "Set2")
    frame = atoms.data.ravel()[0]
    rings = find_rings(frame[:, :2])
    for size, (mark, colour) in MARKS.items():
        centres = rings.centres[rings.sizes == size]
        label = f"{len(centres)} rings of {size}"
        right.plot(*centres.T[::-1], mark, color=colour, ms=9, mec="k", ls="", label=label)
    right.legend(loc="upper right", fontsize=8)
    right.set_title("Grains of graphene and the rings between them", fontsize=10, loc="left")
    for axes in (left, right):
        axes.set_axis_off()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main(sys.argv[1])
