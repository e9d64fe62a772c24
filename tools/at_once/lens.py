# SPDX-License-Identifier: GPL-3.0-or-later
"""The lens, for many waves."""

from typing import Any

import numpy as np
from abtem.core.energy import energy2wavelength

from at_once.conditions import LENS, SEVERAL, Told


def wavelengths(energies: np.ndarray) -> np.ndarray:
    """Give the wavelengths (Å) of electrons of some energies (eV)."""
    return np.array([energy2wavelength(float(energy)) for energy in energies], np.float32)


def frequencies(xp: Any, size: int, sampling: float) -> tuple[Any, Any]:
    """Give the spatial frequencies (1/Å) along y, as a column, and along x, as a row."""
    q = xp.asarray(np.fft.fftfreq(size, sampling).astype(np.float32))
    return q[:, None], q[None]


def lens_spectrum(xp: Any, waves: Any, wavelength: Any, told: Told, sampling: float) -> Any:
    """Give the Fourier transform of waves (n, N, N) in the image plane."""
    qy, qx = frequencies(xp, waves.shape[-1], sampling)
    value = {name: told.values[name][:, None, None] for name in LENS}
    wavelength = wavelength[:, None, None]
    alpha = wavelength * xp.sqrt(qx**2 + qy**2)
    phi = xp.arctan2(qy, qx)
    second = value["astigmatism"] * xp.cos(2 * (phi - value["astigmatism_angle"]))
    third = value["coma"] * xp.cos(phi - value["coma_angle"])
    third = third + value["threefold"] * xp.cos(3 * (phi - value["threefold_angle"]))
    chi = alpha**2 / 2 * (second - value["defocus"])
    chi = chi + alpha**3 / 3 * third + alpha**4 / 4 * value["Cs"]
    envelope = (xp.pi / (2 * wavelength) * value["focal_spread"] * alpha**2) ** 2
    return xp.fft.fft2(waves) * xp.exp(-2j * xp.pi / wavelength * chi - envelope)


def blended(xp: Any, spectra: Any, wavelength: Any, told: Told, sampling: float) -> Any:
    """Give the intensities (n, N, N) of images that are each blended from several."""
    size = spectra.shape[-1]
    qy, qx = frequencies(xp, size, sampling)
    phase = xp.pi * wavelength[:, None] * told.offsets
    there = spectra[:, None] * xp.exp(1j * phase[..., None, None] * (qx**2 + qy**2))
    images = xp.abs(xp.fft.ifft2(there)) ** 2
    place = (plane(xp, size, told.values["ramp_angle"], size) + 0.5) * (SEVERAL - 1)
    order = xp.arange(SEVERAL)[:, None, None]
    of_place = xp.clip(1 - xp.abs(place[:, None] - order), 0, 1)
    ramped = (told.values["ramp"] != 0)[:, None, None, None]
    return xp.sum(xp.where(ramped, of_place, told.weights[..., None, None]) * images, axis=1)


def plane(xp: Any, size: int, angle: Any, pixels: Any) -> Any:
    """Give planes that rise from -1/2 to 1/2 over `pixels` of `size` pixels, (n, size, size)."""
    across = xp.arange(size)[None, :] / (xp.asarray(pixels).reshape(-1, 1) - 1) - 0.5
    cos, sin = xp.cos(angle)[:, None, None], xp.sin(angle)[:, None, None]
    rise = across[:, None, :] * cos + across[:, :, None] * sin
    return rise / (xp.abs(cos) + xp.abs(sin))
