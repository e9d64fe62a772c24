# SPDX-License-Identifier: GPL-3.0-or-later
"""How strongly each place of a specimen scatters a scanned probe, as far as that is incoherent."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.specimen import Specimen
from hyperspy_dlatoms.simulation.wave import SITES, crop_spectrum

Range = tuple[float, float]

# Atomic number of the atoms that scatter as one, in the middle of those that are imaged.
REFERENCE = 40
# Å/px of the grid that atoms are laid on: they are blurred by a fifth of the narrowest probe.
FINE_SAMPLING = 0.1
# Powers of the atomic number. Rutherford's cross section goes with its square, which screening and
# the inner shells reduce (P. Hartel et al., Ultramicroscopy 63 (1996) 93); what atoms take from a
# bright field goes with less (S. D. Findlay et al., Ultramicroscopy 110 (2010) 903).
ADF_POWERS, BRIGHT_POWERS = (1.5, 2.0), (0.6, 1.3)
# Power of a column's number of atoms that its signal grows with: the beam spreads on its way.
_GROWTH = (0.75, 1.0)
# Å across the beam, within which an atom lies below another one: a third of the least spacing.
_COLUMN = 0.5


def scattering_map(
    rng: np.random.Generator,
    specimen: Specimen,
    *,
    sampling: float = 0.2,
    displacement: float = 0.07,
    label: str = "snapshot",
    least_height: float = 1,
    powers: tuple[Range, Range] = (ADF_POWERS, BRIGHT_POWERS),
    growth: Range = _GROWTH,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project a specimen for scanned images, which are incoherent.

    An image is this map, convolved with the intensity of the probe.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws thermal displacements and powers.
    specimen : Specimen
        The atoms in their box.
    sampling : float
        Of the map returned, Å/px.
    displacement, label, least_height
        As for :func:`hyperspy_dlatoms.simulation.exit_wave`.
    powers : tuple of two ranges
        Of the atomic number, for dark and for bright fields: they depend on the detector's angles.
    growth : range
        Power of a column's number of atoms that its signal grows with.

    Returns
    -------
    map : numpy.ndarray
        (N, N) complex64, rows along y, periodic. The real part is for annular dark field, the
        imaginary one for what is missing in bright fields; in atoms of zirconium (Z = 40) per Å².
    sites, species : numpy.ndarray
        As of :func:`hyperspy_dlatoms.simulation.exit_wave`.

    Raises
    ------
    ValueError
        If the label is not known.

    References
    ----------
    S. J. Pennycook and D. E. Jesson, High-resolution Z-contrast imaging of crystals,
    Ultramicroscopy 37 (1991) 14.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation import amorphous_carbon
    >>> rng = np.random.default_rng(1)
    >>> projected, sites, species = scattering_map(rng, amorphous_carbon(rng, size=20))
    >>> projected.shape, len(sites)
    ((100, 100), 0)
    """
    if label not in SITES:
        raise ValueError(f"sites {label!r} are not known: expected one of {SITES}.")
    size = specimen.size
    pixels = round(size / sampling)
    rest, numbers = specimen.atoms.positions, specimen.atoms.numbers
    positions = rest + displacement * rng.standard_normal(rest.shape)
    sites, species = specimen.sites_and_species(positions if label == "snapshot" else None)
    labelled = (sites[:, 2] >= least_height) | (sites[:, 2] == 0)
    above = atoms_above(rest, size)
    relative = numbers / REFERENCE
    parts = [
        relative ** rng.uniform(*power) * _share(above, rng.uniform(*growth)) for power in powers
    ]
    fine = laid_on_grid(positions[:, :2], parts[0] + 1j * parts[1], size)
    return crop_spectrum(fine, pixels), sites[labelled], species[labelled]


def atoms_above(positions: np.ndarray, size: float) -> np.ndarray:
    """Count the atoms that the beam (along z) meets before each (n, 3; Å) in its column, (n,)."""
    across = positions[:, :2] % size
    first, second = cKDTree(across, boxsize=size).query_pairs(_COLUMN, output_type="ndarray").T
    lower = np.where(positions[first, 2] > positions[second, 2], first, second)
    return np.bincount(lower, minlength=len(positions))


def laid_on_grid(places: np.ndarray, weights: np.ndarray, size: float) -> np.ndarray:
    """Spread complex weights at places (n, 2; x, y in Å) over the four nearest pixels, per Å²."""
    pixels = round(size / FINE_SAMPLING)
    step = size / pixels
    grid = np.zeros(pixels**2, complex)
    low = np.floor(places / step).astype(int)
    part = places / step - low
    for dx in (0, 1):
        for dy in (0, 1):
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * weights / step**2
            index = (low[:, 1] + dy) % pixels * pixels + (low[:, 0] + dx) % pixels
            grid.real += np.bincount(index, share.real, pixels**2)
            grid.imag += np.bincount(index, share.imag, pixels**2)
    return grid.reshape(pixels, pixels)


def _share(above: np.ndarray, power: float) -> np.ndarray:
    """Return what each atom adds to the signal of its column, which grows as their number to it."""
    return (above + 1.0) ** power - above**power
