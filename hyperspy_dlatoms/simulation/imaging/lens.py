# SPDX-License-Identifier: GPL-3.0-or-later
"""The objective lens: from an exit wave to the intensity in the image plane."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import constants

from hyperspy_dlatoms.simulation.imaging._arrays import (
    Array,
    fft_of,
    frequencies,
    per_image,
    phase_factor,
)
from hyperspy_dlatoms.simulation.imaging.illumination import plane

# A sum over the focal spread extends this many standard deviations either side.
SPREAD_LIMIT = 2.5
# Two or three evenly spaced defoci would have 2.5 or 0.7 times the deviation of the spread; those
# of Gauss-Hermite quadrature have exactly its deviation.
FEWEST_EVEN = 4
# Largest defocus step (Å) between the images that a ramp is blended from. The contrast of an HRTEM
# image inverts within some 100 Å, and the mean of images on either side shows less than either.
RAMP_STEP = 20.0


@dataclass(frozen=True)
class Lens:
    """Aberrations and coherence of the objective lens.

    Parameters
    ----------
    defocus : float
        Å; positive is underfocus.
    Cs : float
        Third-order spherical aberration, Å, of either sign.
    astigmatism, coma, threefold : float
        Amplitudes of two-fold astigmatism (C12), axial coma (C21) and three-fold astigmatism
        (C23), Å.
    astigmatism_angle, coma_angle, threefold_angle : float
        Their azimuths, radians.
    focal_spread : float
        1/e width of the focal spread, Å: √2 times its standard deviation.
    focal_points : int
        With 1 the spread is an envelope on the wave; with more, the image is the incoherent sum of
        that many defocused images, which also holds where diffracted beams interfere.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging import Lens
    >>> Lens(defocus=80.0, Cs=-1e5).focal_spread
    0.0
    """

    defocus: float = 0.0
    Cs: float = 0.0
    astigmatism: float = 0.0
    astigmatism_angle: float = 0.0
    coma: float = 0.0
    coma_angle: float = 0.0
    threefold: float = 0.0
    threefold_angle: float = 0.0
    focal_spread: float = 0.0
    focal_points: int = 1

    @property
    def is_summed(self) -> bool:
        """Whether the focal spread is a sum of images rather than an envelope."""
        return self.focal_points > 1 and self.focal_spread > 0

    def values(self) -> dict[str, float]:
        """Return what `lens_spectrum` takes; a summed spread leaves no envelope."""
        values = asdict(self)
        del values["focal_points"]
        return values | {"focal_spread": 0.0 if self.is_summed else self.focal_spread}

    def focal_sum(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the relative defoci (Å) to sum over, and their weights, which add up to 1."""
        if not self.is_summed:
            return np.zeros(1), np.ones(1)
        deviation = self.focal_spread / np.sqrt(2)
        if self.focal_points < FEWEST_EVEN:
            offsets, weights = np.polynomial.hermite_e.hermegauss(self.focal_points)
            return offsets * deviation, weights / weights.sum()
        offsets = np.linspace(-1, 1, self.focal_points) * SPREAD_LIMIT * deviation
        weights = np.exp(-0.5 * (offsets / deviation) ** 2)
        return offsets, weights / weights.sum()


class Focus(NamedTuple):
    """The k defoci that images are blended from."""

    # Where the defocus changes across the frame, an image counts where it is nearest: around the
    # point ``along / intervals`` of the way from one side to the other. Without a ramp, when
    # `intervals` is 0, it counts everywhere.

    offsets: Array  # (..., k), relative to the defocus of the lens (Å).
    weights: Array
    along: Array  # (..., k), number along the ramp.
    intervals: Array  # (...), steps of the ramp.


def wavelength(energy: float | np.ndarray) -> Any:
    """Return the relativistic wavelength (Å) of electrons of an energy (eV)."""
    rest = constants.m_e * constants.c**2
    joules = np.asarray(energy, float) * constants.e
    momentum = np.sqrt(joules * (2 * rest + joules)) / constants.c
    return constants.h / momentum * 1e10


