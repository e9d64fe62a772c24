# SPDX-License-Identifier: GPL-3.0-or-later
"""Placing particles in the box, and their supports."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens._particle import facet_normals
from hyperspy_dlatoms.simulation.specimens.amorphous import carbon_atoms
from hyperspy_dlatoms.simulation.specimens.oxide import oxide_atoms
from hyperspy_dlatoms.simulation.specimens.regions import half_plane, random_region
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, join

SUPPORTS = (None, "oxide", "carbon", "carbon-beside")

EDGE = 3.0  # Least distance of a particle from the edges of the box (Å).


def place(rng: np.random.Generator, parts: list[AtomList], size: float) -> tuple[AtomList, int]:
    """Put particles at random places in the box, clear of its edges and of each other."""
    placed: list[AtomList] = []
    for part in (one for one in parts if len(one.positions)):
        xy = part.positions[:, :2]
        low, high = EDGE - xy.min(axis=0), size - EDGE - xy.max(axis=0)
        for _ in range(20):
            moved = part.shift(np.append(rng.uniform(low, high), 0.0))
            if not placed or not overlaps(moved, join(*placed), 2.5).any():
                placed.append(moved)
                break
    return join(*(placed or parts[:1])), len(placed)


def supported(
    rng: np.random.Generator,
    metal: AtomList,
    size: float,
    zone: str,
    angle: float,
    support: str | None,
    gap: float | tuple[float, float] | None,
) -> tuple[AtomList, dict]:
    """Add one of `SUPPORTS` to particles; `angle` (degrees) is the first's rotation about z."""
    if support is None:
        return metal, {}
    if support != "oxide":
        return with_carbon(rng, metal, size, beside=support == "carbon-beside")
    gap = gap if gap is not None else ((2.0, 2.5) if rng.random() < 0.8 else (2.5, 8.0))
    direction = facing(rng, metal, size, zone, angle)
    return on_oxide(rng, metal, size, draw(rng, gap), direction)


def overlaps(
    atoms: AtomList, others: AtomList, distance: float, projected: bool = True
) -> np.ndarray:
    """Return which atoms are nearer than a distance (Å) to any of the others."""
    axes = slice(0, 2 if projected else 3)
    tree = cKDTree(others.positions[:, axes])
    nearest = tree.query(atoms.positions[:, axes], distance_upper_bound=distance)[0]
    return np.isfinite(nearest)


def outward(rng: np.random.Generator, metal: AtomList, size: float) -> float:
    """Draw a direction (rad from the x axis) from particles towards the empty part of the box."""
    away = size / 2 - metal.positions[:, :2].mean(axis=0) + rng.normal(0, 5, 2)
    return float(np.arctan2(away[1], away[0]))


def facing(
    rng: np.random.Generator, metal: AtomList, size: float, zone: str, angle: float
) -> float:
    """Draw the direction from a particle to its support; half the time a facet faces it."""
    direction = outward(rng, metal, size)
    if rng.random() < 0.5:
        return direction
    normals = facet_normals(zone)
    normals = normals[np.abs(normals[:, 2]) < 1e-6]
    facets = np.arctan2(normals[:, 1], normals[:, 0]) + np.radians(angle)
    return float(facets[np.argmax(np.cos(facets - direction))])


def on_oxide(
    rng: np.random.Generator, metal: AtomList, size: float, gap: float, direction: float
) -> tuple[AtomList, dict]:
    """Put CeO2 beside particles, edge-on, `gap` (Å) away in a direction (rad)."""
    normal = np.array([np.cos(direction), np.sin(direction)])
    offset = (metal.positions[:, :2] @ normal).max() + gap
    thickness = rng.uniform(20, 50)
    zone = "110" if rng.random() < 0.75 else "100"
    oxide, description = oxide_atoms(rng, size, thickness, direction, offset, zone)
    oxide = oxide.shift(np.array([0, 0, metal.positions[:, 2].mean() - thickness / 2]))
    oxide = oxide.shift(np.array([0, 0, rng.uniform(-0.2, 0.2) * thickness]))
    oxide = oxide.select(~overlaps(oxide, metal, 2.0))
    return join(metal, oxide), {**description, "gap": float(gap)}


def with_carbon(
    rng: np.random.Generator, metal: AtomList, size: float, beside: bool
) -> tuple[AtomList, dict]:
    """Put amorphous carbon under, over or beside particles."""
    thickness, density = rng.uniform(10, 50), rng.uniform(1.9, 2.2)
    z = metal.positions[:, 2]
    if beside:
        angle = outward(rng, metal, size)
        normal = np.array([np.cos(angle), np.sin(angle)])
        offset = (metal.positions[:, :2] @ normal).max() + rng.uniform(-3, 4)
        region = half_plane(rng, angle, offset, roughness=rng.uniform(0.5, 3))
        bottom = z.mean() - thickness * rng.uniform(0.2, 0.8)
        side = "beside"
    else:
        whole = rng.random() < 0.6
        region = None if whole else random_region(rng, size, rng.uniform(0.3, 0.8), 30.0)
        side = str(rng.choice(["below", "above"]))
        sunk = rng.uniform(0, 4)
        bottom = z.min() - thickness + sunk if side == "below" else z.max() - sunk
    film = carbon_atoms(rng, size, thickness, density, region).shift(np.array([0, 0, bottom]))
    film = film.select(~overlaps(film, metal, 2.1, projected=False))
    if beside:
        film = film.select(~overlaps(film, metal, 1.5))
    description = {"film_thickness": float(thickness), "film_density": float(density)}
    return join(metal, film), {**description, "film_side": side}
