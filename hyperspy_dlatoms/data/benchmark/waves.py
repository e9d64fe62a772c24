# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves of a specimen, averaged over its thermal motion."""

from dataclasses import replace

import numpy as np

from hyperspy_dlatoms.simulation.specimens.specimen import Specimen
from hyperspy_dlatoms.simulation.wave import exit_wave

SAMPLING = 0.2  # Sampling of the waves kept, Å/px.
# Of the atomic potentials; the recipes of the shipped networks use another.
PARAMETRIZATION = "kirkland"
# Approximate standard deviation (Å) of thermal motion along each axis near room temperature.
DISPLACEMENT = {
    "B": 0.065,
    "C": 0.065,
    "N": 0.065,
    "O": 0.08,
    "S": 0.08,
    "Se": 0.08,
    "Mo": 0.065,
    "Ce": 0.06,
    "Rh": 0.06,
    "W": 0.055,
    "Ir": 0.055,
    "Pt": 0.065,
    "Au": 0.085,
}


def phonon_waves(
    rng: np.random.Generator, specimen: Specimen, energy: float, snapshots: int
) -> np.ndarray:
    """Compute waves of thermal snapshots, complex64, shape (snapshots, N, N); energy in eV."""
    # In pairs with opposite displacements, whose mean is exactly zero however few the snapshots.
    # R. F. Loane, P. Xu, J. Silcox, Acta Cryst. A47 (1991) 267; for the pairs J. M. Hammersley and
    # K. W. Morton, Proc. Camb. Phil. Soc. 52 (1956) 449.
    if snapshots < 2 or snapshots % 2:
        raise ValueError(f"snapshots is {snapshots}: expected an even number, 2 or more.")
    deviation = np.array([DISPLACEMENT[symbol] for symbol in specimen.atoms.symbols])[:, None]
    waves = []
    for _ in range(snapshots // 2):
        moved = deviation * rng.standard_normal((len(specimen.atoms), 3))
        waves += [_wave(displaced(specimen, sign * moved), energy) for sign in (1, -1)]
    return np.stack(waves)


def resting_wave(specimen: Specimen, energy: float) -> np.ndarray:
    """Compute the elastic wave (N, N) of potentials blurred by thermal motion; energy in eV."""
    from abtem.parametrizations import KirklandParametrization

    return _wave(specimen, energy, KirklandParametrization(sigmas=DISPLACEMENT))


def displaced(specimen: Specimen, vectors: np.ndarray) -> Specimen:
    """Return the specimen with each atom moved by a vector x, y, z in Å, shape (n, 3)."""
    atoms = specimen.atoms.copy()
    atoms.positions += vectors
    return replace(specimen, atoms=atoms)


def _wave(specimen: Specimen, energy: float, parametrization=PARAMETRIZATION) -> np.ndarray:
    wave, *_ = exit_wave(
        np.random.default_rng(0),
        specimen,
        energy,
        sampling=SAMPLING,
        displacement=0.0,
        parametrization=parametrization,
    )
    return wave
