# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions of the atoms of round crystals."""

import numpy as np

CELLS = {
    "[110]": (np.array([[1, 0], [0.5, 1 / np.sqrt(8)]]) * 4.08, [[0, 0]]),
    "[100]": (np.eye(2) * 2.04, [[0, 0]]),
    "honeycomb": (np.array([[1, 0], [0.5, np.sqrt(0.75)]]) * 2.46, [[0, 0], [1 / 3, 1 / 3]]),
}


def crystal(zone, radius=14.0, angle=0.3, centre=(0, 0), rng=None, jitter=0.0, missing=0.0):
    """Sites of a round crystal in Å, sorted."""
    cell, basis = CELLS[zone]
    steps = np.stack(np.mgrid[-18:19, -18:19], axis=-1).reshape(-1, 2)
    sites = (steps[:, None] + np.array(basis)).reshape(-1, 2) @ cell
    sites = sites[np.hypot(*sites.T) < radius]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    sites = sites @ turn + centre
    if rng is not None:
        sites = sites[rng.random(len(sites)) >= missing]
        sites = sites + rng.normal(0, jitter, sites.shape)
    return sites[np.argsort(sites[:, 0])]
