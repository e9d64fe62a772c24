# SPDX-License-Identifier: GPL-3.0-or-later
"""Single layers of compounds, such as MoS2, with defects, edges and contamination."""

from collections import Counter
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.recipes.draws import check_shares, draw, draw_count
from hyperspy_dlatoms.simulation.specimens import _lattice_defects
from hyperspy_dlatoms.simulation.specimens._lattice_defects import Lattice
from hyperspy_dlatoms.simulation.specimens._monolayer import (
    DICHALCOGENIDES,
    RANDOM,
    Monolayer,
    monolayer,
    random_dichalcogenide,
)
from hyperspy_dlatoms.simulation.specimens.contamination import CLEARANCE, adatoms, contamination
from hyperspy_dlatoms.simulation.specimens.deformation import BEYOND, SEAM, deform
from hyperspy_dlatoms.simulation.specimens.regions import half_plane, in_box, openings
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen, join

BOUNDARIES = ("none", "grain", "twin")

# Share of a site's first and second neighbours that must be present for it to be a vacancy.
MOSTLY = 0.6
COVERED = "covered"
EDGE = "edge"

# Sites nearer to an adatom than this, in projection, cannot be told apart from it (Å).
ADATOM_REACH = 1.0


def two_dimensional_layer(
    rng: np.random.Generator,
    formula: str | None = "MoS2",
    file: str | None = None,
    size: float = 60.0,
    boundary: str = "none",
    metal_vacancies: float | tuple[float, float] = 0.0,
    single_vacancies: float | tuple[float, float] = 0.0,
    double_vacancies: float | tuple[float, float] = 0.0,
    clustering: float | tuple[float, float] = 0.0,
    vacancy_rows: int | tuple[int, int] = 0,
    antisite_fraction: float | tuple[float, float] = 0.0,
    substituent: str | None = None,
    substituted: float | tuple[float, float] = 0.0,
    holes: int | tuple[int, int] = 0,
    hole_radius: float | tuple[float, float] = (4.0, 15.0),
    free_edge: bool = False,
    ripple_amplitude: float | tuple[float, float] = 0.0,
    strain: float = 0.0,
    tilt_max: float = 0.0,
    adatom_count: int | tuple[int, int] = 0,
    coverage: float | tuple[float, float] = 0.0,
    contamination_thickness: float | tuple[float, float] = (3.0, 15.0),
    unclear_contamination: float = 8.0,
    phase: str = "2H",
    roles: bool = False,
) -> Specimen:
    """Make a single layer of a compound with kinds of sites; lengths in Å, tilts in degrees."""
    # The kinds are those of the layer, such as ("Mo", "S", "Mo vacancy", "S vacancy"), or roles,
    # plus those that a network should not learn: "antisite", a foreign element, "edge" for sites
    # that lack atoms at an edge, "covered" for sites under an adatom or under carbon thicker than
    # `unclear_contamination` (half of it for vacancies). A column of two chalcogens is one site; it
    # becomes a vacancy of height 1 with one atom left, of height 0 with none.
    # `file`, read by ASE, replaces the formula; "MX2" is a layer of random elements. Vacancies and
    # antisites are shares: of the metals, of the columns of two or more, of all nonmetals;
    # `clustering` is 1 for patches of about 10 Å. Domains beyond a `boundary` are rotated ("grain")
    # or mirrored ("twin"). Ranges and the other parameters are as for `graphene_sheet`.
    shares = {
        "metal_vacancies": metal_vacancies,
        "single_vacancies": single_vacancies,
        "double_vacancies": double_vacancies,
        "antisite_fraction": antisite_fraction,
        "substituted": substituted,
        "coverage": coverage,
    }
    check_shares(**shares)
    if boundary not in BOUNDARIES:
        raise ValueError(f"boundary {boundary!r} is not known: expected one of {BOUNDARIES}.")
    if size < 10:
        raise ValueError(f"size {size} Å is too small for a layer: make it at least 10 Å.")
    cell = _cell(rng, formula, file, phase, roles)
    elements = cell.elements
    lattice, angles = _domains(rng, cell, size, boundary)
    opened, n_holes = openings(rng, lattice.points, size, holes, hole_radius, free_edge)
    lattice.numbers[opened] = 0
    _lattice_defects.trim(lattice)

    uneven = draw(rng, clustering)
    wanted = {name: draw(rng, value) for name, value in shares.items()}
    _lattice_defects.vacate(rng, lattice, lattice.metallic, wanted["metal_vacancies"], uneven)
    for _ in range(draw_count(rng, vacancy_rows)):
        _lattice_defects.rows_of_vacancies(rng, lattice, size)
    _lattice_defects.vacate(rng, lattice, ~lattice.metallic, wanted["double_vacancies"], uneven)
    _lattice_defects.lose_one(rng, lattice, wanted["single_vacancies"], uneven)
    _lattice_defects.antisites(rng, lattice, wanted["antisite_fraction"])
    if substituent is not None and substituent not in elements:
        _lattice_defects.substitute(rng, lattice, substituent, wanted["substituted"])
    _lattice_defects.trim(lattice)

    labels = np.array(lattice.labels())
    lacking = lattice.lacking
    around = _lattice_defects.surroundings(lattice)
    labels[lacking & (around < MOSTLY)] = EDGE
    is_site = lattice.occupied | (lacking & (around >= MOSTLY))

    surface, normals, shape = deform(rng, lattice.points, size, strain, ripple_amplitude, tilt_max)
    inside = in_box(surface, size, SEAM)
    site, slot = np.nonzero((lattice.numbers > 0) & inside[:, None])
    positions = surface[site] + lattice.heights[site, slot, None] * normals[site]
    parts = [AtomList(lattice.numbers[site, slot], positions, site)]
    clearance = float(np.abs(lattice.heights).max()) + CLEARANCE
    covered = np.zeros(len(labels), dtype=bool)
    n_adatoms = draw_count(rng, adatom_count)
    present = surface[lattice.occupied & inside]
    if n_adatoms and len(present):
        metal = int(cell.numbers[cell.metallic].max())
        parts.append(adatoms(rng, present, n_adatoms, (6, 14, metal), clearance))
        on_top = cKDTree(parts[-1].positions[:, :2])
        covered |= on_top.query(surface[:, :2])[0] < ADATOM_REACH
    if wanted["coverage"] > 0:
        thickness = draw(rng, contamination_thickness)
        film, over = contamination(rng, surface, size, thickness, wanted["coverage"], clearance)
        covered |= over > np.where(lacking, 0.5, 1.0) * unclear_contamination
        parts.append(film)
    labels[covered] = COVERED

    empty = is_site & inside & ~lattice.occupied
    kinds = (*cell.kinds, *sorted(set(labels[is_site & inside]) - set(cell.kinds)))
    species = np.array([kinds.index(name) if name in kinds else 0 for name in labels], int)
    counted = Counter(str(name) for name in labels[is_site & inside])
    name = "".join(elements) + "2" if formula == RANDOM else formula
    description = {
        "kind": f"layer of {name if file is None else Path(file).name}",
        "element": elements[0],
        "elements": list(elements),
        "phase": phase if file is None and formula in (*DICHALCOGENIDES, RANDOM) else None,
        "boundary": boundary,
        "angles": angles,
        **shape,
        "holes": n_holes,
        "free_edge": bool(free_edge),
        "adatoms": n_adatoms,
        "coverage": wanted["coverage"],
        "labels": dict(sorted(counted.items())),
    }
    return Specimen.from_list(
        join(*parts), size, description, kinds, species, surface[empty, :2], species[empty]
    )


