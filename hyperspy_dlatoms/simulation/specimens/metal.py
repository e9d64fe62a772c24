# SPDX-License-Identifier: GPL-3.0-or-later
"""Nanoparticles of fcc metals, in vacuum, on an oxide, or with amorphous carbon."""

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw, draw_count
from hyperspy_dlatoms.simulation.specimens._particle import particle
from hyperspy_dlatoms.simulation.specimens.orientation import ZONES
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen, atomic_number
from hyperspy_dlatoms.simulation.specimens.support import EDGE, SUPPORTS, place, supported

SPREAD = 1.3  # Greatest distance of a facet from the middle, relative to the mean distance.


def largest_radius(size: float, lattice_constant: float, spread: float) -> float:
    """Return the mean radius (Å) of the largest particle that a box of edge `size` (Å) holds."""
    return (size / 2 - EDGE - 0.55 * lattice_constant) / spread


def fcc_lattice_constant(element: str) -> float:
    """Return the lattice constant (Å) of an fcc element, as ASE knows it."""
    from ase.data import reference_states

    state = reference_states[atomic_number(element)]
    if not state or state.get("symmetry") != "fcc":
        raise ValueError(
            f"element {element!r} is not fcc in ASE's tables: give lattice_constant (Å) as well."
        )
    return float(state["a"])


def checked(
    element: str,
    lattice_constant: float | None,
    zone: str | None,
    radius: float | tuple[float, float],
    support: str | None,
    size: float,
    spread: float,
) -> tuple[int, float, float]:
    """Check a particle; return its atomic number, lattice constant, and largest radius (Å)."""
    number = atomic_number(element)
    if lattice_constant is None:
        lattice_constant = fcc_lattice_constant(element)
    if zone is not None and zone not in ZONES:
        raise ValueError(f"zone {zone!r} is not known: expected one of {sorted(ZONES)} or None.")
    if support not in SUPPORTS:
        raise ValueError(f"support {support!r} is not known: expected one of {SUPPORTS}.")
    largest = largest_radius(size, lattice_constant, spread)
    if not 3 <= np.min(radius) <= largest:
        raise ValueError(
            f"radius {radius} Å: a box of {size} Å holds particles of {element} of 3 to "
            f"{largest:.1f} Å; change radius or size."
        )
    return number, lattice_constant, largest


def metal_nanoparticle(
    rng: np.random.Generator,
    element: str = "Au",
    size: float = 60.0,
    lattice_constant: float | None = None,
    zone: str | None = "110",
    radius: float | tuple[float, float] = (5.0, 14.0),
    tilt_max: float = 2.0,
    twin_probability: float = 0.25,
    scale: float = 0.02,
    support: str | None = None,
    gap: float | tuple[float, float] | None = None,
    particles: int | tuple[int, int] = 1,
    elongation: float | tuple[float, float] = (0.7, 1.5),
) -> Specimen:
    """Make nanoparticles of an fcc metal, each column of atoms along the beam a site.

    A particle is cut from the crystal by six {100} and eight {111} facets at random distances and
    by two inclined planes across the beam; then atoms are added to and removed from its surface. It
    is rotated at random about the beam and tilted slightly.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    element : str, optional
        Chemical symbol.
    size : float, optional
        Edge of the box (Å).
    lattice_constant : float, optional
        Edge of the cubic cell (Å); by default from ASE.
    zone : {"110", "100"}, optional
        Crystal direction along the beam; None draws one.
    radius : float or tuple of float, optional
        Mean distance of the facets from the middle (Å), or the range that it is drawn from. It
        is limited to what the box can hold.
    tilt_max : float, optional
        The tilt away from the zone is drawn between 0 and this (degrees).
    twin_probability : float, optional
        Probability that a particle along [110] contains a twin or a stacking fault.
    scale : float, optional
        The lattice constant is multiplied by a factor drawn between 1 - `scale` and 1 + `scale`.
    support : {None, "oxide", "carbon", "carbon-beside"}, optional
        CeO2 edge-on beside the particle, or amorphous carbon under, over or beside it. Its atoms
        are not sites.
    gap : float or tuple of float, optional
        Distance to the oxide (Å), or its range; by default mostly 2 to 2.5, else up to 8.
    particles : int or tuple of int, optional
        Number of particles tried, or its range, both ends included; those that do not fit beside
        the others are left out.
    elongation : float or tuple of float, optional
        Length of a particle along the beam relative to that across it, or its range.

    Returns
    -------
    Specimen
        The particles and their support; `sites()` gives the columns and their heights.

    Raises
    ------
    ValueError
        If the element, zone or support is unknown, or the box is too small for the radius.

    References
    ----------
    J. Madsen et al., A deep learning approach to identify local structures in atomic-resolution
    transmission electron microscopy images, Adv. Theory Simul. 1 (2018) 1800037.

    Examples
    --------
    >>> specimen = metal_nanoparticle(np.random.default_rng(1), "Pt", size=40, radius=6)
    >>> int(specimen.sites()[:, 2].sum()) == len(specimen.atoms)
    True
    """
    number, lattice_constant, largest = checked(
        element, lattice_constant, zone, radius, support, size, SPREAD
    )
    zone = zone or str(rng.choice(["110", "100"], p=[0.65, 0.35]))
    factor = rng.uniform(1 - scale, 1 + scale)
    made = [
        particle(
            rng,
            number,
            lattice_constant * factor,
            zone,
            min(draw(rng, radius), largest),
            draw(rng, elongation),
            bool(zone == "110" and rng.random() < twin_probability),
            rng.uniform(0, tilt_max),
        )
        for _ in range(max(1, draw_count(rng, particles)))
    ]
    metal, n_placed = place(rng, [part for part, _ in made], size)
    description = {
        "kind": "metal nanoparticle",
        "element": element,
        "lattice_constant": float(lattice_constant * factor),
        "zone": zone,
        **made[0][1],
        "support": support,
        "particles": n_placed,
    }
    parts, about = supported(rng, metal, size, zone, made[0][1]["angle"], support, gap)
    return Specimen.from_list(parts, size, description | about)
