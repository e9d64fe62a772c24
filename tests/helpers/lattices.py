# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions of projected crystals, and fields of strain whose gradient is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

HEXAGONAL = np.array([[0, 1], [np.sqrt(0.75), 0.5]])
PAIR = [[0, 0], [1 / 3, 1 / 3]]
CELLS = {
    "graphene": (2.46 * HEXAGONAL, PAIR),
    "MoS2": (3.16 * HEXAGONAL, PAIR),
    "Au [110]": (np.array([[0, 4.08 / np.sqrt(2)], [2.04, 4.08 / np.sqrt(8)]]), [[0, 0]]),
    "Au [100]": (2.04 * np.eye(2)[::-1], [[0, 0]]),
    "Si [110]": (np.array([[0, 5.43], [3.84, 0]]), [[0, 0], [0.5, 0.5], [0.25, 0], [0.75, 0.5]]),
}


def rotation(angle):
    """Of rows (y, x), from x to y."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def crystal(name, size, angle=0.0):
    """Columns (y, x) of a square piece of a crystal, about 0, turned by an angle, in Å."""
    cell, sites = CELLS[name]
    reach = int(size / np.linalg.norm(cell, axis=1).min() * 1.5) + 2
    number = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    places = (number[:, None] + np.array(sites)).reshape(-1, 2) @ cell @ rotation(angle)
    return places[(np.abs(places) < size / 2).all(axis=1)]


class Field(NamedTuple):
    """Displacements (y, x) and the gradient of the positions along (x, y)."""

    displacement: np.ndarray
    gradient: np.ndarray


def from_functions(places, function, jacobian):
    """A field from functions of x, y: u_x and u_y, and their derivatives row by row."""
    y, x = places.T
    u = np.array([np.broadcast_to(one, x.shape) for one in function(x, y)])
    rows = [np.broadcast_to(one, x.shape) for one in jacobian(x, y)]
    gradient = np.array(rows).T.reshape(-1, 2, 2) + np.eye(2)
    return Field(u[::-1].T, gradient)


def uniform(places, e_xx=0.02, shear=0.01, turn=-0.015, e_yy=-0.03):
    return from_functions(
        places,
        lambda x, y: (e_xx * x + shear * y, turn * x + e_yy * y),
        lambda x, y: (e_xx, shear, turn, e_yy),
    )


def graded(places, slope=1e-3):
    """Strain that grows along x by 0.1 % in an Å."""
    return from_functions(
        places,
        lambda x, y: (slope * x**2 / 2, slope * x * y / 2),
        lambda x, y: (slope * x, 0, slope * y / 2, slope * x / 2),
    )


def relaxed_surface(places, shift=0.12, depth=4.0):
    """The last layers along x have moved outwards."""
    end = places[:, 1].max()
    return from_functions(
        places,
        lambda x, y: (shift * np.exp((x - end) / depth), 0),
        lambda x, y: (shift / depth * np.exp((x - end) / depth), 0, 0, 0),
    )


def dislocation(places, burgers=2.46, core=(0.47, 0.31), poisson=0.25):
    """An edge dislocation of isotropic elasticity, its Burgers vector along x.

    P. M. Anderson, J. P. Hirth and J. Lothe, Theory of Dislocations, 3rd ed. (2017), section 3.4.
    """
    k, c = burgers / (2 * np.pi), 1 / (4 * (1 - poisson))

    def function(x, y):
        x, y = x - core[1], y - core[0]
        r2 = x**2 + y**2
        ux = k * (np.arctan2(y, x) + 2 * c * x * y / r2)
        uy = -k * c * ((1 - 2 * poisson) * np.log(r2) + (x**2 - y**2) / r2)
        return ux, uy

    def jacobian(x, y):
        x, y = x - core[1], y - core[0]
        r2 = x**2 + y**2
        xx = -y / r2 + 2 * c * y * (y**2 - x**2) / r2**2
        xy = x / r2 + 2 * c * x * (x**2 - y**2) / r2**2
        yx = -c * ((1 - 2 * poisson) * 2 * x / r2 + 4 * x * y**2 / r2**2)
        yy = -c * ((1 - 2 * poisson) * 2 * y / r2 - 4 * x**2 * y / r2**2)
        return k * xx, k * xy, k * yx, k * yy

    return from_functions(places, function, jacobian)


def noisy(places, sigma, rng):
    """Places with errors of half to one and a half times sigma, and these sigmas."""
    spread = sigma * rng.uniform(0.5, 1.5, places.shape)
    return places + spread * rng.normal(size=places.shape), spread