def lens_spectrum(
    xp: Any, waves: Array, wavelength: Array, lens: Mapping[str, Array], sampling: float
) -> Array:
    """Return the transform of waves (..., N, N) in the image plane, complex64; wavelength in Å."""
    # E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapters 3 and 5.
    value = per_image(xp, lens)
    length = xp.asarray(wavelength)[..., None, None]
    y = length * frequencies(xp, waves.shape[-2], sampling)[:, None]
    x = length * frequencies(xp, waves.shape[-1], sampling)

    def components(name: str, fold: int) -> tuple[Array, Array]:
        angle = fold * value[f"{name}_angle"]
        return value[name] * xp.cos(angle), value[name] * xp.sin(angle)

    # cos(n (phi - phi_n)) as powers of x and y, in the order of Horner's method along x.
    (c12, s12), (c21, s21) = components("astigmatism", 2), components("coma", 1)
    c23, s23 = components("threefold", 3)
    fourth, focus = value["Cs"] / 4, value["defocus"]
    along = x * ((c21 + c23) / 3 + fourth * x)
    second = (c12 - focus) / 2 + y * ((s21 + 3 * s23) / 3 + 2 * fourth * y)
    first = y * (s12 + (c21 - 3 * c23) / 3 * y)
    constant = y**2 * ((-c12 - focus) / 2 + y * ((s21 - s23) / 3 + fourth * y))
    path = constant + x * (first + x * (second + along))
    radius = (x**2).astype(xp.float32) + (y**2).astype(xp.float32)
    damping = (np.pi / (2 * length) * value["focal_spread"]).astype(xp.float32)
    transfer = phase_factor(xp, -path / length) * xp.exp(-((damping * radius) ** 2))
    return fft_of(xp).fft2(waves) * transfer


def intensity(xp: Any, spectra: Array) -> Array:
    """Return the intensities (..., N, N) float32 of waves from their Fourier transforms."""
    waves = fft_of(xp).ifft2(spectra)
    squares = waves.real**2
    squares += waves.imag**2
    return squares


def blended(
    xp: Any,
    spectra: Array,
    wavelength: Array,
    focus: Focus,
    angle: Array,
    sampling: float,
    together: int = 1,
) -> Array:
    """Return the intensities (..., N, N) of images, each blended from several defoci."""
    # `spectra` come from `lens_spectrum`; `together` defoci are propagated at once. Leading axes
    # are broadcast: `focus` may have one more, for a series.
    size, count = spectra.shape[-1], focus.offsets.shape[-1]
    square = frequencies(xp, size, sampling) ** 2
    slope = xp.asarray(wavelength)[..., None] / 2
    if count > 1:
        steps = xp.asarray(focus.intervals, xp.float32)[..., None, None]
        place = (plane(xp, size, angle) + np.float32(0.5)) * steps
    total = None
    for first in range(0, count, together):
        offsets, weights, along = (part[..., first : first + together] for part in focus[:3])
        factor = phase_factor(xp, (slope * offsets)[..., None] * square)
        amplitude = factor * xp.sqrt(weights)[..., None].astype(xp.float32)
        there = spectra[..., None, :, :] * factor[..., :, None]
        there *= amplitude[..., None, :]
        images = intensity(xp, there)
        if count > 1:
            away = xp.abs(place[..., None, :, :] - along[..., None, None].astype(xp.float32))
            away -= 1
            images *= -xp.minimum(away, 0)
        images = images[..., 0, :, :] if together == 1 else images.sum(axis=-3)
        if total is None:
            total = images
        else:
            total += images
    return total


def focus_at(lens: Lens, defoci: Array, ramp: float = 0.0) -> Focus:
    """Return the focus of images whose defocus ramp (Å) is centred on `defoci` (...)."""
    steps = ramp_steps(ramp)
    spread, weights = lens.focal_sum()
    middle = np.asarray(defoci, float)[..., None] - lens.defocus
    number = np.repeat(np.arange(len(steps), dtype=float), len(spread))
    return Focus(
        middle + np.add.outer(steps, spread).ravel(),
        np.broadcast_to(np.tile(weights, len(steps)), (*middle.shape[:-1], len(number))),
        np.broadcast_to(number, (*middle.shape[:-1], len(number))),
        np.full(middle.shape[:-1], len(steps) - 1.0),
    )


def ramp_steps(ramp: float) -> np.ndarray:
    """Return the relative defoci (Å, from side to side) that a ramp is blended from."""
    intervals = int(np.ceil(abs(ramp) / RAMP_STEP))
    return np.linspace(-0.5, 0.5, intervals + 1) * ramp if intervals else np.zeros(1)
