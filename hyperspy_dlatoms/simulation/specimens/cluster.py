# SPDX-License-Identifier: GPL-3.0-or-later
"""Metal particles of given shapes: spheres, octahedra, decahedra and icosahedra."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import first_come
from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens._particle import square_lattice
from hyperspy_dlatoms.simulation.specimens.growth import weathered
from hyperspy_dlatoms.simulation.specimens.metal import checked
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES, rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.projection import grouped
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen
from hyperspy_dlatoms.simulation.specimens.support import place, supported

SPREAD = 1.5  # Greatest distance of an atom from the middle, relative to the radius.
SHAPES = ("sphere", "ellipsoid", "octahedron", "decahedron", "icosahedron")

OVER = 0.25  # Atoms nearer than this across the beam are in one column (Å).
APART = 1.2  # Columns nearer than this to another are not sites: they merge in an image (Å).


def sphere(
    rng: np.random.Generator, radius: float, zone: str, axes: tuple[float, float, float]
) -> np.ndarray:
    """Cut an ellipsoid around a random point out of an fcc crystal."""
    positions = square_lattice(radius * max(axes) + 1)[0]
    positions = (positions - rng.random(3)) @ ZONES[zone].T @ rotation(rng.uniform(0, np.pi)).T
    return positions[np.linalg.norm(positions / axes, axis=1) <= radius]


def octahedron(rng: np.random.Generator, radius: float, zone: str) -> np.ndarray:
    """Make an fcc octahedron, whole or with its corners cut off by {100} facets."""
    from ase.cluster import Octahedron

    cut = rng.uniform(0, 0.45)
    # An octahedron of edge l, minus six pyramids of edge cut * l, has the sphere's volume.
    edge = radius * ((4 * np.pi / 3) / (np.sqrt(2) * (1 / 3 - cut**3))) ** (1 / 3)
    length = max(4, round(edge * np.sqrt(2)) + 1)
    cluster = Octahedron("Au", length, int(cut * (length - 1)), latticeconstant=1.0)
    return cluster.positions @ ZONES[zone].T


def decahedron(rng: np.random.Generator, radius: float) -> np.ndarray:
    """Make five fcc tetrahedra around an axis along the beam, with or without Marks notches."""
    from ase.cluster import Decahedron

    rings = max(2, round(radius / np.sqrt(3 / 8)))
    notch = int(rng.integers(0, min(2, rings // 2) + 1))
    side = int(rng.integers(1, 5))
    positions = Decahedron("Au", rings + 1 - notch, side, notch, 1.0).positions
    return positions[np.abs(positions[:, 2]) <= radius * rng.uniform(0.5, 1.2)]


def icosahedron(rng: np.random.Generator, radius: float) -> np.ndarray:
    """Make twenty fcc tetrahedra around a point, seen along a five-fold axis."""
    from ase.cluster import Icosahedron

    shells = max(3, round(radius * np.sqrt(2)) + 1)
    positions = Icosahedron("Au", shells, 1.0).positions
    golden = (1 + np.sqrt(5)) / 2
    # A corner lies along (golden, 0, 1): turn it onto the beam.
    lean = tilt_matrix(-np.degrees(np.arctan(golden)), np.pi / 2)
    return positions @ lean.T


def empty_sites(positions: np.ndarray, spacing: float) -> np.ndarray:
    """Find empty lattice sites next to a particle: across an atom from each of its neighbours."""
    first, second = cKDTree(positions).query_pairs(1.15 * spacing, output_type="ndarray").T
    atom, neighbour = np.r_[first, second], np.r_[second, first]
    opposite = 2 * positions[atom] - positions[neighbour]
    opposite = opposite[cKDTree(positions).query(opposite)[0] > 0.9 * spacing]
    near = cKDTree(opposite).query_pairs(0.9 * spacing, output_type="ndarray")
    return opposite[first_come(near, len(opposite))]


def worn(rng: np.random.Generator, positions: np.ndarray, spacing: float) -> np.ndarray:
    """Add a few atoms to the surface of a particle, and remove a few."""
    sites = np.concatenate([positions, empty_sites(positions, spacing)])
    inside = np.arange(len(sites)) < len(positions)
    return sites[weathered(rng, sites, inside, spacing, 0.2, 2.0)]


def stacks(positions: np.ndarray, least: int = 1) -> np.ndarray:
    """Group atoms that lie above each other into columns, where columns can be resolved."""
    column, middle, smeared = grouped(positions[:, :2], OVER)
    nearest = cKDTree(middle).query(middle, k=2)[0][:, 1]
    clear = (np.bincount(column) >= least) & ~smeared & (nearest >= APART)
    return np.where(clear[column], column, -1).astype(int)


def metal_cluster(
    rng: np.random.Generator,
    element: str = "Au",
    size: float = 60.0,
    lattice_constant: float | None = None,
    shape: str = "sphere",
    zone: str | None = None,
    radius: float | tuple[float, float] = (5.0, 14.0),
    tilt_max: float = 2.0,
    scale: float = 0.02,
    support: str | None = None,
    gap: float | tuple[float, float] | None = None,
) -> Specimen:
    """Make one fcc metal nanoparticle of a given shape, each column along the beam a site.

    A few atoms are added to and removed from its surface; it is rotated at random about the beam
    and tilted slightly. Along its five-fold axis, an icosahedron has columns only where its
    tetrahedra do not overlap; the rest of it has no sites.

    Parameters
    ----------
    rng, element, size, lattice_constant, scale, support, gap
        As for :func:`hyperspy_dlatoms.simulation.metal_nanoparticle`.
    shape : {"sphere", "ellipsoid", "octahedron", "decahedron", "icosahedron"}, optional
        Octahedra are whole or truncated; decahedra and icosahedra are seen along a five-fold axis.
    zone : {"110", "100"}, optional
        Crystal direction along the beam, for the first three shapes; None draws one.
    radius : float or tuple of float, optional
        Radius of the particle (Å), or the range that it is drawn from. It is limited to what the
        box can hold.
    tilt_max : float, optional
        The tilt is drawn between 0 and this (degrees).

    Returns
    -------
    Specimen
        The particle and its support; `sites()` gives the columns and their heights.

    Raises
    ------
    ValueError
        If the element, shape, zone or support is unknown, or the box is too small for the radius.

    References
    ----------
    L. D. Marks, Experimental studies of small particle structures, Rep. Prog. Phys. 57 (1994) 603.

    Examples
    --------
    >>> specimen = metal_cluster(np.random.default_rng(1), "Pt", size=40, shape="decahedron")
    >>> int(specimen.sites()[:, 2].sum()) == len(specimen.atoms)
    True
    """
    if shape not in SHAPES:
        raise ValueError(f"shape {shape!r} is not known: expected one of {SHAPES}.")
    number, lattice_constant, largest = checked(
        element, lattice_constant, zone, radius, support, size, SPREAD
    )
    zone = zone or str(rng.choice(["110", "100"], p=[0.65, 0.35]))
    a = lattice_constant * rng.uniform(1 - scale, 1 + scale)
    radius = min(draw(rng, radius), largest)
    if shape == "decahedron":
        zone, positions = "110", decahedron(rng, radius / a)
    elif shape == "icosahedron":
        zone, positions = "110", icosahedron(rng, radius / a)
    elif shape == "octahedron":
        positions = octahedron(rng, radius / a, zone)
    else:
        axes = tuple(rng.uniform(0.7, 1.3, 3)) if shape == "ellipsoid" else (1.0, 1.0, 1.0)
        positions = sphere(rng, radius / a, zone, axes)
    positions = worn(rng, positions * a, a / np.sqrt(2))
    # Over each other in an icosahedron, atoms of different tetrahedra meet by chance too.
    column = stacks(positions, least=2 if shape == "icosahedron" else 1)
    angle, azimuth = rng.uniform(0, 2 * np.pi, 2)
    tilt = rng.uniform(0, tilt_max)
    positions = (positions - positions.mean(axis=0)) @ rotation(angle).T
    positions = positions @ tilt_matrix(tilt, azimuth).T
    cluster = AtomList(np.full(len(positions), number), positions, column)
    parts, _ = place(rng, [cluster], size)
    description = {
        "kind": "metal cluster",
        "shape": shape,
        "element": element,
        "lattice_constant": float(a),
        "zone": zone,
        "radius": float(radius),
        "tilt": float(tilt),
        "angle": float(np.degrees(angle)),
        "support": support,
    }
    parts, about = supported(rng, parts, size, zone, float(np.degrees(angle)), support, gap)
    return Specimen.from_list(parts, size, description | about)
