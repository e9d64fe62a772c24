# SPDX-License-Identifier: GPL-3.0-or-later
"""
Another material, from a CIF
============================

Is there a network for my crystal? First see how ``crystal``, the network for any structure, reads
simulated images of it; if that is not good enough, train one with a recipe. The example is CoSn, a
kagome metal that is in no training set.
"""

import tempfile
from pathlib import Path

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
from ase.spacegroup import crystal as crystal_of

from hyperspy_dlatoms.analysis import match
from hyperspy_dlatoms.recipes import parse_recipe
from hyperspy_dlatoms.simulation import Camera, Conditions, Lens, crystal, exit_wave, take_image

# %%
# Use a CIF from a database; here ASE writes one.

folder = Path(tempfile.mkdtemp())
cif = folder / "CoSn.cif"
crystal_of(
    ["Co", "Sn", "Sn"],
    [(0.5, 0, 0), (0, 0, 0), (1 / 3, 2 / 3, 0.5)],
    spacegroup=191,
    cellpar=[5.28, 5.28, 4.26, 90, 90, 120],
).write(cif)

# %%
# Simulate a specimen, its exit wave, and an image
# ------------------------------------------------
# A wedge with an edge, along [001], through a corrected lens, at 5000 e/Å².

rng = np.random.default_rng(7)
specimen = crystal(
    rng, file=str(cif), size=44.0, zone="001", shape="wedge", thickness=40.0, tilt_max=0.5
)
wave, sites, kinds = exit_wave(rng, specimen, 300e3, slice_thickness=4.0)
lens = Lens(defocus=50.0, Cs=-1e5, focal_spread=25.0)
counts, pixel = take_image(rng, wave, 0.2, 300e3, Conditions(lens, Camera(0.1, dose=5000.0)))
s = hs.signals.Signal2D(counts)
for axis in s.axes_manager.signal_axes:
    axis.scale, axis.units = pixel, "Å"

# %%
# What the network for any crystal makes of it
# --------------------------------------------

atoms = s.find_atoms_nn("crystal")
found = atoms.data.ravel()[0][:, :2] * pixel
true = sites[kinds == 0, :2]
inside = ((true > 3) & (true < 41)).all(axis=1)
pairs = match(found, true, 0.5)
right = np.isin(np.arange(len(true)), pairs[:, 1])
print(f"{np.mean(right[inside]):.0%} of the columns found, 3 Å from the border")

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
low, high = np.percentile(s.data, [0.5, 99.5])
axes.imshow(s.data, cmap="gray", vmin=low, vmax=high, extent=(0, 44, 44, 0))
axes.plot(true[:, 1], true[:, 0], "+", color="#56b4e9", ms=5, label="true")
axes.plot(found[:, 1], found[:, 0], "o", mfc="none", mec="#f0e442", ms=7, label="found")
axes.legend(loc="upper right", framealpha=1)
axes.set_axis_off()

# %%
# A network of its own
# --------------------
# A recipe is a YAML file: the specimens, the microscope, and the training. Each image draws its
# values from the ranges in brackets. The whole recipe is checked before anything is simulated.

text = f"""
name: cosn
description: Columns of CoSn along [001] and [110].
seed: 1
waves: {{count: 600, size: 60, sampling: 0.2, energy: 300.0e+3, displacement: [0.05, 0.1],
        method: multislice, slice_thickness: 4.0}}
structures:
  - {{structure: crystal, share: 5, file: {cif}, zone: "001", thickness: [8, 80]}}
  - {{structure: crystal, share: 3, file: {cif}, zone: "110", thickness: [8, 80]}}
  - {{structure: amorphous-carbon, share: 1, thickness: [5, 60]}}
  - {{structure: vacuum, share: 0.3}}
imaging:
  defocus: [-150, 150]
  Cs: [-2.0e+5, 2.0e+5]
  astigmatism: [0, 30]
  coma: [0, 400]
  threefold: [0, 200]
  focal_spread: [15, 50]
  sampling: [0.05, 0.2]
  dose: {{log: [300, 1.0e+5]}}
  blur: [0.05, 0.3]
  mtf_c1: 1.0
  mtf_c2: [0, 0.06]
  mtf_c3: [0.33, 0.62]
  mtf_c4: [2, 3]
images: {{per_wave: 0, pixels: 128}}
network: {{version: "1", classes: [column], sampling: 0.2, widths: [24, 48, 96, 128],
          dilations: [1, 2, 4], radius: 0.5, minimum_distance: 0.9}}
training: {{start: crystal, batch: 8, crop: 240, minutes: 30, learning_rate: 1.0e-3}}
"""
(folder / "cosn.yaml").write_text(text)
recipe = parse_recipe(text)
print(recipe.name, recipe.waves.count, "waves")

# %%
# Train it from the command line. ``start: crystal`` starts from the weights of that network, so
# half an hour on two cores, or two minutes on a GPU, is a sensible budget:
#
# .. code-block:: console
#
#    $ dlatoms train cosn.yaml --calibrate
#    $ dlatoms find image.dm4 --model runs/cosn/cosn.safetensors -o atoms.csv
#
# The first command simulates the exit waves (and continues if it is interrupted), trains, and then
# calibrates probabilities, standard deviations, thresholds and the domain on waves held out from
# the training. The model file works wherever a network name does:
# ``s.find_atoms_nn("runs/cosn/cosn.safetensors")``. See :doc:`/guide/training`.

# %%
# What the time buys
# ------------------
# F1 of all columns in 114 images of held-out waves at each dose, through all lenses of the recipe,
# after training on two cores with AMX; the last row has as many steps as an hour allows there.
# Simulating the waves took some five minutes more
# (``python benchmarks/held_out.py cosn.yaml data/cosn crystal runs/cosn/cosn.safetensors``):
#
# =======================  =========  ============  =============
# dose                     1000 e/Å²  10 000 e/Å²   100 000 e/Å²
# =======================  =========  ============  =============
# ``crystal``              0.85       0.89          0.89
# 10 minutes, 1039 steps   0.91       0.94          0.97
# 30 minutes, 3101 steps   0.94       0.97          0.98
# 60 minutes, 6200 steps   0.94       0.98          0.99
# =======================  =========  ============  =============
