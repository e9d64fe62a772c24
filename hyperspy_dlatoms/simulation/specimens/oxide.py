# SPDX-License-Identifier: GPL-3.0-or-later
"""Cerium dioxide seen edge-on, the support of many metal catalysts."""

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES, rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.regions import in_box
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

LATTICE_CONSTANT = 5.411  # CeO2, fluorite (Å).
# Surfaces that contain the beam, and how often they are drawn.
FACETS = {
    "110": (((-1, 1, 1), 0.6), ((0, 0, 1), 0.25), ((-1, 1, 0), 0.15)),
    "100": (((0, 1, 0), 0.6), ((1, 1, 0), 0.4)),
}
SPACINGS = {(-1, 1, 1): 1 / np.sqrt(3), (0, 0, 1): 0.5, (-1, 1, 0): 1 / np.sqrt(8)}
SPACINGS |= {(0, 1, 0): 0.5, (1, 1, 0): 1 / np.sqrt(8)}
"""Distance of the cerium planes parallel to each surface, in lattice constants."""


def oxide_atoms(
    rng: np.random.Generator,
    size: float,
    thickness: float,
    angle: float,
    offset: float,
    zone: str = "110",
    tilt_max: float = 2.0,
) -> tuple[AtomList, dict]:
    """Make the atoms of a CeO2 crystal with a flat, stepped surface that contains the beam."""
    facets, weights = zip(*FACETS[zone], strict=True)
    facet = facets[rng.choice(len(facets), p=weights)]
    frame = ZONES[zone]
    across = frame @ (np.array(facet) / np.linalg.norm(facet))
    turn = angle + np.pi - np.arctan2(across[1], across[0])
    tilt, azimuth = rng.uniform(0, tilt_max), rng.uniform(0, 2 * np.pi)
    matrix = rotation(turn) @ frame

    reach = 0.5 * np.sqrt(2 * size**2 + thickness**2) + 2 * LATTICE_CONSTANT
    n = int(np.ceil(reach / LATTICE_CONSTANT))
    cells = np.mgrid[-n : n + 1, -n : n + 1, -n : n + 1].reshape(3, -1).T
    cells = cells[np.linalg.norm(cells, axis=1) <= n + 1]
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    anions = np.mgrid[0:2, 0:2, 0:2].reshape(3, -1).T / 2 + 0.25
    basis = np.concatenate([fcc, anions])
    positions = (cells[:, None] + basis).reshape(-1, 3) @ matrix.T * LATTICE_CONSTANT
    numbers = np.tile([58] * 4 + [8] * 8, len(cells))

    centre = np.array([size, size]) / 2
    normal = np.array([np.cos(angle), np.sin(angle)])
    tangent = np.array([-normal[1], normal[0]])
    edge = offset - centre @ normal
    step = SPACINGS[facet] * LATTICE_CONSTANT
    # The cut runs roughly midway between cerium planes, which leaves {111} oxygen-terminated; not
    # exactly midway, where {100} has an oxygen plane that rounding would split.
    cut = step / 2 + rng.choice([-0.3, 0.3])
    positions[:, :2] += normal * ((edge + cut) % step) + tangent * rng.uniform(-2, 2)
    positions[:, 2] += rng.uniform(-2, 2)
    n_steps = int(rng.integers(0, 4))
    where = rng.uniform(-0.4 * size, 0.4 * size, n_steps)
    down = rng.choice([-1, 1], n_steps)
    along = positions[:, :2] @ tangent
    missing = ((along[:, None] - where) * down > 0).sum(axis=1)
    level = edge + step * (missing - missing.min())
    keep = (positions[:, :2] @ normal > level) & (np.abs(positions[:, 2]) <= thickness / 2)
    positions = positions[keep] @ tilt_matrix(tilt, azimuth).T + [*centre, thickness / 2]
    inside = in_box(positions, size)
    description = {
        "oxide_zone": zone,
        "oxide_surface": "".join(str(abs(i)) for i in facet),
        "oxide_tilt": float(tilt),
        "oxide_thickness": float(thickness),
        "oxide_steps": n_steps,
    }
    return AtomList.without_sites(numbers[keep][inside], positions[inside]), description


def oxide_slab(
    rng: np.random.Generator,
    size: float = 60.0,
    thickness: float | tuple[float, float] = (20.0, 50.0),
    fraction: float | tuple[float, float] = (0.3, 1.0),
    zone: str | None = None,
    tilt_max: float = 2.0,
) -> Specimen:
    """Make CeO2 alone, edge-on, without sites.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size : float, optional
        Edge of the box (Å).
    thickness : float or tuple of float, optional
        Thickness along the beam (Å), or the range that it is drawn from.
    fraction : float or tuple of float, optional
        Approximate share of the box that it fills, or the range that it is drawn from.
    zone : {"110", "100"}, optional
        Crystal direction along the beam; random by default.
    tilt_max : float, optional
        Largest tilt away from the zone (degrees).

    Returns
    -------
    Specimen
        The slab; `sites()` is empty.

    Raises
    ------
    ValueError
        If the zone is unknown.

    Examples
    --------
    >>> slab = oxide_slab(np.random.default_rng(1), size=20, thickness=10)
    >>> sorted(set(slab.atoms.symbols))
    ['Ce', 'O']
    """
    zone = zone or ("110" if rng.random() < 0.7 else "100")
    if zone not in FACETS:
        raise ValueError(f"zone {zone!r} is not known for CeO2: expected one of {sorted(FACETS)}.")
    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)])
    offset = normal.sum() * size / 2 + (0.5 - draw(rng, fraction)) * size * np.abs(normal).sum()
    atoms, description = oxide_atoms(rng, size, draw(rng, thickness), angle, offset, zone, tilt_max)
    return Specimen.from_list(atoms, size, {"kind": "oxide", "support": "oxide", **description})
