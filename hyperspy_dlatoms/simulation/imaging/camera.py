# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera: from the intensity in the image plane to counted electrons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.simulation.imaging._arrays import Array, fft_of, per_image, phase_factor
from hyperspy_dlatoms.simulation.imaging.electrons import Noise, generator_noise


@dataclass(frozen=True)
class Camera:
    """The detector: pixel size, dose, transfer function and noise.

    Parameters
    ----------
    sampling : float
        Pixel size of the camera, referred to the specimen, Å/px.
    dose : float
        Electrons on the specimen, e/Å²; ``inf`` records the noise-free mean at 1 e/Å².
    mtf : tuple of float
        ``(c1, c2, c3, c4)`` of the parametric modulation transfer function: transfer at zero
        frequency and at infinity, half the frequency of the fall-off, and its steepness, in
        (c1 - c2) / (1 + (q / 2 c3)^c4) + c2, with q in units of the camera's Nyquist frequency.
    mtf_curve : tuple of tuple of float
        A measured curve instead: pairs of spatial frequency (in units of Nyquist) and transfer.
    blur : float
        Standard deviation of an isotropic blur, Å.
    vibration : float
        Standard deviation of a blur along one direction, Å.
    vibration_angle : float
        That direction, radians from x towards y.
    readout : float
        Standard deviation of the readout noise, electrons per camera pixel.
    noise_transfer : float
        0: the transfer function acts on the signal alone and the noise is white, as in an
        electron-counting detector. 1: it blurs the detected electrons together with their noise,
        as the light in a scintillator does.

    Raises
    ------
    ValueError
        If `noise_transfer` is neither 0 nor 1.

    References
    ----------
    R. R. Meyer and A. I. Kirkland, Characterisation of the signal and noise transfer of CCD
    cameras for electron detection, Microscopy Research and Technique 49, 269 (2000).
    M. Vulović et al., Image formation modeling in cryo-electron microscopy, Journal of Structural
    Biology 183, 19 (2013).
    J. Madsen et al., Advanced Theory and Simulations 1, 1800037 (2018), for the parametric MTF.
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
        """Check that `noise_transfer` is 0 or 1."""
        if self.noise_transfer not in (0, 1):
            raise ValueError(
                f"noise_transfer is {self.noise_transfer}, expected 0 (a counting detector) or 1 "
                "(a scintillator)."
            )

    def values(self) -> dict[str, float]:
        """Return the parameters of the array functions, without the measured curve."""
        values = asdict(self)
        del values["mtf"], values["mtf_curve"]
        return values | dict(zip(("c1", "c2", "c3", "c4"), self.mtf, strict=True))

    def transfer(self, q: np.ndarray) -> np.ndarray:
        """Evaluate the transfer function at spatial frequencies `q`, 1/Å in the specimen."""
        return modulation_transfer(np, q, self.values(), self.mtf_curve)


def modulation_transfer(
    xp: Any, q: Array, camera: Mapping[str, Array], curve: tuple[tuple[float, float], ...] = ()
) -> Array:
    """Return the transfer of cameras at frequencies `q` (1/Å), from a measured curve if given."""
    q = q * 2 * camera["sampling"]
    if curve:
        return xp.interp(q, *xp.asarray(curve).T).astype(q.dtype)
    fall = 1 + (q / (2 * camera["c3"])) ** camera["c4"]
    return (camera["c1"] - camera["c2"]) / fall + camera["c2"]


class Grid(NamedTuple):
    """Cameras that share one number of pixels a side, so that a batch of them has one grid."""

    size: int  # Pixels a side of the intensity.
    edge: float  # Of the field of view (Å).
    pixels: int  # Of the camera, a side.

    @property
    def pixel(self) -> float:
        """Sampling of the images, Å/px."""
        return self.edge / self.pixels

    @property
    def half(self) -> int:
        """Frequencies along an axis that both grids carry, without the Nyquist frequency."""
        # The Nyquist frequency stands for both signs and cannot be scaled like the others.
        return min(self.size, self.pixels) // 2

    def image(self, xp: Any, kept: Array) -> Array:
        """Return images (..., pixels, pixels) from the frequencies in `kept`."""
        rows = self.pixels - kept.shape[-2]
        middle = xp.zeros((*kept.shape[:-2], rows, self.half), kept.dtype)
        kept = xp.concatenate([kept[..., : self.half, :], middle, kept[..., self.half :, :]], -2)
        return fft_of(xp).irfft2(kept, (self.pixels,) * 2)

    @property
    def gain(self) -> float:
        """Factor on the spectrum that keeps an image's mean when its number of pixels changes."""
        return (self.pixels / self.size) ** 2

    def filtered(self, xp: Any, image: Array, transfer: Any) -> Array:
        """Return images whose frequencies are multiplied by a function of them (1/Å)."""
        qy = np.fft.fftfreq(self.pixels, self.pixel)[:, None]
        qx = np.fft.rfftfreq(self.pixels, self.pixel)
        factor = transfer(xp.asarray(np.hypot(qy, qx)))
        return fft_of(xp).irfft2(fft_of(xp).rfft2(image) * factor, (self.pixels,) * 2)


