# SPDX-License-Identifier: GPL-3.0-or-later
"""Deformation of a flat sheet: ripples, strain and tilt."""

from typing import Any

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens.orientation import tilt_matrix

BEYOND = 8.0  # Sheets are built this much larger than the box on each side, then cropped (Å).
# Atoms nearer than this to an edge of the box are left out, so that none is too close to the
# next period (Å).
SEAM = 0.75


def ripple(
    rng: np.random.Generator, points: np.ndarray, amplitude: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bend a flat sheet (n, 2) into waves of `amplitude` (Å), which shortens it in projection."""
    # Returns its points and normals (n, 3).
    xy, z, slope = points.copy(), np.zeros(len(points)), np.zeros((len(points), 2))
    middle = points.mean(axis=0)
    for share in (1.0, rng.uniform(0, 0.6), rng.uniform(0, 0.4)):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        q, high = 2 * np.pi / rng.uniform(25, 80), share * amplitude
        direction = np.array([np.cos(angle), np.sin(angle)])
        t = (points - middle) @ direction
        z += high * np.cos(q * t + phase)
        slope -= high * q * np.sin(q * t + phase)[:, None] * direction
        # The length along the wave is conserved, to second order in its slope.
        shrink = (high * q) ** 2 / 4 * (t - np.sin(2 * (q * t + phase)) / (2 * q))
        xy -= shrink[:, None] * direction
    normals = np.column_stack([-slope, np.ones(len(points))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.column_stack([xy, z]), normals


def deform(
    rng: np.random.Generator,
    points: np.ndarray,
    size: float,
    strain: float,
    ripple_amplitude: float | tuple[float, float],
    tilt_max: float,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Strain, ripple and tilt (degrees) a flat sheet (n, 2) about the middle of its box."""
    # Returns its points and normals (n, 3), and what was drawn.
    middle = np.full(2, size / 2)
    turn = rng.uniform(0, np.pi)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    principal = rng.uniform(-strain, strain, 2)
    points = (points - middle) @ (np.eye(2) + axes.T @ np.diag(principal) @ axes)
    positions, normals = ripple(rng, points, draw(rng, ripple_amplitude))
    tilt, azimuth = rng.uniform(0, tilt_max), rng.uniform(0, 2 * np.pi)
    turned = tilt_matrix(tilt, azimuth).T
    about = {"tilt": float(tilt), "strain": [float(p) for p in principal]}
    return positions @ turned + [*middle, 0], normals @ turned, about
