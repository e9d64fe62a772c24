# SPDX-License-Identifier: GPL-3.0-or-later
"""
Is my image suitable?
=====================

The networks were trained on simulated images of certain specimens, samplings and doses. When an
image is unlike these, a warning says so. This page shows a good image and some bad ones, and what
the package says about each.
"""

import warnings

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import camera

import hyperspy_dlatoms
from hyperspy_dlatoms import data


def try_out(image, title):
    """Find atoms, draw them, and print the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms = image.find_atoms_nn("metal-nanoparticle")
    table = atoms.to_dataframe()
    figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
    low, high = np.percentile(image.data, [0.5, 99.5])
    axes.imshow(image.data, cmap="gray", vmin=low, vmax=high)
    axes.plot(table.x_px, table.y_px, "o", mfc="none", mec="#f0e442", ms=6)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    score = float(np.ravel(atoms.metadata.VectorMetadata.domain)[0])
    print(f"{len(table)} sites, domain score {score:.2f} (above 1: unlike the training images)")
    for warning in caught:
        if issubclass(warning.category, hyperspy_dlatoms.DLAtomsWarning):
            print(f"{warning.category.__name__}: {warning.message}")


def signal(pixels, sampling):
    """Return an image with a sampling in Å/px."""
    image = hs.signals.Signal2D(np.asarray(pixels, float))
    for axis in image.axes_manager.signal_axes:
        axis.scale, axis.units = sampling, "Å"
    return image


good = data.nanoparticle()
sampling = 10 * good.axes_manager.signal_axes[0].scale

# %%
# A good image
# ------------
# A metal particle along [110], calibrated, at 800 e/Å²: no warning, and a domain score below 1.

try_out(good, "Good")

# %%
# Wrong calibration
# -----------------
# The same image with half the true pixel size. What is found forms no lattice of a metal, and the
# warning names the samplings at which it would.

try_out(signal(good.data, sampling / 2), "Pixel size wrong by a factor of 2")

# %%
# Too few electrons
# -----------------
# Only one electron in a hundred is kept: 8 e/Å², far below 80 e/Å², the lowest dose of the
# training. Some columns are still found, and a warning says that the image is outside the domain.

few = np.random.default_rng(1).binomial(good.data.astype(int), 1 / 100)
try_out(signal(few, sampling), "8 e/Å²")

# %%
# Not an image of atoms
# ---------------------
# Nothing is found here, and a warning says so.

try_out(signal(camera(), 0.1), "A photograph")

# %%
# A border and hot pixels
# -----------------------
# You need do nothing about these. Areas of one value, faulty lines, hot pixels and X-ray hits are
# masked, and no atoms are reported there.

spoilt = good.data.astype(float)
spoilt[:, :190] = 0
y, x = np.random.default_rng(2).integers((0, 200), 512, size=(40, 2)).T
spoilt[y, x] = 5000
spoilt = signal(spoilt, sampling)
try_out(spoilt, "A border and hot pixels")

# %%
# ``masked_pixels`` shows what was masked.

masked = spoilt.masked_pixels()
print(f"{masked.data.mean():.0%} of the image is masked")

# %%
# No warning is no proof: about half of the images that a network gets wrong raise none, see
# :doc:`/limits`. To stop a script at a doubtful image, pass ``on_extrapolation="raise"``.
