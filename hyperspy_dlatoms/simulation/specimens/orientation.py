# SPDX-License-Identifier: GPL-3.0-or-later
"""Orientations of cubic crystals relative to the beam, which runs along z."""

import numpy as np

# Rotation from crystal axes to x, y, z for each zone along the beam.
ZONES = {
    "110": np.array([[-1, 1, 0], [0, 0, np.sqrt(2)], [1, 1, 0]]) / np.sqrt(2),
    "100": np.eye(3)[[1, 2, 0]],
}


def rotation(angle: float) -> np.ndarray:
    """Return the matrix, shape (3, 3), of a rotation by `angle` (rad) about the beam."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def tilt_matrix(tilt: float, azimuth: float) -> np.ndarray:
    """Return the matrix of a tilt about an axis across the beam."""
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return rotation(azimuth) @ about_x @ rotation(-azimuth)
