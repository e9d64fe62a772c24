# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit wave of a specimen, by multislice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    from hyperspy_dlatoms.simulation.specimen import Specimen

FINE_SAMPLING = 0.125
"""Å/px of the multislice grid: with abTEM's cut at two thirds it carries up to 2.7 periods an Å."""


def exit_wave(
    rng: np.random.Generator,
    specimen: Specimen,
    energy: float,
    *,
    sampling: float = 0.2,
    displacement: float = 0.07,
    slice_thickness: float = 2.0,
    parametrization: str = "lobato",
) -> tuple[np.ndarray, np.ndarray]:
    """
    Send a plane wave through one thermal snapshot of a specimen.

    The sites are returned as they are in the snapshot, each the mean of its displaced atoms, so
    that wave and truth belong together.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the thermal displacements.
    specimen : Specimen
        The atoms in their box.
    energy : float
        Of the electrons, eV.
    sampling : float
        Of the wave returned, Å/px. HRTEM lenses pass nothing beyond about 1.5 periods an Å.
    displacement : float
        Standard deviation of the thermal displacement along each axis, Å.
    slice_thickness : float
        Å.
    parametrization : str
        Of the atomic potentials, as abTEM names them.

    Returns
    -------
    wave : numpy.ndarray
        (N, N) complex64, rows along y, of mean intensity near 1.
    sites : numpy.ndarray
        (n, 3) float64: y, x (Å) and the number of atoms.

    References
    ----------
    J. Madsen and T. Susi, "The abTEM code: transmission electron microscopy from first principles",
    Open Research Europe 1, 24 (2021).
    """
    import abtem

    size = specimen.atoms.cell[0, 0]
    pixels = round(size / sampling)
    atoms = specimen.atoms.copy()
    if len(atoms) == 0:
        return np.ones((pixels, pixels), np.complex64), specimen.sites()
    atoms.positions += displacement * rng.standard_normal(atoms.positions.shape)
    sites = specimen.sites(atoms.positions)
    atoms.wrap()
    with abtem.config.set({"local_diagnostics.progress_bar": False}):
        potential = abtem.Potential(
            atoms,
            gpts=scipy.fft.next_fast_len(int(np.ceil(size / FINE_SAMPLING))),
            slice_thickness=slice_thickness,
            parametrization=parametrization,
            projection="infinite",
        )
        waves = abtem.PlaneWave(energy=energy).multislice(potential, lazy=False)
    return crop_spectrum(np.asarray(waves.array).T, pixels), sites


def crop_spectrum(wave: np.ndarray, pixels: int) -> np.ndarray:
    """
    Bring a periodic wave to a coarser grid without aliasing.

    Parameters
    ----------
    wave : numpy.ndarray
        (N, N) complex.
    pixels : int
        Pixels a side of the result, at most N.

    Returns
    -------
    numpy.ndarray
        (pixels, pixels) complex64 of the same amplitude.

    Raises
    ------
    ValueError
        If the result would be larger than `wave`.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.wave import crop_spectrum
    >>> bool(np.allclose(crop_spectrum(np.full((8, 8), 1j), 4), 1j))
    True
    """
    if pixels > len(wave):
        raise ValueError(
            f"A wave of {len(wave)} px cannot be cropped to {pixels} px; "
            "ask for a coarser sampling."
        )
    spectrum = scipy.fft.fftshift(scipy.fft.fft2(wave))
    first = len(wave) // 2 - pixels // 2
    window = slice(first, first + pixels)
    kept = scipy.fft.ifftshift(spectrum[window, window])
    return (scipy.fft.ifft2(kept) * (pixels / len(wave)) ** 2).astype(np.complex64)
