# SPDX-License-Identifier: GPL-3.0-or-later
"""How strongly each point of a specimen scatters a scanned probe, in the incoherent model."""

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.simulation.specimens.specimen import Specimen
from hyperspy_dlatoms.simulation.wave import SITES, crop_spectrum

Range = tuple[float, float]

# Atomic number of the atom that counts as 1: in the middle of the elements commonly imaged.
REFERENCE = 40
# Å/px of the grid that atoms are placed on; it blurs them by a fifth of the narrowest probe.
FINE_SAMPLING = 0.1
# Powers of the atomic number. Rutherford's cross section goes with its square, reduced by screening
# and the inner shells (P. Hartel et al., Ultramicroscopy 63 (1996) 93); the signal that atoms
# remove from a bright field goes with less (S. D. Findlay et al., Ultramicroscopy 110 (2010) 903).
ADF_POWERS, BRIGHT_POWERS = (1.5, 2.0), (0.6, 1.3)
# A column's signal grows with this power of its number of atoms, since the beam spreads.
_GROWTH = (0.75, 1.0)
# Å across the beam within which an atom counts as below another: a third of the least spacing.
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
    """Project a specimen for incoherent scanned images.

    An image is this map convolved with the intensity of the probe.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws thermal displacements and powers.
    specimen : Specimen
        The atoms in their box.
    sampling : float
        Sampling of the returned map, Å/px.
    displacement, label, least_height
        As for :func:`hyperspy_dlatoms.simulation.exit_wave`.
    powers : tuple of two ranges
        Powers of the atomic number for dark and bright field; they depend on the detector angles.
    growth : range
        Power of a column's number of atoms with which its signal grows.

    Returns
    -------
    map : numpy.ndarray
        (N, N) complex64, rows along y, periodic, in zirconium atoms (Z = 40) per Å². The real part
        is for annular dark field, the imaginary part for the signal lost from bright fields.
    sites, species : numpy.ndarray
        As from :func:`hyperspy_dlatoms.simulation.exit_wave`.

    Raises
    ------
    ValueError
        If the label is unknown, or the sampling is finer than 0.1 Å/px.

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
    """Spread complex weights at points (n, 2; x, y in Å) over the four nearest pixels, per Å²."""
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
    """Return each atom's share of its column's signal, which grows as (number of atoms)**power."""
    return (above + 1.0) ** power - above**power
