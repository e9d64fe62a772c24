# SPDX-License-Identifier: GPL-3.0-or-later
"""Specimens of the benchmarks, built differently from those that networks are trained on."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens import sheets
from hyperspy_dlatoms.simulation.specimens.contamination import contamination
from hyperspy_dlatoms.simulation.specimens.deformation import BEYOND, SEAM, ripple
from hyperspy_dlatoms.simulation.specimens.growth import largest_piece, neighbour_table
from hyperspy_dlatoms.simulation.specimens.metal import fcc_lattice_constant
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES, rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.regions import blob, half_plane, in_box
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen, join
from hyperspy_dlatoms.simulation.specimens.support import on_oxide, outward, place, with_carbon

SUPPORTS = ("vacuum", "oxide", "carbon", "carbon beside")
SHEETS = ("perfect", "vacancies", "rotated bonds", "grain boundary", "edge", "contaminated")

_ALONG = {"110": (1, 1, 0), "100": (2, 0, 0)}
# Periods along the beam and across it, in half lattice constants.
_ACROSS = {"110": ((-1, 1, 0), (0, 0, 1)), "100": ((0, 1, 0), (0, 0, 1))}


def wulff_particle(
    rng: np.random.Generator,
    element: str = "Ir",
    zone: str = "110",
    size: float = 60.0,
    diameter: float = 26.0,
    thickness: float = 20.0,
    tilt: float = 0.0,
    rounded: bool = False,
    support: str = "vacuum",
) -> Specimen:
    """Make an fcc metal particle in its equilibrium shape, with columns as sites (Å, °)."""
    # Unlike in training, all facets are at the distances of a Wulff construction. If rounded, it
    # has single-atom columns at its rim. G. Wulff, Z. Kristallogr. 34 (1901) 449.
    from ase.cluster import wulff_construction
    from ase.data import atomic_numbers

    if zone not in ZONES:
        raise ValueError(f"zone {zone!r} is not known: expected one of {sorted(ZONES)}.")
    if support not in SUPPORTS:
        raise ValueError(f"support {support!r} is not known: expected one of {SUPPORTS}.")
    a = fcc_lattice_constant(element)
    n_atoms = round(4 * np.pi / 6 * (diameter / a) ** 3)
    cluster = wulff_construction(
        element, [(1, 0, 0), (1, 1, 1)], [rng.uniform(1.0, 1.25), 1.0], n_atoms, "fcc"
    )
    lattice = np.rint((cluster.positions - cluster.positions[0]) / (a / 2)).astype(int)
    along = np.array(_ALONG[zone])
    copies = np.arange(-np.ceil(thickness / a), np.ceil(thickness / a) + 1).astype(int)
    lattice = np.unique((lattice[:, None] + copies[:, None] * along).reshape(-1, 3), axis=0)
    column = np.unique(lattice @ np.array(_ACROSS[zone]).T, axis=0, return_inverse=True)[1].ravel()
    positions = lattice @ ZONES[zone].T * (a / 2)
    positions -= (positions.min(axis=0) + positions.max(axis=0)) / 2
    radius = np.hypot(*positions[:, :2].T)
    profile = np.sqrt(1 - (radius / (radius.max() + 0.3 * a)) ** 2) if rounded else 1.0
    inside = np.abs(positions[:, 2]) <= thickness / 2 * profile
    neighbours = neighbour_table(positions, 1.15 * a / np.sqrt(2))
    kept = largest_piece(inside, neighbours)
    turn = tilt_matrix(tilt, rng.uniform(0, 2 * np.pi)) @ rotation(rng.uniform(0, 2 * np.pi))
    numbers = np.full(kept.sum(), atomic_numbers[element])
    metal, _ = place(rng, [AtomList(numbers, positions[kept] @ turn.T, column[kept])], size)
    description = {
        "kind": "Wulff particle",
        "element": element,
        "zone": zone,
        "support": support,
        "tilt": float(tilt),
        "thickness": float(thickness),
        "rounded": bool(rounded),
    }
    parts = metal
    if support == "oxide":
        parts, about = on_oxide(rng, metal, size, rng.uniform(2, 2.5), outward(rng, metal, size))
        description |= about
    elif support != "vacuum":
        parts, about = with_carbon(rng, metal, size, beside=support == "carbon beside")
        description |= about
    return Specimen.from_list(parts, size, description)


def graphene_specimen(
    rng: np.random.Generator, kind: str = "perfect", size: float = 60.0, tilt: float = 0.0
) -> Specimen:
    """Make a sheet of graphene with one kind of defect, one of ``SHEETS``; size in Å, tilt in °."""
    # The description holds y, x (Å) of ``vacancies`` and of ``unclear``, atoms under carbon.
    if kind not in SHEETS:
        raise ValueError(f"kind {kind!r} is not known: expected one of {SHEETS}.")
    low, high = -BEYOND, size + BEYOND
    sheet = _boundary(rng, low, high) if kind == "grain boundary" else _lattice(rng, low, high)
    if kind == "rotated bonds":
        sheet = sheets.relax(sheets.rotate_bonds(rng, sheet, round(len(sheet.points) / 60)))
    present = np.ones(len(sheet.points), dtype=bool)
    if kind == "edge":
        present &= ~blob(rng, rng.uniform(0.2, 0.8, 2) * size, 0.12 * size)(sheet.points)
        angle = rng.uniform(0, 2 * np.pi)
        offset = (np.cos(angle) + np.sin(angle)) * size / 2 + 0.2 * size
        present &= ~half_plane(rng, angle, offset, roughness=1.0)(sheet.points)
        present[present] = sheets.trim(sheets.keep_atoms(sheet, present))
        sheet, present = sheets.keep_atoms(sheet, present), present[present]
    if kind == "vacancies":
        present[_missing(rng, sheet, share=0.015)] = False
    positions, _ = ripple(rng, sheet.points - size / 2, amplitude=0.5)
    positions = positions @ tilt_matrix(tilt, rng.uniform(0, 2 * np.pi)).T
    positions += [size / 2, size / 2, 0]
    inside = in_box(positions, size, SEAM)
    vacancies = positions[inside & ~present, 1::-1]
    positions = positions[inside & present]
    column, parts = np.arange(len(positions)), []
    if kind == "contaminated":
        film, over = contamination(rng, positions, size, thickness=10.0, coverage=0.35)
        column[over > 0] = -1
        parts = [film]
    description = {"kind": f"graphene, {kind}", "element": "C", "tilt": float(tilt)}
    description["vacancies"] = vacancies.tolist()
    description["unclear"] = positions[column < 0, 1::-1].tolist()
    layer = AtomList(np.full(len(positions), 6), positions, column)
    return Specimen.from_list(join(layer, *parts), size, description)


def _lattice(rng: np.random.Generator, low: float, high: float) -> sheets.Sheet:
    from ase.build import graphene

    n = int(np.ceil(2.2 * (high - low) / sheets.SECOND))
    points = graphene(size=(n, n, 1)).positions[:, :2]
    points = (points - points.mean(axis=0)) @ rotation(rng.uniform(0, np.pi / 3))[:2, :2]
    points += (low + high) / 2 + rng.uniform(0, sheets.SECOND, 2)
    points = points[((points >= low) & (points <= high)).all(axis=1)]
    distance, bonded = cKDTree(points).query(points, k=4, distance_upper_bound=1.2 * sheets.BOND)
    sheet = sheets.Sheet(points, np.where(np.isfinite(distance), bonded, -1)[:, 1:])
    return sheets.keep_atoms(sheet, sheets.trim(sheet))


def _boundary(rng: np.random.Generator, low: float, high: float) -> sheets.Sheet:
    """Join two grains along a line, rotated by the same angle to either side."""
    middle, half = (low + high) / 2, np.radians(21.8) / 2
    direction = rng.uniform(0, np.pi)
    normal = np.array([np.cos(direction), np.sin(direction)])
    grains = []
    for side in (-1, 1):
        centres = sheets.lattice_centres(low, high, direction + side * half, np.full(2, middle))
        grains.append(centres[side * (centres - middle) @ normal > 0.3 * sheets.SECOND])
    centres = np.concatenate(grains)
    distance = np.abs((centres - middle) @ normal)
    centres = sheets.lloyd(centres, distance < 1.5 * sheets.SECOND, sweeps=8)
    sheet = sheets.from_centres(centres)
    return sheets.relax(sheets.keep_atoms(sheet, sheets.trim(sheet)))


def _missing(rng: np.random.Generator, sheet: sheets.Sheet, share: float) -> np.ndarray:
    """Choose atoms that lie apart from each other, half of them with a neighbour."""
    chosen: list[int] = []
    taken = np.zeros(len(sheet.points), dtype=bool)
    tree = cKDTree(sheet.points)
    for first in rng.permutation(len(sheet.points)):
        if len(chosen) >= share * len(sheet.points):
            break
        if taken[first] or (sheet.bonded[first] < 0).any():
            continue
        pair = [first, *sheet.bonded[first][: int(rng.integers(2))]]
        chosen += pair
        taken[tree.query_ball_point(sheet.points[first], 4 * sheets.BOND)] = True
    return np.array(chosen, dtype=int)
