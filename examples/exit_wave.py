# SPDX-License-Identifier: GPL-3.0-or-later
"""
The exit wave of a layer
========================

A network returns the complex wave behind a layer of MoS2 from three images at different defocus.
You need not know any aberration of the lens.
"""

import matplotlib.pyplot as plt
import numpy as np

from hyperspy_dlatoms import data

series = data.mos2_series()
wave = series.reconstruct_exit_wave_nn("mos2-exit-wave")
wave

# %%
# The phase shows the atoms: molybdenum most strongly, then pairs of sulphur atoms along the beam,
# and less where one or both atoms of a pair are missing.

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
axes[0].imshow(series.data[1], cmap="gray")
axes[0].set_title("the middle image", fontsize=10)
shown = axes[1].imshow(wave.phase.data, cmap="magma")
figure.colorbar(shown, ax=axes[1], label="phase (rad)", shrink=0.8)
shown = axes[2].imshow(wave.amplitude.data, cmap="gray")
figure.colorbar(shown, ax=axes[2], label="amplitude", shrink=0.8)
for each in axes:
    each.set_axis_off()

# %%
# The mean intensity is about 1, and the mean phase about 0: the images do not determine a constant
# phase.

print(f"mean intensity {np.mean(np.abs(wave.data) ** 2):.2f}")
