# SPDX-License-Identifier: GPL-3.0-or-later
"""Any crystal, seen along a zone: particles, wedges and films, with their imperfections."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw, draw_count
from hyperspy_dlatoms.simulation.specimens import projection, prototypes
from hyperspy_dlatoms.simulation.specimens.orientation import rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.regions import Region, half_plane, in_box, random_region
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen, join
from hyperspy_dlatoms.simulation.specimens.support import outward, overlaps, place, with_carbon

if TYPE_CHECKING:
    from ase import Atoms

# Kinds of sites; a light column is faint beside its neighbours, or unresolved from them.
KINDS = ("column", "light column")
SHAPES = ("particle", "wedge", "film")

SUPPORTS = (None, "crystal", "carbon", "carbon-beside")

BOUNDARIES = ("none", "grain", "twin", "fault", "interface")

# Low-index directions, drawn where none is given.
ZONES = ("001", "100", "010", "110", "101", "011", "111", "112", "210", "1-10", "201", "-112")
EMPTY = 1.0  # Left empty along the edges of the box, which is periodic (Å).
# Along a zone that is drawn, at least this fraction of the scattering is in columns to be found.
_MOSTLY = 0.7
_TOUCHING = 1.6  # Of two atoms of different crystals nearer than this, only one stays (Å).
# Maps positions x, y, z (n, 3), Å from the middle of the box, to True within a body.
Inside = Callable[[np.ndarray], np.ndarray]


class Body(NamedTuple):
    """A body to cut from a crystal: its outline, and the space it takes up (Å)."""

    inside: Inside
    reach: float
    depth: float


def crystal(
    rng: np.random.Generator,
    cell: str | None = None,
    size: float = 60.0,
    file: str | None = None,
    zone: str | None = None,
    shape: str | None = None,
    thickness: float | tuple[float, float] = (10.0, 80.0),
    radius: float | tuple[float, float] = (8.0, 24.0),
    tilt_max: float = 2.0,
    boundary: str = "none",
    vacancies: float | tuple[float, float] = 0.0,
    substituted: float | tuple[float, float] = 0.0,
    support: str | None = None,
    particles: int | tuple[int, int] = 1,
) -> Specimen:
    """Make a crystal of any structure, each resolvable column of atoms along the beam a site.

    A column is a set of atoms that project onto each other. Columns that scatter little beside a
    neighbour (oxygen beside strontium), or are too close to another to be resolved, are sites of
    the kind "light column", which a network need neither find nor leave out.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    cell : str, optional
        A structure type (see ``prototypes.PROTOTYPES``), whose elements and lattice constants are
        drawn; "random" for a cell without a prototype; None draws a structure type.
    size : float, optional
        Edge of the box (Å).
    file : str, optional
        A CIF, or another file that ASE reads, in place of `cell`; of several structures in it, the
        last. At sites that are partly occupied, or shared by several elements, each occupant is
        drawn.
    zone : str, optional
        Direction along the beam, three indices such as "110" or "1-10"; None draws one along
        which most columns are resolved.
    shape : {"particle", "wedge", "film"}, optional
        None draws one. Wedges, and half of the films, have an edge.
    thickness : float or tuple of float, optional
        Thickness of films, and of wedges at their thick end (Å), or the range that it is drawn
        from.
    radius : float or tuple of float, optional
        Radius of particles (Å), or its range.
    tilt_max : float, optional
        The tilt away from the zone is drawn between 0 and this (degrees).
    boundary : {"none", "grain", "twin", "fault", "interface"}, optional
        A second crystal in part of the box: rotated, mirrored, shifted, or a different one.
    vacancies, substituted : float or tuple of float, optional
        Fraction of the columns that lose some of their atoms, or have some replaced by another
        element, or its range.
    support : {None, "crystal", "carbon", "carbon-beside"}, optional
        Another crystal beside the particle (particles only), whose columns are sites too; or
        amorphous carbon under, over or beside it, whose atoms are not.
    particles : int or tuple of int, optional
        Number of particles tried, or its range.

    Returns
    -------
    Specimen
        The crystal; its kinds are "column" and "light column".

    Raises
    ------
    ValueError
        If the structure type, zone, shape, boundary or support is unknown, or the file cannot be
        read.

    Examples
    --------
    >>> specimen = crystal(np.random.default_rng(1), "perovskite", 30, zone="001", shape="film")
    >>> specimen.kinds
    ('column', 'light column')
    """
    for name, value, known in (
        ("cell", cell, (None, "random", *prototypes.PROTOTYPES)),
        ("shape", shape, (None, *SHAPES)),
        ("boundary", boundary, BOUNDARIES),
        ("support", support, SUPPORTS),
    ):
        if value not in known:
            raise ValueError(f"{name} {value!r} is not known: expected one of {known}.")
    shape = shape or str(rng.choice(SHAPES))
    first, about = drawn_crystal(rng, cell, file, zone)
    tilt = rng.uniform(0, tilt_max)

    def body_drawn() -> Body:
        return draw_body(rng, shape, size, draw(rng, thickness), draw(rng, radius))

    bodies = [body_drawn()]
    if shape == "particle":
        bodies += [body_drawn() for _ in range(draw_count(rng, particles) - 1)]
    pieces = []
    for body in bodies:
        piece = cut(rng, first, body)
        if boundary != "none":
            second, about["boundary"] = first, boundary
            if boundary == "interface":
                second, other = drawn_crystal(rng, cell, None, None)
                about["second"] = other["cell"]
            piece = _with_second(rng, piece, second, body, boundary)
        piece = _disturbed(rng, piece, draw(rng, vacancies), draw(rng, substituted))
        azimuth = rng.uniform(0, 2 * np.pi)
        pieces.append(piece._replace(positions=piece.positions @ tilt_matrix(tilt, azimuth).T))
    if shape == "particle":
        parts, _ = place(rng, pieces, size)
    else:
        parts = pieces[0].shift(np.array([size / 2, size / 2, 0]))
        parts = parts.select(in_box(parts.positions, size, EMPTY))
    if shape == "particle" and support == "crystal" and len(parts.positions):
        second, other = drawn_crystal(rng, cell, None, None)
        parts = _on_crystal(rng, parts, second, size, draw(rng, thickness))
        about["second"] = other["cell"]
    species = projection.kinds_of(parts)
    if support in ("carbon", "carbon-beside") and len(parts.positions):
        parts, _ = with_carbon(rng, parts, size, beside=support == "carbon-beside")
    about |= {"kind": "crystal", "shape": shape, "tilt": float(tilt), "support": support}
    return Specimen.from_list(parts, size, about, KINDS, species)


def drawn_crystal(
    rng: np.random.Generator, cell: str | None, file: str | None, zone: str | None
) -> tuple[projection.Projected, dict]:
    """Draw a crystal and its zone, turned at random about the beam."""
    # If the columns merge along every zone tried, another crystal is drawn.
    for _ in range(20):
        if file is not None:
            atoms, name = prototypes.cell_of_file(file), file
        elif cell == "random":
            atoms, name = prototypes.random_cell(rng), cell
        else:
            name = cell or str(rng.choice(list(prototypes.PROTOTYPES)))
            atoms = prototypes.prototype_cell(rng, name)
        chosen = zone or ("001" if cell == "random" else drawn_zone(rng, atoms))
        if chosen is not None:
            break
    else:
        raise ValueError(
            f"No zone of {name} has most of its columns {projection.APART} Å or more apart: give "
            "a zone."
        )
    projected = projection.seen_along(atoms, indices(chosen))
    frame = projected.frame @ rotation(rng.uniform(0, 2 * np.pi)).T
    about = {"cell": name, "formula": atoms.get_chemical_formula(empirical=True), "zone": chosen}
    return projected._replace(frame=frame), about


def indices(zone: str) -> tuple[int, int, int]:
    """Read a direction such as "110" or "1-10"."""
    found = re.fullmatch(r"\s*\[?\s*(-?\d)\s*,?\s*(-?\d)\s*,?\s*(-?\d)\s*\]?\s*", str(zone))
    uvw = tuple(int(one) for one in found.groups()) if found else (0, 0, 0)
    if not any(uvw):
        raise ValueError(f"zone {zone!r} is not a direction: give three indices such as '110'.")
    return uvw[0], uvw[1], uvw[2]


def drawn_zone(rng: np.random.Generator, atoms: Atoms) -> str | None:
    """Draw a zone along which most columns are resolved; None if no zone tried is suitable."""
    # Most lenses pass 1 to 1.6 Å; the best ones less.
    apart = rng.choice([projection.APART, 1.1, 1.4])
    for zone in rng.permutation(ZONES)[:8]:
        if projection.clear_share(projection.seen_along(atoms, indices(zone)), apart) >= _MOSTLY:
            return str(zone)
    return None


def draw_body(
    rng: np.random.Generator, shape: str, size: float, thickness: float, radius: float
) -> Body:
    """Draw the outline of a particle, a wedge or a film."""
    if shape == "particle":
        radius = min(radius, size / 2 - 5.0)
        axes = radius * np.append(rng.uniform(0.7, 1.0, 2), rng.uniform(0.4, 1.2))
        normals = rng.normal(size=(int(rng.integers(0, 9)), 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        distance = radius * rng.uniform(0.5, 1.0, len(normals))

        def in_particle(p: np.ndarray) -> np.ndarray:
            return (((p / axes) ** 2).sum(axis=1) <= 1) & (p @ normals.T <= distance).all(axis=1)

        return Body(in_particle, float(axes[:2].max()), float(2 * axes[2]))

    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)])
    edge = rng.uniform(-0.45, 0.25) * size
    beyond = half_plane(rng, angle, edge, rng.choice([0.0, rng.uniform(0, 4)]))
    if shape == "film" and rng.random() < 0.5:
        beyond = lambda xy: np.ones(len(xy), bool)  # noqa: E731
    thin = rng.uniform(0, 0.4) if shape == "wedge" else 1.0
    # Steps on the surface, each a few atomic layers high.
    terraces = [
        (random_region(rng, size, rng.uniform(0.2, 0.8), 40.0), rng.uniform(1, 8))
        for _ in range(int(rng.integers(0, 3)))
    ]

    def in_slab(p: np.ndarray) -> np.ndarray:
        along = np.clip((p[:, :2] @ normal - edge) / (0.7 * size), 0, 1)
        upper = thickness * (thin + (1 - thin) * along) - thickness / 2
        for region, step in terraces:
            upper = upper - step * region(p[:, :2] + size / 2)
        return (p[:, 2] <= upper) & (p[:, 2] >= -thickness / 2) & beyond(p[:, :2])

    return Body(in_slab, size * np.sqrt(0.5) + 2.0, float(thickness))


def cut(rng: np.random.Generator, crystal: projection.Projected, body: Body) -> AtomList:
    """Cut a body out of a crystal, at a random position in its lattice."""
    shift = rng.uniform(-0.5, 0.5, 2) * crystal.longest_across
    # Each atom carries its index in the cell in place of its element, which is drawn below.
    places = crystal.atoms.copy()
    places.numbers = np.arange(len(places))
    origin = np.append(shift, rng.uniform(0, crystal.period))
    piece = cut_at(crystal._replace(atoms=places), body, origin)
    numbers = prototypes.occupied(rng, crystal.atoms, piece.numbers)
    return piece._replace(numbers=numbers).select(numbers > 0)


def cut_at(crystal: projection.Projected, body: Body, origin: np.ndarray) -> AtomList:
    """Cut a body out of a crystal whose lattice has a point at `origin` (x, y, z in Å)."""
    atoms, period = projection.project(crystal, body.reach + crystal.longest_across)
    repeats = int(np.ceil(body.depth / period)) + 1
    z = period * (np.arange(repeats) - repeats / 2)
    positions = atoms.positions + origin
    positions = (positions + z[:, None, None] * [0, 0, 1]).reshape(-1, 3)
    whole = AtomList(np.tile(atoms.numbers, repeats), positions, np.tile(atoms.column, repeats))
    return whole.select(body.inside(positions))


def _with_second(
    rng: np.random.Generator,
    piece: AtomList,
    crystal: projection.Projected,
    body: Body,
    boundary: str,
) -> AtomList:
    """Put a second crystal beyond a line through a piece of the first."""
    angle = rng.uniform(0, 2 * np.pi)
    offset = rng.uniform(-0.3, 0.3) * body.reach
    region: Region = half_plane(rng, angle, offset, rng.choice([0.0, rng.uniform(0, 2)]))
    normal = np.array([np.cos(angle), np.sin(angle), 0])
    beyond = region(piece.positions[:, :2])
    if boundary == "twin":
        mirrored = piece.positions + 2 * np.outer(offset - piece.positions @ normal, normal)
        second = piece._replace(positions=mirrored)
        second = second.select(body.inside(mirrored))
    elif boundary == "fault":
        # A shift along the boundary by a fraction of the lattice.
        along = np.array([-normal[1], normal[0], 0]) * rng.uniform(0.3, 2.0)
        second = piece.shift(along)
    else:
        turn = rotation(rng.uniform(0, 2 * np.pi) if boundary == "grain" else 0.0)
        second = cut(rng, crystal._replace(frame=crystal.frame @ turn.T), body)
    first = piece.select(~beyond)
    second = second.select(region(second.positions[:, :2]))
    second = second.select(~overlaps(second, first, _TOUCHING, projected=False))
    return join(first, second)


def _on_crystal(
    rng: np.random.Generator,
    parts: AtomList,
    crystal: projection.Projected,
    size: float,
    thickness: float,
) -> AtomList:
    """Put another crystal beside particles, with its surface along the beam."""
    angle = outward(rng, parts, size)
    normal = np.array([np.cos(angle), np.sin(angle)])
    surface = (parts.positions[:, :2] @ normal).max() + rng.uniform(1.5, 3.0)
    beyond = half_plane(rng, angle, surface - normal.sum() * size / 2)
    body = Body(
        lambda p: beyond(p[:, :2]) & (np.abs(p[:, 2]) <= thickness / 2),
        size * np.sqrt(0.5) + 2.0,
        thickness,
    )
    slab = cut(rng, crystal, body).shift(np.array([size / 2, size / 2, 0]))
    slab = slab.select(in_box(slab.positions, size, EMPTY))
    return join(parts, slab.select(~overlaps(slab, parts, _TOUCHING)))


def _disturbed(
    rng: np.random.Generator, piece: AtomList, vacancies: float, substituted: float
) -> AtomList:
    """Remove atoms from some columns, and replace atoms in others."""
    n = int(piece.column.max(initial=-1)) + 1
    if n == 0:
        return piece
    lost = np.where(rng.random(n) < vacancies, rng.uniform(0.2, 1.0, n), 0.0)
    changed = np.where(rng.random(n) < substituted, rng.uniform(0.2, 1.0, n), 0.0)
    has_column = piece.column >= 0
    swapped = has_column & (rng.random(len(piece.column)) < changed[piece.column])
    numbers = np.where(swapped, int(rng.integers(5, 93)), piece.numbers)
    stays = ~has_column | (rng.random(len(piece.column)) >= lost[piece.column])
    return piece._replace(numbers=numbers).select(stays)
