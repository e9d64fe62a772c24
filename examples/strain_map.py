# SPDX-License-Identifier: GPL-3.0-or-later
"""
A map of strain
===============

The strain at each column of a particle, with its error, and how to tell strain from noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from hyperspy_dlatoms import data

s = data.nanoparticle()
atoms = s.find_atoms_nn("metal-nanoparticle")

# %%
# First the lattice: its constants in projection, with their errors, and ``scale``, their ratio to
# those of gold. The error of the microscope's calibration, often 1 %, comes on top.

lattice = atoms.lattice("Au")
lattice[["n", "a", "a_sigma", "b", "b_sigma", "gamma", "zone", "scale", "scale_sigma"]].round(4)

# %%
# The strain relative to the median of the particle. Other references are the mean lattice, a region
# (``hs.roi.RectangularROI``), a material, or another frame of a movie.

strained = atoms.strain("median")
strained.plot_on(s, by="e_xx", limits=(-0.06, 0.06))

# %%
# Is it strain or noise?
# ----------------------
# Each value has a standard deviation, derived from those of the positions. The strain of a single
# column is significant only if it exceeds three standard deviations.

table = strained.to_dataframe()
ratio = np.abs(table.e_xx) / table.e_xx_sigma
print(f"median error of e_xx: {table.e_xx_sigma.median():.3f}")
print(f"{(ratio > 3).sum()} of {ratio.notna().sum()} columns are strained by more than 3 sigma")

figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.errorbar(
    table.y_px, table.e_xx, table.e_xx_sigma, fmt="o", ms=3, color="#0072b2", ecolor="0.75"
)
axes.axhline(0, color="k", lw=0.8)
axes.set(xlabel="y (px)", ylabel="$e_{xx}$")

# %%
# An image of the strain
# ----------------------
# ``to_map`` averages over a Gaussian of the given resolution (Å), which lowers the noise, and
# returns a Signal2D with the axes of the image.

strained.to_map("e_xx", resolution=10).plot(cmap="RdBu_r", vmin=-0.04, vmax=0.04)
