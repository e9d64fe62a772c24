# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of a scanning microscope: how it transfers the frequencies of a specimen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
import scipy.fft

from hyperspy_dlatoms.simulation.imaging.lens import Lens, intensity, lens_spectrum, wavelength


@dataclass(frozen=True)
class Probe:
    """
    The focused probe.

    Parameters
    ----------
    semiangle : float
        Of convergence, mrad.
    lens : Lens
        Aberrations; the spread of focus is left out.
    source_size : float
        Standard deviation of the image of the source, with all that vibrates fast, Å.
    tail : float
        Share of the intensity in an exponential tail.
    tail_length : float
        Within which it falls to 1/e, Å.
    """

    semiangle: float = 25.0
    lens: Lens = field(default_factory=Lens)
    source_size: float = 0.3
    tail: float = 0.0
    tail_length: float = 1.0


def probe_transfer(probe: Probe, energy: float, size: int, sampling: float) -> np.ndarray:
    """Return the Fourier transform of a probe, (size, size // 2 + 1) complex64, 1 at zero.

    The centre of mass of its intensity is at the origin, wherever coma would move it. The aperture
    is calculated in a box of half the edge, which holds any probe that resolves columns.
    E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapter 3.
    """
    half, length = size // 2, float(wavelength(energy))
    point = np.zeros((half, half), np.complex64)
    point[0, 0] = 1
    angle = 1000 * length * scipy.fft.fftfreq(half, sampling)
    step = 1000 * length / (half * sampling)
    # Its edge is one pixel of the Fourier transform wide, so that no probe jumps with its angle.
    beyond = (np.hypot(angle[:, None], angle) - probe.semiangle) / step
    aperture = np.clip(0.5 - beyond, 0, 1).astype(np.float32)
    values = {name: np.asarray(value) for name, value in asdict(probe.lens).items()}
    spectrum = lens_spectrum(np, point, np.asarray(length), values, sampling)
    density = np.zeros((size, size), np.float32)
    density[:half, :half] = scipy.fft.fftshift(intensity(np, spectrum * aperture))
    transfer = scipy.fft.rfft2(density)
    transfer /= transfer[0, 0].real
    qy, qx = scipy.fft.fftfreq(size, sampling)[:, None], scipy.fft.rfftfreq(size, sampling)
    y, x = (-np.angle(one) * size / (2 * np.pi) % size for one in (transfer[1, 0], transfer[0, 1]))
    rows, columns = (np.exp(2j * np.pi * sampling * q * at) for q, at in ((qy, y), (qx, x)))
    square = (qy**2 + qx**2).astype(np.float32)
    source = np.exp(-2 * np.pi**2 * probe.source_size**2 * square)
    # The transform of exp(-r / l) in the plane.
    tail = (1 + (2 * np.pi * probe.tail_length) ** 2 * square) ** -1.5
    transfer *= source * (1 - probe.tail + probe.tail * tail)
    return transfer * rows.astype(np.complex64) * columns.astype(np.complex64)
