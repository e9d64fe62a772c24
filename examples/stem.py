# SPDX-License-Identifier: GPL-3.0-or-later
"""
Scanned images (STEM)
=====================

The network ``stem`` finds columns in annular dark-field, annular bright-field and bright-field
images. Try it first on HyperSpy's own example image, then on a noisy image of SrTiO3, and tell its
kinds of columns apart.
"""

import tempfile
import warnings
from pathlib import Path

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
from ase.spacegroup import crystal as crystal_of

import hyperspy_dlatoms
from hyperspy_dlatoms import AtomPositions
from hyperspy_dlatoms.simulation import Probe, ScanConditions, crystal, scattering_map, take_scan

# %%
# HyperSpy's example
# ------------------
# This image has no noise and no scan distortion. Its rim of zeros is masked, and a warning says so.

s = hs.data.atomic_resolution_image()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    atoms = s.find_atoms_nn("stem")
for warning in caught:
    if issubclass(warning.category, hyperspy_dlatoms.DLAtomsWarning):
        print(f"{warning.category.__name__}: {warning.message}")

# %%
# The image holds 1521 columns. They are so wide for their spacing that the gaps between them look
# like dark columns.

print(len(atoms.to_dataframe()), "found")
atoms.plot_on(s)

# %%
# A noisy dark-field image of SrTiO3
# ----------------------------------
# A film along [001], 20 000 e/Å² in the beam, with a line jitter of 0.05 Å.

cif = Path(tempfile.mkdtemp()) / "SrTiO3.cif"
crystal_of(
    ["Sr", "Ti", "O"],
    [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
    spacegroup=221,
    cellpar=[3.905, 3.905, 3.905, 90, 90, 90],
).write(cif)
rng = np.random.default_rng(5)
film = crystal(
    rng, file=str(cif), size=50.0, zone="001", shape="film", thickness=80.0, tilt_max=0.5
)
scattering, sites, _ = scattering_map(rng, film)
conditions = ScanConditions(
    detector="ADF",
    sampling=0.12,
    dose=20_000.0,
    probe=Probe(22.0),
    cross_section=0.003,
    jitter=0.05,
)
counts, pixel, _ = take_scan(rng, scattering, 0.2, 300e3, conditions, sites[:, :2])
s = hs.signals.Signal2D(counts)
s.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", "STEM")
for axis in s.axes_manager.signal_axes:
    axis.scale, axis.units = pixel, "Å"
atoms = s.find_atoms_nn("stem")

# %%
# The network finds columns; their intensities tell what they are. Strontium scatters most, titanium
# with the oxygen in its column less. Pure oxygen columns are hardly visible in dark field, yet the
# network reports most of them.

atoms = atoms.column_intensities(s)
table = atoms.to_dataframe()
names, limits = ("O", "Ti", "Sr"), np.nanpercentile(table.intensity, 95) * np.array([0.25, 0.7])
kind = np.digitize(table.intensity, limits)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
left.hist(table.intensity, 40, color="0.6")
left.set(xlabel="intensity (counts Å²)", ylabel="columns")
for limit in limits:
    left.axvline(limit, color="k", lw=0.8)
right.imshow(s.data, cmap="gray")
for number, colour in enumerate(("#cc79a7", "#56b4e9", "#e69f00")):
    y, x = table.y_px[kind == number], table.x_px[kind == number]
    right.plot(x, y, "o", mfc="none", mec=colour, ms=6, label=names[number])
right.legend(loc="upper right", framealpha=1)
right.set_axis_off()

# %%
# With the kinds as species, the polarisation is the offset of titanium from the centre of the
# strontium around it, in Å. This crystal has none, so the scatter is the error of the method.

frame = np.column_stack([atoms.data.ravel()[0][:, :5], kind])
typed = AtomPositions.from_frames(frame, sampling=pixel, species=list(names))
offsets = typed.polarisation("Ti", "Sr").to_dataframe()
offsets[["offset_y", "offset_x", "offset_y_sigma", "offset_x_sigma"]].describe().round(3)
