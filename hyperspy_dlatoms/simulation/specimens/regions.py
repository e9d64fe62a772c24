# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth random regions of the plane: holes, patches and irregular edges."""

from collections.abc import Callable

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw, draw_count

# Maps points x, y (Å), shape (n, 2), to True where they lie in the region, shape (n,).
Region = Callable[[np.ndarray], np.ndarray]


def in_box(points: np.ndarray, size: float, margin: float = 0.0) -> np.ndarray:
    """Return which points x, y, ... (n, 2 or 3) lie `margin` or more from the edges of the box."""
    return np.all((points[:, :2] >= margin) & (points[:, :2] < size - margin), axis=1)


def smooth_field(
    rng: np.random.Generator, size: float, scale: float = 20.0, modes: int = 8
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a smooth random field of mean 0 and variance about 1, periodic in the box."""
    # The field maps x, y (n, 2) to values (n,); `scale` (Å) is the wavelength of its finest modes.
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
    """Return the value that a field exceeds in a `fraction` of the box of edge `size` (Å)."""
    axis = (np.arange(40) + 0.5) * size / 40
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return float(np.quantile(values(grid), 1 - np.clip(fraction, 0, 1)))


def random_region(
    rng: np.random.Generator, size: float, fraction: float, scale: float = 20.0
) -> Region:
    """Make a smooth region, in one or more pieces, that covers a `fraction` of the box."""
    values = smooth_field(rng, size, scale)
    threshold = threshold_field(values, size, fraction)
    return lambda points: values(points) > threshold


def blob(
    rng: np.random.Generator, centre: np.ndarray, radius: float, roughness: float = 0.15
) -> Region:
    """Make a smooth region around `centre` of mean `radius` (Å), its outline rough by a share."""
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
    """Make the region beyond a line `offset` (Å) along a direction (rad), wavy by `roughness`."""
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
    """Return which points (n, 2) of a sheet lie in holes or beyond an edge, and count the holes."""
    opened = np.zeros(len(points), dtype=bool)
    for _ in range(n_holes := draw_count(rng, holes)):
        opened |= blob(rng, rng.uniform(0, size, 2), draw(rng, hole_radius))(points)
    if free_edge:
        angle = rng.uniform(0, 2 * np.pi)
        normal = np.array([np.cos(angle), np.sin(angle)])
        offset = normal.sum() * size / 2 + rng.uniform(-0.35, 0.35) * size
        opened |= half_plane(rng, angle, offset, rng.uniform(0, 2))(points)
    return opened, n_holes
