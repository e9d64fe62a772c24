# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit wave of a specimen, by multislice or from its projected potential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from hyperspy_dlatoms._extras import require

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abtem import Potential
    from abtem.parametrizations import Parametrization

    from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

# Settings of abTEM. A measured FFTW plan differs between processes and changes the last digits of
# a wave, and so perhaps a Poisson draw. An estimated plan gives the same bytes every time.
SETTINGS = {"local_diagnostics.progress_bar": False, "fftw.planning_effort": "FFTW_ESTIMATE"}
METHODS = ("multislice", "projected")
SITES = ("snapshot", "rest")
MOTIONS = ("snapshot", "blurred")
PLANES = ("exit", "middle")
POTENTIALS = ("lobato", "kirkland", "peng")

# Å/px of the potential's grid: with abTEM's cut-off at two thirds it carries 2.7 periods per Å.
FINE_SAMPLING = 0.125


def exit_wave(
    rng: np.random.Generator,
    specimen: Specimen,
    energy: float,
    *,
    sampling: float = 0.2,
    displacement: float = 0.07,
    slice_thickness: float = 2.0,
    parametrization: str = "lobato",
    method: str = "multislice",
    label: str = "snapshot",
    least_height: float = 1,
    motion: str = "snapshot",
    plane: str = "exit",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Send a plane wave through one thermal snapshot of a specimen, or through its mean.

    By default each site is the mean of its displaced atoms in the snapshot, so that the wave and
    the truth match. A vacant site is where its atoms would be at rest; a site that has lost some of
    its atoms is the mean of those left.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the thermal displacements.
    specimen : Specimen
        The atoms in their box.
    energy : float
        Electron energy, eV.
    sampling : float
        Sampling of the returned wave, Å/px. HRTEM lenses pass nothing beyond about 1.5 periods per
        Å.
    displacement : float
        Standard deviation of the thermal displacement along each axis, Å.
    slice_thickness : float
        Slice thickness of the multislice, Å.
    parametrization : str
        Atomic potentials, as abTEM names them: "lobato", "kirkland" or "peng".
    method : {"multislice", "projected"}
        With "projected" the wave is exp(i sigma V), where V is the potential projected along the
        beam and sigma the interaction parameter: a strong phase object, with no spreading of the
        wave within the specimen. It is in focus at the plane of the projected atoms; a multislice
        wave at the lower end of the cell, unless `plane` is "middle".
    label : {"snapshot", "rest"}
        Whether a site is the mean of its displaced atoms, or of its atoms at rest.
    least_height : float
        Columns of fewer atoms appear in the wave but do not count as sites; vacant sites always do.
    motion : {"snapshot", "blurred"}
        With "blurred" the atoms are at rest and their potentials are blurred by the displacement:
        the elastic part of an exposure much longer than a vibration, as every exposure is.
    plane : {"exit", "middle"}
        Plane of a multislice wave, from which defocus is measured: the lower end of the cell, or
        the mean plane of the atoms that belong to sites, as if nothing were below. The more a layer
        is tilted, rippled or covered, the lower the end of the cell lies.

    Returns
    -------
    wave : numpy.ndarray
        (N, N) complex64, rows along y, mean intensity near 1.
    sites : numpy.ndarray
        (n, 3) float64: y, x (Å) and the number of atoms.
    species : numpy.ndarray
        (n,) int, the kind of each site, an index into ``specimen.kinds``.

    Raises
    ------
    ValueError
        If the parametrization, method, label, motion or plane is unknown, or the sampling is finer
        than the 0.125 Å/px of the potential.

    References
    ----------
    E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapters 5 and 6.
    J. Madsen and T. Susi, "The abTEM code: transmission electron microscopy from first principles",
    Open Research Europe 1, 24 (2021).
    """
    require("abtem", extra="simulation", what="Simulating an exit wave")
    import abtem

    if isinstance(parametrization, str) and parametrization not in POTENTIALS:
        raise ValueError(
            f"parametrization {parametrization!r} is not known: expected one of {POTENTIALS}."
        )
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not known: expected one of {METHODS}.")
    if label not in SITES:
        raise ValueError(f"sites {label!r} are not known: expected one of {SITES}.")
    if motion not in MOTIONS:
        raise ValueError(f"motion {motion!r} is not known: expected one of {MOTIONS}.")
    if plane not in PLANES:
        raise ValueError(f"plane {plane!r} is not known: expected one of {PLANES}.")
    size = specimen.atoms.cell[0, 0]
    pixels = round(size / sampling)
    atoms = specimen.atoms.copy()
    if len(atoms) == 0:
        return np.ones((pixels, pixels), np.complex64), *specimen.sites_and_species()
    if motion == "blurred":
        parametrization = blurred(parametrization, atoms.symbols, displacement)
    else:
        atoms.positions += displacement * rng.standard_normal(atoms.positions.shape)
    sites, species = specimen.sites_and_species(atoms.positions if label == "snapshot" else None)
    labelled = (sites[:, 2] >= least_height) | (sites[:, 2] == 0)
    atoms.wrap()
    with abtem.config.set(SETTINGS):
        potential = abtem.Potential(
            atoms,
            gpts=scipy.fft.next_fast_len(int(np.ceil(size / FINE_SAMPLING))),
            slice_thickness=slice_thickness if method == "multislice" else atoms.cell[2, 2],
            parametrization=parametrization,
            projection="infinite",
        )
        if method == "multislice":
            wave = abtem.PlaneWave(energy=energy).multislice(potential, lazy=False).array
        else:
            wave = phase_object(potential, energy)
    wave = crop_spectrum(np.asarray(wave).T, pixels)
    if plane == "middle" and method == "multislice":
        of_sites = specimen.column >= 0
        middle = atoms.positions[of_sites if of_sites.any() else slice(None), 2].mean()
        wave = propagated(wave, middle - atoms.cell[2, 2], size / pixels, energy)
    return wave, sites[labelled], species[labelled]


def propagated(wave: np.ndarray, distance: float, sampling: float, energy: float) -> np.ndarray:
    """Propagate a periodic wave (N, N; sampling in Å/px) by a distance (Å), back if negative."""
    # E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapter 6.
    from abtem.core.energy import energy2wavelength

    q2 = np.square(scipy.fft.fftfreq(len(wave), sampling))
    phase = -np.pi * energy2wavelength(energy) * distance * (q2[:, np.newaxis] + q2)
    return scipy.fft.ifft2(scipy.fft.fft2(wave) * np.exp(1j * phase)).astype(np.complex64)


def blurred(name: str, symbols: Iterable[str], displacement: float) -> Parametrization:
    """Blur potentials by the thermal `displacement` (Å), as the Debye-Waller factor does."""
    from abtem.parametrizations import validate_parametrization

    return type(validate_parametrization(name))(sigmas=dict.fromkeys(symbols, displacement))


def phase_object(potential: Potential, energy: float) -> np.ndarray:
    """Return the wave behind a potential that shifts its phase in one plane, x first as abTEM."""
    # E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapter 5.
    from abtem.core.energy import energy2sigma

    projected = np.asarray(potential.build(lazy=False).project().array)
    return np.exp(1j * energy2sigma(energy) * projected)


def crop_spectrum(wave: np.ndarray, pixels: int) -> np.ndarray:
    """Resample a periodic wave (N, N) to a coarser grid of (pixels, pixels), without aliasing."""
    if pixels > len(wave):
        raise ValueError(
            f"A wave of {len(wave)} px cannot be cropped to {pixels} px; choose a coarser sampling."
        )
    spectrum = scipy.fft.fftshift(scipy.fft.fft2(wave))
    first = len(wave) // 2 - pixels // 2
    window = slice(first, first + pixels)
    kept = scipy.fft.ifftshift(spectrum[window, window])
    return (scipy.fft.ifft2(kept) * (pixels / len(wave)) ** 2).astype(np.complex64)
