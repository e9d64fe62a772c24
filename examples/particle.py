# SPDX-License-Identifier: GPL-3.0-or-later
"""
A metal particle on an oxide
============================

The idea of the package in one figure: an image in which the contrast varies, a network as a filter
that leaves only the atoms, and the atoms as peaks of its output. After Figure 1 of J. Madsen et
al., *Advanced Theory and Simulations* 1, 1800037 (2018), with a simulated gold particle on cerium
oxide.
"""

import matplotlib.pyplot as plt
import numpy as np

from hyperspy_dlatoms import data

s = data.nanoparticle()
probability = s.predict_atoms_nn("metal-nanoparticle")
atoms = s.find_atoms_nn("metal-nanoparticle")

# %%
# The oxide is crystalline too, but it is not a metal: the network reports nothing there.

table = atoms.to_dataframe()
low, high = np.percentile(s.data, [0.5, 99.5])
figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
axes[0].imshow(s.data, cmap="gray", vmin=low, vmax=high)
axes[0].set_title("(A) Image", loc="left")
axes[1].imshow(probability.data, cmap="magma", vmin=0, vmax=1)
axes[1].set_title("(B) Output of the network", loc="left")
axes[2].imshow(s.data, cmap="gray", vmin=low, vmax=high)
axes[2].plot(table.x_px, table.y_px, "o", mfc="none", mec="#f0e442", ms=6)
axes[2].set_title(f"(C) {len(table)} columns", loc="left")
for each in axes:
    each.set_axis_off()

# %%
# How thick is it?
# ----------------
# The network also estimates the number of atoms in each column, to about one atom. Colour the
# columns by this height:

atoms.plot_on(s, by="height")

# %%
# Surface columns
# ---------------
# These columns have fewer than the six nearest neighbours of a bulk column along [110].

neighbours = atoms.neighbours()
surface = neighbours.select(coordination=(None, 5))
print(f"{len(surface.to_dataframe())} of {len(table)} columns are at the surface")
neighbours.plot_on(s, by="coordination")

# %%
# On to other tools: ``atoms.to_ase("Au")`` returns a structure for ASE, and
# ``atoms.to_xyz("atoms.xyz", "Au")`` writes one for OVITO.

atoms.to_ase("Au")
