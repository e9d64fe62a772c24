# SPDX-License-Identifier: GPL-3.0-or-later
"""The objective lens: from an exit wave to the intensity in the image plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hyperspy_dlatoms.simulation.settings import SETTINGS


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
    >>> from hyperspy_dlatoms.simulation.lens import Lens
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
    >>> from hyperspy_dlatoms.simulation.lens import Lens, image_intensity
    >>> image = image_intensity(np.ones((16, 16), complex), 0.2, 300e3, Lens(defocus=50.0))
    >>> bool(np.allclose(image, 1, atol=1e-5))
    True
    """
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
            ctf = abtem.CTF(
                energy=energy,
                defocus=lens.defocus,
                focal_spread=lens.focal_spread,
                **aberrations,
            )
            image = waves.apply_ctf(ctf).intensity()
    return np.ascontiguousarray(np.asarray(image.array, np.float32).T)
