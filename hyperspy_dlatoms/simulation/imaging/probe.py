# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of a scanning microscope: how it transfers a specimen's spatial frequencies."""

from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np
import scipy.fft

from hyperspy_dlatoms.simulation.imaging._arrays import phase_factor
from hyperspy_dlatoms.simulation.imaging.lens import Lens, intensity, lens_spectrum, wavelength

_LEAST_TRANSFER = 1e-4  # Weaker frequencies are left out: far below what 10^6 e/Å² show.


@dataclass(frozen=True)
class Probe:
    """The focused probe.

    Parameters
    ----------
    semiangle : float
        Convergence semi-angle, mrad.
    lens : Lens
        Aberrations; the focal spread is ignored.
    source_size : float
        Standard deviation of the source image, including fast vibrations, Å.
    tail : float
        Share of the intensity in an exponential tail.
    tail_length : float
        Distance over which the tail falls to 1/e, Å.
    """

    semiangle: float = 25.0
    lens: Lens = field(default_factory=Lens)
    source_size: float = 0.3
    tail: float = 0.0
    tail_length: float = 1.0


class Band(NamedTuple):
    """Frequencies of a periodic map that a probe transfers."""

    rows: np.ndarray  # Of the map's transform (N, N // 2 + 1).
    columns: int  # Number of columns, from the first.
    qy: np.ndarray  # (rows, 1), 1/Å, float32.
    qx: np.ndarray

    def of(self, spectrum: np.ndarray) -> np.ndarray:
        """Return this band of a Fourier transform (N, N // 2 + 1)."""
        return spectrum[self.rows, : self.columns]


def band_of(probe: Probe, energy: float, size: int, sampling: float) -> Band:
    """Return the band of a map (size, size) that a probe transfers: up to twice its aperture."""
    aperture = 2e-3 * probe.semiangle / float(wavelength(energy))
    source = np.sqrt(-np.log(_LEAST_TRANSFER) / 2) / np.pi / max(probe.source_size, 1e-3)
    last = min(aperture, source, 0.5 / sampling)
    qy = scipy.fft.fftfreq(size, sampling).astype(np.float32)
    qx = scipy.fft.rfftfreq(size, sampling).astype(np.float32)
    rows = np.flatnonzero(np.abs(qy) <= last)
    columns = int(np.count_nonzero(qx <= last))
    return Band(rows, columns, qy[rows, None], qx[:columns])


def probe_transfer(
    probe: Probe, energy: float, size: int, sampling: float, band: Band
) -> np.ndarray:
    """Return the transform of a probe at the frequencies of a band, complex64, 1 at zero."""
    # The probe's centre of mass is put at the origin, wherever coma would move it. The aperture is
    # calculated in a box of half the edge, which holds any probe that resolves columns.
    # E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapter 3.
    half, length = size // 2, float(wavelength(energy))
    point = np.zeros((half, half), np.complex64)
    point[0, 0] = 1
    angle = 1000 * length * scipy.fft.fftfreq(half, sampling)
    step = 1000 * length / (half * sampling)
    # The aperture's edge is one Fourier pixel wide, so that the probe changes smoothly with angle.
    beyond = (np.hypot(angle[:, None], angle) - probe.semiangle) / step
    aperture = np.clip(0.5 - beyond, 0, 1).astype(np.float32)
    lens = asdict(replace(probe.lens, focal_spread=0.0))
    spectrum = lens_spectrum(np, point, length, lens, sampling)
    density = np.zeros((size, size), np.float32)
    density[:half, :half] = scipy.fft.fftshift(intensity(np, spectrum * aperture))
    transfer = scipy.fft.rfft2(density)
    # Where the centre of mass is, in turns of the lowest frequencies.
    y, x = (-np.angle(one) / (2 * np.pi) % 1 for one in (transfer[1, 0], transfer[0, 1]))
    transfer = band.of(transfer) / transfer[0, 0].real
    edge = size * sampling
    transfer *= phase_factor(np, band.qy * edge * y) * phase_factor(np, band.qx * edge * x)
    square = band.qy**2 + band.qx**2
    # The transform of exp(-r / l) in the plane.
    wide = 1 / (1 + np.float32(2 * np.pi * probe.tail_length) ** 2 * square)
    tail = np.float32(probe.tail)
    return transfer * ((1 - tail + tail * wide * np.sqrt(wide)) * gauss(band, probe.source_size))


def gauss(band: Band, width: float) -> np.ndarray:
    """Return the transform of a Gaussian of standard deviation `width` (Å)."""
    decay = np.float32(-2 * (np.pi * width) ** 2)
    return np.exp(decay * band.qy**2) * np.exp(decay * band.qx**2)
