# SPDX-License-Identifier: GPL-3.0-or-later
"""The objective lens: from an exit wave to the intensity in the image plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from hyperspy_dlatoms.simulation.settings import SETTINGS

if TYPE_CHECKING:
    import abtem


@dataclass(frozen=True)
class Lens:
    """
    Aberrations and coherence of the objective lens.

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
        1/e width of the spread of focus, Å: the square root of two times its standard deviation.
    focal_points : int
        With 1 the spread is an envelope on the wave; with more, the image is the incoherent sum of
        that many defocused images, right also where diffracted beams interfere with each other.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging.lens import Lens
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


def image_intensity(wave: np.ndarray, sampling: float, energy: float, lens: Lens) -> np.ndarray:
    """
    Image an exit wave.

    Parameters
    ----------
    wave : numpy.ndarray
        Exit wave (H, W), complex, rows along y.
    sampling : float
        Of the wave, Å/px.
    energy : float
        Of the electrons, eV.
    lens : Lens
        The conditions.

    Returns
    -------
    numpy.ndarray
        Intensity (H, W) float32; 1 where there is no specimen.

    References
    ----------
    E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapters 3 and 5. The
    incoherent sum over focus follows the discussion of abTEM #168 and #304.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.lens import Lens, image_intensity
    >>> image = image_intensity(np.ones((16, 16), complex), 0.2, 300e3, Lens(defocus=50.0))
    >>> bool(np.allclose(image, 1, atol=1e-5))
    True
    """
    import abtem

    waves, aberrations = _prepare(wave, sampling, energy, lens)
    with abtem.config.set(SETTINGS):
        if lens.focal_points > 1 and lens.focal_spread > 0:
            focus = abtem.distributions.gaussian(
                lens.focal_spread / np.sqrt(2),
                num_samples=lens.focal_points,
                center=lens.defocus,
                sampling_limit=2.5,
                ensemble_mean=True,
            )
            ctf = abtem.CTF(energy=energy, defocus=focus, **aberrations)
            image = waves.apply_ctf(ctf).intensity().reduce_ensemble()
        else:
            image = waves.apply_ctf(_envelope_ctf(lens, energy, aberrations)).intensity()
    return np.ascontiguousarray(np.asarray(image.array, np.float32).T)


def series_intensities(
    wave: np.ndarray, sampling: float, energy: float, lens: Lens, defoci: Sequence[float]
) -> np.ndarray:
    """
    Image an exit wave at several defoci.

    Parameters
    ----------
    wave : numpy.ndarray
        Exit wave (H, W), complex, rows along y.
    sampling : float
        Of the wave, Å/px.
    energy : float
        Of the electrons, eV.
    lens : Lens
        The conditions; its own defocus does not count.
    defoci : sequence of float
        Of the images, Å, positive is underfocus.

    Returns
    -------
    numpy.ndarray
        Intensities (n, H, W) float32, those of :func:`image_intensity` at each defocus. With an
        envelope for the spread of focus, the wave in the image plane is made once and propagated
        from one defocus to the next, which takes a third of the time.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.lens import Lens, series_intensities
    >>> series_intensities(np.ones((16, 16), complex), 0.2, 80e3, Lens(), [-50, 0, 50]).shape
    (3, 16, 16)
    """
    if lens.focal_points > 1 and lens.focal_spread > 0:
        lenses = [replace(lens, defocus=float(defocus)) for defocus in defoci]
        return np.stack([image_intensity(wave, sampling, energy, one) for one in lenses])
    import abtem
    from abtem.core.energy import energy2wavelength

    first = replace(lens, defocus=float(defoci[0]))
    waves, aberrations = _prepare(wave, sampling, energy, first)
    with abtem.config.set(SETTINGS):
        imaged = waves.apply_ctf(_envelope_ctf(first, energy, aberrations)).array
    spectrum = scipy.fft.fft2(np.asarray(imaged, np.complex64))
    images = np.empty((len(defoci), *wave.shape), np.float32)
    for image, defocus in zip(images, defoci, strict=True):
        phase = 1j * np.pi * energy2wavelength(energy) * (float(defocus) - first.defocus)
        x, y = (
            np.exp(phase * scipy.fft.fftfreq(n, sampling) ** 2).astype(np.complex64)
            for n in spectrum.shape
        )
        there = scipy.fft.ifft2(spectrum * x[:, None] * y)
        image[:] = (there.real**2 + there.imag**2).T
    return images


def _prepare(
    wave: np.ndarray, sampling: float, energy: float, lens: Lens
) -> tuple[abtem.Waves, dict[str, float]]:
    """Give what abTEM takes: the wave, and the aberrations but for the defocus."""
    import abtem

    aberrations = {
        "C30": lens.Cs,
        "C12": lens.astigmatism,
        "phi12": lens.astigmatism_angle,
        "C21": lens.coma,
        "phi21": lens.coma_angle,
        "C23": lens.threefold,
        "phi23": lens.threefold_angle,
    }
    # abTEM's first axis is x; its azimuths are then measured from x towards y, as ours.
    waves = abtem.Waves(
        np.ascontiguousarray(wave.T, np.complex64), sampling=sampling, energy=energy
    )
    return waves, aberrations


def _envelope_ctf(lens: Lens, energy: float, aberrations: dict[str, float]) -> abtem.CTF:
    """Give the transfer function with the spread of focus as an envelope."""
    import abtem

    return abtem.CTF(
        energy=energy, defocus=lens.defocus, focal_spread=lens.focal_spread, **aberrations
    )
