# SPDX-License-Identifier: GPL-3.0-or-later
"""
A noisy movie: tracks and surface motion
========================================

Follow the columns of a drifting particle from frame to frame, subtract the drift, and find the
column that jumps along the surface and the one that leaves it. The movie is simulated, 800 e/Å² per
frame, so we know when they move.
"""

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np

import hyperspy_dlatoms
from hyperspy_dlatoms.simulation import Camera, Conditions, Lens, exit_wave, metal_nanoparticle
from hyperspy_dlatoms.simulation import take_image as expose

# %%
# A movie whose truth we know
# ---------------------------
# A platinum particle along [110]. From frame 8 on one surface column sits in the next free site of
# the surface, and from frame 14 on another one is gone.

rng = np.random.default_rng(3)
particle = metal_nanoparticle(
    rng, "Pt", size=42, zone="110", radius=9.0, tilt_max=0, twin_probability=0, scale=0
)
columns = particle.sites()[:, :2]
apart = np.linalg.norm(columns[:, None] - columns, axis=-1)
shell = apart[apart > 0].min() * 1.25
steps = (columns[:, None] - columns)[(apart > 0) & (apart < shell)]
free = (columns[:, None] + steps).reshape(-1, 2)
to_column = np.linalg.norm(free[:, None] - columns, axis=-1)
free = free[(to_column.min(axis=1) > 2.0) & ((to_column < shell).sum(axis=1) >= 2)]
coordination = (apart < shell).sum(axis=1) - 1
high = np.where(particle.sites()[:, 2] >= 4, coordination, 9)
jumper, leaver = np.argsort(high, kind="stable")[:2]
away = np.linalg.norm(free - columns[jumper], axis=1)
target = free[np.argmin(np.where(away < 2.0, np.inf, away))]

before = particle.atoms
moved = before.copy()
y, x = target - columns[jumper]
moved.positions[particle.column == jumper] += [x, y, 0]
gone = moved[particle.column != leaver]


def wave_of(atoms):
    """Return the exit wave of the particle with other positions of its atoms."""
    part = type(particle)(atoms, np.full(len(atoms), -1))
    return exit_wave(np.random.default_rng(0), part, 300e3, method="projected")[0]


waves = [wave_of(atoms) for atoms in (before, moved, gone)]
camera = Camera(sampling=0.1, dose=800.0, mtf=(1.0, 0.02, 0.45, 2.5))
conditions = Conditions(Lens(defocus=60.0, Cs=-1e5, focal_spread=30.0), camera)
frames = []
for number in range(20):
    wave = waves[(number >= 8) + (number >= 14)]
    drifted = np.roll(wave, (number // 2, number // 4), axis=(0, 1))
    frames.append(expose(rng, drifted, 0.2, 300e3, conditions)[0])
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for panel, number in zip(axes, (0, 10, 19), strict=True):
    panel.imshow(frames[number], cmap="gray")
    panel.set_title(f"frame {number}", fontsize=10)
    panel.set_axis_off()

# %%

movie = hs.signals.Signal2D(np.stack(frames))
for axis in movie.axes_manager.signal_axes:
    axis.scale, axis.units = 0.1, "Å"
time = movie.axes_manager.navigation_axes[0]
time.name, time.scale, time.units = "time", 0.5, "s"

# %%
# From images to tracks
# ---------------------
# At this dose the network still reports a column, in some frames, at the site that the column has
# left, with a lower probability than a real one. For motion, use only atoms with a high
# probability.

atoms = movie.find_atoms_nn("metal-nanoparticle").select(probability=(0.9, None))
tracks = atoms.tracks()
stays = hyperspy_dlatoms.residence(tracks)
print(f"{tracks.track.nunique()} tracks over {len(frames)} frames")

# %%
# Left: drift of the whole particle. Right: positions with the drift subtracted. Columns present
# throughout are grey; those that came or went are coloured.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
drift = tracks.groupby("time_s")[["y_drift_nm", "x_drift_nm"]].first()
left.plot(drift.index, drift.y_drift_nm, label="y")
left.plot(drift.index, drift.x_drift_nm, label="x")
left.set(xlabel="time (s)", ylabel="drift (nm)")
left.legend()
last = len(frames) - 1
for number, rows in tracks.groupby("track"):
    if len(rows) <= 2:
        continue
    whole = stays.loc[number, "first"] == 0 and stays.loc[number, "last"] == last
    style = {"color": "0.7", "ms": 2} if whole else {"ms": 4}
    right.plot(rows.x_steady_nm, rows.y_steady_nm, ".", **style)
right.set(xlabel="x (nm)", ylabel="y (nm)", aspect="equal")
right.invert_yaxis()

# %%
# What moved, and when
# --------------------
# A column that vanishes in one place and appears in another nearby has jumped. ``max_distance`` is
# in the unit of the image's axes, here Å; ``distance_nm`` in the table is in nm.

moves = hyperspy_dlatoms.jumps(tracks, max_distance=3.0)
moves[["frame", "time_s", "track", "to_track", "distance_nm"]].round(3)

# %%
# How long the columns that came or went stayed. Tracks of one or two frames are left out: at this
# dose most of them are noise.

some = stays[((stays["first"] > 0) | (stays["last"] < last)) & (stays.frames > 2)]
some[["first", "last", "frames", "duration_s"]]

# %%
# The number of columns over time. A frame in which one is missed shows as a dip.

figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
long = tracks[tracks.track.isin(stays.index[stays.frames > 2])]
long.groupby("time_s").size().plot(ax=axes, drawstyle="steps-mid", ylabel="columns")
axes.set_xlabel("time (s)")
axes.locator_params(axis="y", integer=True)
