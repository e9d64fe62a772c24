# SPDX-License-Identifier: GPL-3.0-or-later
"""Amorphous carbon films, and an empty box."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import first_come
from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens.regions import Region
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

ATOMS_PER_DENSITY = 0.602214 / 12.011  # Carbon atoms per Å³ for each g/cm³.


def random_packing(
    rng: np.random.Generator,
    box: tuple[float, ...],
    density: float,
    distance: float,
    region: Region | None = None,
    trials: float = 4.0,
) -> np.ndarray:
    """Place points at random one by one, skipping any too close to an earlier one."""
    # B. Widom, Random sequential addition of hard spheres to a volume, J. Chem. Phys. 44 (1966)
    # 3888.
    edges = np.asarray(box, dtype=float)
    wanted = density * edges.prod()
    points = rng.random((int(np.ceil(trials * wanted)), len(edges))) * edges
    if region is not None:
        inside = region(points[:, :2])
        wanted *= inside.mean() if len(inside) else 0
        points = points[inside]
    period = edges.copy()
    # A z period too long for any pair to span makes the tree periodic in x and y only.
    period[2:] += 2 * distance
    near = cKDTree(points, boxsize=period).query_pairs(distance, output_type="ndarray")
    return points[first_come(near, len(points))][: int(round(wanted))]


def carbon_atoms(
    rng: np.random.Generator,
    size: float,
    thickness: float,
    density: float,
    region: Region | None = None,
) -> AtomList:
    """Make the atoms of an amorphous carbon film, z from 0 to `thickness`."""
    box = (size, size, thickness)
    points = random_packing(rng, box, density * ATOMS_PER_DENSITY, 1.35, region)
    return AtomList.without_sites(6, points)


def amorphous_carbon(
    rng: np.random.Generator,
    size: float = 60.0,
    thickness: float | tuple[float, float] = (10.0, 50.0),
    density: float | tuple[float, float] = (1.9, 2.2),
    region: Region | None = None,
) -> Specimen:
    """Make an amorphous carbon film, without sites.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size : float, optional
        Edge of the box (Å).
    thickness : float or tuple of float, optional
        Thickness of the film (Å), or the range that it is drawn from.
    density : float or tuple of float, optional
        Mass density (g/cm³), or the range that it is drawn from.
    region : Region, optional
        Area that the film covers; default everywhere.

    Returns
    -------
    Specimen
        The film; `sites()` is empty.

    Raises
    ------
    ValueError
        If a length or the density is not positive, or the density is too high to pack at random.

    Examples
    --------
    >>> film = amorphous_carbon(np.random.default_rng(1), size=20, thickness=10)
    >>> film.sites().shape
    (0, 3)
    """
    thickness = draw(rng, thickness)
    density = draw(rng, density)
    if not (size > 0 and thickness > 0 and 0 < density <= 3.0):
        raise ValueError(
            f"size {size} Å, thickness {thickness} Å, density {density} g/cm³: expected positive "
            "lengths and a density of at most 3 g/cm³."
        )
    atoms = carbon_atoms(rng, size, thickness, density, region)
    description = {
        "kind": "amorphous carbon",
        "element": "C",
        "thickness": float(thickness),
        "density": float(density),
    }
    return Specimen.from_list(atoms, size, description)


def vacuum(size: float = 60.0) -> Specimen:
    """Make a box of edge `size` (Å) without atoms or sites."""
    empty = AtomList.without_sites(6, np.empty((0, 3)))
    return Specimen.from_list(empty, size, {"kind": "vacuum"})