class VaryingGrid(NamedTuple):
    """Cameras of different numbers of pixels a side, up to that of the intensity, in one batch."""

    # Images sit in the corner of arrays the size of the intensity, with zeros around them, so that
    # shapes do not depend on what was drawn; matrices replace Fourier transforms.

    size: int  # Pixels a side of the intensity.
    edge: float  # Of the field of view (Å).
    pixels: Array  # (...), of the cameras, a side.

    @property
    def pixel(self) -> Array:
        """Sampling of the images (..., 1, 1), Å/px."""
        return (self.edge / self.pixels)[..., None, None]

    @property
    def half(self) -> int:
        """As for `Grid`, for the finest camera."""
        return self.size // 2

    def image(self, xp: Any, kept: Array) -> Array:
        """Return images (..., size, size), 0 beyond their pixels."""
        row = np.r_[: self.half, 1 - self.half : 0]
        column = np.arange(self.half)
        limit = xp.floor(self.pixels / 2)[..., None]
        rows, columns = (
            self._waves(xp, order) * (xp.abs(xp.asarray(order)) < limit)[..., None, :]
            for order in (row, column)
        )
        return self._synthesised(xp, kept, rows, columns, column)

    @property
    def gain(self) -> float:
        """As for `Grid`, for waves that are summed directly."""
        return self.size**-2

    def filtered(self, xp: Any, image: Array, transfer: Any) -> Array:
        """Return images whose frequencies are multiplied by a function of them (1/Å)."""
        row = np.arange(-self.half, self.half + 1)
        column = np.arange(self.half + 1)
        factor = transfer(xp.asarray(np.hypot(row[:, None], column) / self.edge))
        rows, columns = self._waves(xp, row), self._waves(xp, column)
        spectrum = xp.conj(rows).swapaxes(-1, -2) @ image @ xp.conj(columns)
        # With an even number of pixels, the Nyquist frequency appears with both signs.
        both = xp.asarray(self.pixels)[..., None]
        share_y, share_x = (
            xp.where(xp.abs(order) * 2 == both, 0.5, 1.0) * (xp.abs(order) * 2 <= both)
            for order in (xp.asarray(row), xp.asarray(column))
        )
        spectrum = spectrum * factor * (share_y[..., :, None] * share_x[..., None, :])
        return self._synthesised(xp, spectrum, rows, columns, column) / both[..., None] ** 2

    def inside(self, xp: Any) -> Array:
        """Return where the images have pixels, (..., size, size) bool."""
        there = xp.arange(self.size) < xp.asarray(self.pixels)[..., None]
        return there[..., :, None] & there[..., None, :]

    def _waves(self, xp: Any, order: np.ndarray) -> Array:
        """Return plane waves with `order` periods per frame at its pixels, (..., size, orders)."""
        pixels = xp.asarray(self.pixels)[..., None, None]
        # Whole turns are removed, since single precision would round them.
        turns = (xp.arange(self.size)[:, None] * xp.asarray(order)) % pixels / pixels
        there = xp.arange(self.size)[:, None] < pixels
        return phase_factor(xp, turns) * there

    def _synthesised(
        self, xp: Any, spectrum: Array, rows: Array, columns: Array, column: np.ndarray
    ) -> Array:
        """Sum the waves of one half-plane; those of the other are their conjugates."""
        weights = xp.asarray(np.where(column == 0, 1, 2).astype(np.float32))
        return (rows @ spectrum @ (columns * weights).swapaxes(-1, -2)).real


