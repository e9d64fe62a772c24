# SPDX-License-Identifier: GPL-3.0-or-later
"""Single heavy atoms on a carbon film."""

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw, draw_count
from hyperspy_dlatoms.simulation.specimens.amorphous import carbon_atoms, random_packing
from hyperspy_dlatoms.simulation.specimens.specimen import (
    AtomList,
    Specimen,
    atomic_number,
    join,
)

_ABOVE = 1.8  # Å above or below the film: the length of a bond from a heavy atom to carbon.
_BOND = 2.5  # Å: least distance between two heavy atoms, as in a metal dimer.


def single_atoms(
    rng: np.random.Generator,
    element: str = "Pt",
    size: float = 60.0,
    number: int | tuple[int, int] = (5, 60),
    thickness: float | tuple[float, float] = (5.0, 40.0),
    density: float | tuple[float, float] = (1.9, 2.2),
) -> Specimen:
    """Make single atoms on both sides of an amorphous carbon film, each one a site.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    element : str, optional
        Chemical symbol of the heavy atoms.
    size : float, optional
        Edge of the box (Å).
    number : int or tuple of int, optional
        Number of heavy atoms, or its range, both ends included. There are fewer if no more fit.
    thickness : float or tuple of float, optional
        Thickness of the film (Å), or the range that it is drawn from.
    density : float or tuple of float, optional
        Mass density of the film (g/cm³), or the range that it is drawn from.

    Returns
    -------
    Specimen
        Atoms and film; `sites()` gives the atoms, of height 1.

    Raises
    ------
    ValueError
        If the element is unknown.

    Examples
    --------
    >>> len(single_atoms(np.random.default_rng(1), "Ir", size=30, number=7).sites())
    7
    """
    heavy = atomic_number(element, such_as="Pt")
    number, thickness, density = draw_count(rng, number), draw(rng, thickness), draw(rng, density)
    film = carbon_atoms(rng, size, thickness, density)
    places = random_packing(rng, (size, size), number / size**2, _BOND)
    side = rng.random(len(places)) < 0.5
    z = np.where(side, thickness + _ABOVE, -_ABOVE)
    positions = np.column_stack([places, z])
    atoms = AtomList(np.full(len(places), heavy), positions, np.arange(len(places)))
    description = {
        "kind": "single atoms",
        "element": element,
        "thickness": float(thickness),
        "density": float(density),
    }
    return Specimen.from_list(join(atoms, film), size, description)
