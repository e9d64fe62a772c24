# SPDX-License-Identifier: GPL-3.0-or-later
"""Focal series of a layer, and how well a network tells its species."""

import numpy as np

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_series
from hyperspy_dlatoms.simulation.imaging.lens import Lens

SIZE = 48.0
DEFOCI = (-10.0, 40.0, 90.0)
BORDER = 4.0


def series_of(wave, seed, dose=2e4):
    """Three images of an exit wave at 80 kV, and their sampling (Å/px)."""
    lens = Lens(Cs=-8e4, focal_spread=30.0)
    camera = Camera(sampling=0.1, dose=dose, blur=0.15, mtf=(1.0, 0.03, 0.45, 2.5))
    conditions = Conditions(lens=lens, camera=camera, defoci=DEFOCI, drift=((0.0, 0.0),) * 3)
    return take_series(np.random.default_rng(seed), wave, 0.2, 80e3, conditions)


def shares(network, sites, scene, sampling, name):
    """Precision and recall of one species, away from the edges."""
    _, true, names = scene
    found = sites[np.array(network.card.classes)[sites[:, 5].astype(int)] == name, :2] * sampling
    there = true[names == name, :2]
    pairs = match(found, there, 0.7)
    right, seen = np.zeros(len(found), bool), np.zeros(len(there), bool)
    right[pairs[:, 0]] = seen[pairs[:, 1]] = True

    def inner(places):
        return ((places > BORDER) & (places < SIZE - BORDER)).all(axis=1)

    return right[inner(found)].mean(), seen[inner(there)].mean()