def resolved(
    xp: Any,
    intensity: Array,
    camera: Mapping[str, Array],
    grid: Grid | VaryingGrid,
    shift: Array | None = None,
    curve: tuple[tuple[float, float], ...] = (),
) -> Array:
    """Resample (..., N, N) to camera pixels with blur, shifted by (..., 2; y, x in Å); float32."""
    # The transfer of a scintillator is left to `counted`, since it acts on the noise too.
    value = per_image(xp, camera, xp.float32)
    spectrum = fft_of(xp).rfft2(intensity)
    half = grid.half
    spectrum = xp.concatenate([spectrum[..., :half, :half], spectrum[..., 1 - half :, :half]], -2)
    qy = xp.asarray((np.r_[:half, 1 - half : 0] / grid.edge).astype(np.float32))[:, None]
    qx = xp.asarray((np.arange(half) / grid.edge).astype(np.float32))
    square = qx**2 + qy**2
    along = qx * xp.cos(value["vibration_angle"]) + qy * xp.sin(value["vibration_angle"])
    variance = value["blur"] ** 2 * square + (value["vibration"] * along) ** 2
    transfer = xp.exp(-2 * np.pi**2 * variance)
    white = value["noise_transfer"] == 0
    transfer = transfer * xp.where(white, modulation_transfer(xp, xp.sqrt(square), value, curve), 1)
    spectrum *= (transfer * grid.gain).astype(xp.float32)
    if shift is not None:
        spectrum *= phase_factor(xp, -shift[..., 0, None, None] * qy)
        spectrum *= phase_factor(xp, -shift[..., 1, None, None] * qx)
    return grid.image(xp, spectrum)


def counted(
    xp: Any,
    noise: Noise,
    image: Array,
    camera: Mapping[str, Array],
    grid: Grid | VaryingGrid,
    curve: tuple[tuple[float, float], ...] = (),
    scintillators: bool = True,
) -> Array:
    """Draw the electrons recorded in each pixel of images (..., M, M) that are 1 in vacuum."""
    # The noise stays white, as in a counting detector; in a scintillator the transfer function acts
    # on the drawn electrons. Without `scintillators` that step is skipped.
    value = per_image(xp, camera)
    area = grid.pixel**2
    finite = xp.isfinite(value["dose"])
    expected = (xp.where(finite, value["dose"], 0) * area).astype(xp.float32)
    electrons = noise.electrons(xp.maximum(image, 0) * expected)
    electrons = xp.where(finite, electrons, image * area)
    if scintillators:
        single = per_image(xp, camera, xp.float32)
        blurred = grid.filtered(
            xp, electrons, lambda q: modulation_transfer(xp, q.astype(xp.float32), single, curve)
        )
        electrons = xp.where(value["noise_transfer"] == 0, electrons, blurred)
    level = xp.where(finite, value["readout"], 0).astype(xp.float32)
    electrons += noise.readout(level, image.shape)
    return electrons


def record(intensity: np.ndarray, sampling: float, camera: Camera, pixel: float) -> np.ndarray:
    """Resample an intensity (N, N; Å/px) to pixels of about `pixel` Å, with blur, float32."""
    # Pixels coarser than the camera's are sums. There are ``round(N * sampling / pixel)`` a side.
    # The mean is kept if the transfer at zero is 1; the centres of the first pixels coincide.
    edge = len(intensity) * sampling
    grid = Grid(len(intensity), edge, round(edge / pixel))
    image = intensity.astype(np.float32)
    return resolved(np, image, camera.values(), grid, None, camera.mtf_curve)


def count_electrons(
    rng: np.random.Generator, image: np.ndarray, camera: Camera, pixel: float
) -> np.ndarray:
    """Draw the electrons per pixel of an image (M, M; `pixel` in Å/px), see `counted`; float32."""
    return counted(
        np,
        generator_noise(rng),
        image.astype(np.float32),
        camera.values(),
        Grid(len(image), len(image) * pixel, len(image)),
        camera.mtf_curve,
        scintillators=bool(camera.noise_transfer),
    )