def _cell(
    rng: np.random.Generator, formula: str | None, file: str | None, phase: str, roles: bool
) -> Monolayer:
    """Return the unit cell of the layer; only that of "MX2" is random."""
    if file is None and formula == RANDOM:
        if not roles:
            raise ValueError(
                f"formula {RANDOM!r} has elements of its own for each layer, so its kinds of sites "
                "can only be named by role: add `roles: true`."
            )
        return random_dichalcogenide(rng, phase)
    cell = monolayer(formula, file, phase)
    return cell.by_roles if roles else cell


def _domains(
    rng: np.random.Generator, cell: Monolayer, size: float, boundary: str
) -> tuple[Lattice, list[float]]:
    """Make one domain, or two that meet along a line; also return their rotations (degrees)."""
    low, high = -BEYOND, size + BEYOND
    angle, origin = rng.uniform(0, 2 * np.pi), rng.uniform(0, size, 2)
    points, site = cell.lattice(angle, origin, low, high)
    if boundary == "none":
        return Lattice(cell, points, site), [float(np.degrees(angle))]
    twin = boundary == "twin"
    # Rotated by 60° about a site, a layer with three-fold symmetry becomes its mirror image.
    other = angle + (np.pi / 3 if twin else rng.uniform(np.radians(5), 2 * np.pi - np.radians(5)))
    across = angle + np.pi / 6 if twin else rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(across), np.sin(across)])
    offset = normal.sum() * size / 2 + rng.uniform(-0.3, 0.3) * size
    beyond = half_plane(rng, across, offset, 0.0 if twin else rng.uniform(0, 3))
    gap = rng.choice([0.0, rng.uniform(0, 4)], p=[0.75, 0.25])
    more, more_site = cell.lattice(other, origin + (0 if twin else rng.uniform(0, 4, 2)), low, high)
    first, second = ~beyond(points), beyond(more - gap * normal)
    parts = [points[first], more[second]]
    points, site = np.concatenate(parts), np.concatenate([site[first], more_site[second]])
    pairs = cKDTree(points).query_pairs(0.85 * cell.spacing, output_type="ndarray")
    keep = np.ones(len(points), dtype=bool)
    for i, j in pairs[rng.permutation(len(pairs))]:
        if keep[i] and keep[j]:
            keep[i if rng.random() < 0.5 else j] = False
    lattice = Lattice(cell, points[keep], site[keep])
    return lattice, [float(np.degrees(a)) for a in (angle, other)]


def layer_kinds(
    formula: str | None = "MoS2", file: str | None = None, roles: bool = False
) -> tuple[str, ...]:
    """Return the kinds of sites of a layer that a network can learn, see :func:`monolayer`."""
    cell = monolayer(formula, file)
    return (cell.by_roles if roles else cell).kinds
