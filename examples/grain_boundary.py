# SPDX-License-Identifier: GPL-3.0-or-later
"""
Graphene with a grain boundary
==============================

Find every carbon atom of a bicrystal, measure the misorientation of the grains, and find the rings
of five and seven atoms between them. The image comes with the package: 80 kV, 6000 e/Å², simulated,
so the true atoms are known.
"""

import matplotlib.pyplot as plt
import numpy as np

from hyperspy_dlatoms import data, registry
from hyperspy_dlatoms.analysis import find_rings, match

s = data.graphene()
atoms = s.find_atoms_nn("graphene").grains()
atoms.plot_on(s, by="grain")

# %%
# Each grain has its own lattice. The difference in ``orientation`` is the misorientation, modulo
# 60°: a honeycomb rotated by 60° looks the same. Grains of fewer than 30 atoms are left out.

lattice = atoms.lattice("graphene")
lattice = lattice[lattice.n >= 30]
lattice[["grain", "n", "a", "a_sigma", "b", "gamma", "orientation"]].round(3)

# %%

first, second = lattice.orientation[:2]
turned = (first - second + 30) % 60 - 30
print(f"misorientation {abs(turned):.1f}°")

# %%
# In the boundary the hexagons give way to pentagons and heptagons; larger rings are vacancies and
# holes.

atoms.rings().groupby("size").size()

# %%

frame = atoms.data.ravel()[0]
rings = find_rings(frame[:, :2])
figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
low, high = np.percentile(s.data, [0.5, 99.5])
axes.imshow(s.data, cmap="gray", vmin=low, vmax=high)
axes.plot(frame[:, 1], frame[:, 0], ".", color="#f0e442", ms=3)
for size, marker, colour in ((5, "p", "#e69f00"), (7, "h", "#56b4e9"), (12, "o", "#d55e00")):
    y, x = rings.centres[rings.sizes == size].T
    label = f"{len(y)} rings of {size}"
    axes.plot(x, y, marker, color=colour, ms=11, mec="k", ls="", label=label)
axes.legend(loc="upper right", framealpha=1)
axes.set_axis_off()

# %%
# The simulation knows the truth. Sites within 0.5 Å of each other are matched one to one; 3 Å along
# the edges are left out.

_, truth = registry.load_dataset("graphene-image")
sampling = 10 * s.axes_manager.signal_axes[0].scale
found, true = (each.data.ravel()[0][:, :2] * sampling for each in (atoms, truth))
pairs = match(found, true, 0.5)
size = sampling * s.data.shape[0]
inside = [((each > 3) & (each < size - 3)).all(axis=1) for each in (found, true)]
right = inside[1][pairs[:, 1]].sum()
false = inside[0][np.setdiff1d(np.arange(len(found)), pairs[:, 0])].sum()
print(f"{inside[1].sum()} atoms, {right} of them found, {false} false ones")
