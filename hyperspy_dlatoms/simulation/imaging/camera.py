# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera: from the intensity in the image plane to counted electrons."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft


@dataclass(frozen=True)
class Camera:
    """
    What stands between the intensity and the recorded counts.

    Parameters
    ----------
    sampling : float
        Size of the camera's pixel in the specimen, Å/px.
    dose : float
        Electrons on the specimen, e/Å²; ``inf`` records the noise-free mean at 1 e/Å².
    mtf : tuple of float
        ``(c1, c2, c3, c4)`` of the parametric modulation transfer function, see
        :func:`modulation_transfer`.
    mtf_curve : tuple of tuple of float
        A measured curve instead: pairs of spatial frequency (in units of Nyquist) and transfer.
    blur : float
        Standard deviation of an isotropic blur, Å.
    vibration : float
        Standard deviation of a blur along one direction, Å.
    vibration_angle : float
        That direction, radians from x towards y.
    readout : float
        Standard deviation of the readout noise, electrons a pixel.
    noise_transfer : float
        0: the transfer function acts on the signal alone and the noise is white, as in a detector
        that counts electrons. 1: it blurs the electrons that have arrived, and their noise with
        them, as the light in a scintillator does.

    Raises
    ------
    ValueError
        If `noise_transfer` is neither.

    References
    ----------
    R. R. Meyer and A. I. Kirkland, Characterisation of the signal and noise transfer of CCD
    cameras for electron detection, Microscopy Research and Technique 49, 269 (2000).
    M. Vulović et al., Image formation modeling in cryo-electron microscopy, Journal of Structural
    Biology 183, 19 (2013).
    """

    sampling: float = 0.1
    dose: float = np.inf
    mtf: tuple[float, float, float, float] = (1.0, 0.0, 1.0, 2.0)
    mtf_curve: tuple[tuple[float, float], ...] = field(default=())
    blur: float = 0.0
    vibration: float = 0.0
    vibration_angle: float = 0.0
    readout: float = 0.0
    noise_transfer: float = 0.0

    def __post_init__(self) -> None:
        """Check that the noise passes through the transfer function, or does not."""
        if self.noise_transfer not in (0, 1):
            raise ValueError(
                f"noise_transfer is {self.noise_transfer}, expected 0 (a counting detector) or 1 "
                "(a scintillator)."
            )

    def transfer(self, q: np.ndarray) -> np.ndarray:
        """
        Evaluate the measured transfer function, or else the parametric one.

        Parameters
        ----------
        q : numpy.ndarray
            Spatial frequency, periods an Å in the specimen.

        Returns
        -------
        numpy.ndarray
            In the shape of `q`.

        Examples
        --------
        >>> import numpy as np
        >>> from hyperspy_dlatoms.simulation.imaging.camera import Camera
        >>> Camera(sampling=0.1, mtf=(1.0, 0.0, 0.5, 3.0)).transfer(np.array([0.0, 5.0]))
        array([1. , 0.5])
        """
        q = q * 2 * self.sampling
        if self.mtf_curve:
            frequency, transfer = np.asarray(self.mtf_curve, float).T
            return np.interp(q, frequency, transfer)
        return modulation_transfer(q, *self.mtf)


def modulation_transfer(q: np.ndarray, c1: float, c2: float, c3: float, c4: float) -> np.ndarray:
    """
    Evaluate the parametric modulation transfer function of a scintillator camera.

    Parameters
    ----------
    q : numpy.ndarray
        Spatial frequency in units of the camera's Nyquist frequency.
    c1, c2, c3, c4 : float
        Transfer at zero, at infinity, half the frequency of the fall, and its steepness.

    Returns
    -------
    numpy.ndarray
        (c1 - c2) / (1 + (q / 2 c3)^c4) + c2, in the shape of `q`.

    References
    ----------
    J. Madsen et al., Advanced Theory and Simulations 1, 1800037 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.camera import modulation_transfer
    >>> modulation_transfer(np.array([0.0, 1.0]), 1.0, 0.0, 0.5, 3.0)
    array([1. , 0.5])
    """
    return (c1 - c2) / (1 + (q / (2 * c3)) ** c4) + c2


