# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth random regions of the plane: holes, patches and irregular edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw, draw_count

Region = Callable[[np.ndarray], np.ndarray]
"""Maps points x, y (Å), shape (n, 2), to True where they lie in the region, shape (n,)."""


def smooth_field(
    rng: np.random.Generator, size: float, scale: float = 20.0, modes: int = 8
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a smooth random field, periodic in the box, of zero mean and about unit variance.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size : float
        Edge of the box (Å).
    scale : float, optional
        Wavelength of the finest modes (Å).
    modes : int, optional
        Number of Fourier modes.

    Returns
    -------
    callable
        Maps points x, y (Å), shape (n, 2), to the values of the field, shape (n,).
    """
    highest = max(1, int(round(size / scale)))
    order = np.mgrid[-highest : highest + 1, 0 : highest + 1].reshape(2, -1).T
    length = np.hypot(*order.T)
    order = order[(length > 0) & (length <= highest + 0.5)]
    q = 2 * np.pi / size * order[rng.integers(len(order), size=modes)]
    phase = rng.uniform(0, 2 * np.pi, modes)
    amplitude = np.sqrt(2 / modes)

    def values(points: np.ndarray) -> np.ndarray:
        return amplitude * np.cos(np.asarray(points) @ q.T + phase).sum(axis=1)

    return values


def threshold_field(
    values: Callable[[np.ndarray], np.ndarray], size: float, fraction: float
) -> float:
    """Return the value that `fraction` of the box lies above.

    Parameters
    ----------
    values : callable
        A field as `smooth_field` makes it.
    size : float
        Edge of the box (Å).
    fraction : float
        Wanted share of the box, 0 to 1.

    Returns
    -------
    float
        The threshold.
    """
    axis = (np.arange(40) + 0.5) * size / 40
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return float(np.quantile(values(grid), 1 - np.clip(fraction, 0, 1)))


def random_region(
    rng: np.random.Generator, size: float, fraction: float, scale: float = 20.0
) -> Region:
    """Make a smooth random region, in one or more pieces, that covers a share of the box.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size : float
        Edge of the box (Å).
    fraction : float
        Share of the box that it covers, 0 to 1.
    scale : float, optional
        Finest wavelength of its outline (Å).

    Returns
    -------
    Region
        Points x, y (n, 2) to bool (n,).
    """
    values = smooth_field(rng, size, scale)
    threshold = threshold_field(values, size, fraction)
    return lambda points: values(points) > threshold


def blob(
    rng: np.random.Generator, centre: np.ndarray, radius: float, roughness: float = 0.15
) -> Region:
    """Make a smooth round region.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    centre : numpy.ndarray
        x, y of its centre (Å).
    radius : float
        Mean radius (Å).
    roughness : float, optional
        Deviations of its outline from a circle, relative to the radius.

    Returns
    -------
    Region
        Points x, y (n, 2) to bool (n,).
    """
    order = np.arange(2, 6)
    amplitude = roughness * rng.normal(size=order.size) / order
    phase = rng.uniform(0, 2 * np.pi, order.size)

    def inside(points: np.ndarray) -> np.ndarray:
        dx, dy = (np.asarray(points) - centre).T
        angle = np.arctan2(dy, dx)[:, None]
        return np.hypot(dx, dy) < radius * (1 + (amplitude * np.cos(order * angle + phase)).sum(1))

    return inside


def half_plane(
    rng: np.random.Generator, angle: float, offset: float, roughness: float = 0.0
) -> Region:
    """Make the region beyond a straight or wavy line.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    angle : float
        Direction of the outward normal of the line from the x axis (rad); the region lies
        on the side that the normal points to.
    offset : float
        Distance of the line from the origin along the normal (Å).
    roughness : float, optional
        Standard deviation of the line from straight (Å).

    Returns
    -------
    Region
        Points x, y (n, 2) to bool (n,).
    """
    wavelength = rng.uniform(8, 60, size=5)
    phase = rng.uniform(0, 2 * np.pi, 5)
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-normal[1], normal[0]])

    def inside(points: np.ndarray) -> np.ndarray:
        t = (np.asarray(points) @ along)[:, None]
        wave = np.sin(2 * np.pi * t / wavelength + phase).sum(axis=1) * np.sqrt(2 / 5)
        return np.asarray(points) @ normal > offset + roughness * wave

    return inside


def openings(
    rng: np.random.Generator,
    points: np.ndarray,
    size: float,
    holes: int | tuple[int, int],
    hole_radius: float | tuple[float, float],
    free_edge: bool,
) -> tuple[np.ndarray, int]:
    """Choose the part of a sheet that is not there: smooth holes, and all beyond an edge.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    points : numpy.ndarray
        x, y of the sheet (Å), shape (n, 2).
    size : float
        Edge of the box (Å).
    holes : int or tuple of int
        Number of holes, or its range, both ends included.
    hole_radius : float or tuple of float
        Mean radius of a hole (Å), or its range.
    free_edge : bool
        Whether the sheet ends within the box.

    Returns
    -------
    opened : numpy.ndarray
        Shape (n,), bool.
    n_holes : int
        How many holes there are.
    """
    opened = np.zeros(len(points), dtype=bool)
    for _ in range(n_holes := draw_count(rng, holes)):
        opened |= blob(rng, rng.uniform(0, size, 2), draw(rng, hole_radius))(points)
    if free_edge:
        angle = rng.uniform(0, 2 * np.pi)
        normal = np.array([np.cos(angle), np.sin(angle)])
        offset = normal.sum() * size / 2 + rng.uniform(-0.35, 0.35) * size
        opened |= half_plane(rng, angle, offset, rng.uniform(0, 2))(points)
    return opened, n_holes