def record(
    intensity: np.ndarray,
    sampling: float,
    camera: Camera,
    pixel: float,
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """
    Bring an intensity to the grid of the camera, blurred as the camera blurs it.

    Parameters
    ----------
    intensity : numpy.ndarray
        (N, N) float, periodic, covering a square of ``N * sampling`` Å.
    sampling : float
        Of the intensity, Å/px.
    camera : Camera
        Its blur and transfer; neither the noise is added here, nor the transfer that the noise
        undergoes too.
    pixel : float
        Sampling of the result, Å/px: the camera's own, or a coarser one when its pixels are summed.
        The result has ``round(N * sampling / pixel)`` pixels a side, and that ratio is exact.
    shift : tuple of float
        By which the image is moved along y and x, Å; what leaves on one side enters on the other.

    Returns
    -------
    numpy.ndarray
        (M, M) float32, of the same mean where the transfer at zero is 1; the first pixel's centre
        lies where the first pixel's centre of `intensity` does.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.camera import Camera, record
    >>> record(np.ones((60, 60)), 0.2, Camera(sampling=0.1), 0.1).shape
    (120, 120)
    """
    size, edge = len(intensity), len(intensity) * sampling
    pixels = round(edge / pixel)
    spectrum = scipy.fft.rfft2(intensity.astype(np.float32))
    half = min(size, pixels) // 2
    kept = np.zeros((pixels, pixels // 2 + 1), np.complex64)
    # The Nyquist row is left out: it stands for both signs and cannot be scaled like the others.
    kept[:half, :half] = spectrum[:half, :half]
    kept[1 - half :, :half] = spectrum[1 - half :, :half]
    qy = scipy.fft.fftfreq(pixels, edge / pixels)[:, None]
    qx = scipy.fft.rfftfreq(pixels, edge / pixels)[None]
    if not camera.noise_transfer:
        kept *= camera.transfer(np.hypot(qx, qy))
    along = qx * np.cos(camera.vibration_angle) + qy * np.sin(camera.vibration_angle)
    variance = camera.blur**2 * (qx**2 + qy**2) + camera.vibration**2 * along**2
    kept *= np.exp(-2 * np.pi**2 * variance)
    if any(shift):
        kept *= np.exp(-2j * np.pi * shift[0] * qy) * np.exp(-2j * np.pi * shift[1] * qx)
    return scipy.fft.irfft2(kept, (pixels, pixels)).astype(np.float32) * (pixels / size) ** 2


def count_electrons(
    rng: np.random.Generator, image: np.ndarray, camera: Camera, pixel: float
) -> np.ndarray:
    """
    Draw the electrons that are recorded in each pixel.

    Where the transfer function has acted on the signal before, the noise drawn stays white, as in
    a counting detector; in a scintillator it acts on the electrons drawn, so that the noise fades
    towards high frequencies as the signal does. The readout noise is white in both.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    image : numpy.ndarray
        Expected intensity (H, W), 1 without a specimen; small negative values count as none.
    camera : Camera
        Its dose, transfer and readout noise.
    pixel : float
        Sampling of the image, Å/px.

    Returns
    -------
    numpy.ndarray
        (H, W) float32, electrons a pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.camera import Camera, count_electrons
    >>> rng = np.random.default_rng(0)
    >>> counts = count_electrons(rng, np.ones((64, 64)), Camera(dose=1000.0), 0.2)
    >>> bool(abs(counts.mean() - 40) < 1)
    True
    """
    noisy = np.isfinite(camera.dose)
    if noisy:
        electrons = rng.poisson(np.maximum(image, 0) * (camera.dose * pixel**2)).astype(np.float32)
    else:
        electrons = (image * pixel**2).astype(np.float32)
    if camera.noise_transfer:
        spectrum = scipy.fft.rfft2(electrons)
        qy = scipy.fft.fftfreq(len(image), pixel)[:, None]
        qx = scipy.fft.rfftfreq(image.shape[1], pixel)[None]
        spectrum *= camera.transfer(np.hypot(qx, qy))
        electrons = scipy.fft.irfft2(spectrum, image.shape).astype(np.float32)
    if noisy and camera.readout > 0:
        electrons += camera.readout * rng.standard_normal(image.shape, np.float32)
    return electrons
