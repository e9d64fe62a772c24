# SPDX-License-Identifier: GPL-3.0-or-later
"""An image or a focal series of an exit wave under given conditions, singly or in batches."""

from typing import Any

import numpy as np

from hyperspy_dlatoms.simulation.imaging._arrays import Array
from hyperspy_dlatoms.simulation.imaging.camera import Grid, VaryingGrid, counted, resolved
from hyperspy_dlatoms.simulation.imaging.conditions import ConditionArrays, Conditions, as_arrays
from hyperspy_dlatoms.simulation.imaging.electrons import Noise, generator_noise
from hyperspy_dlatoms.simulation.imaging.illumination import light
from hyperspy_dlatoms.simulation.imaging.lens import (
    Focus,
    Lens,
    blended,
    intensity,
    lens_spectrum,
    wavelength,
)


def intensities(
    xp: Any,
    waves: Array,
    length: Array,
    conditions: ConditionArrays,
    sampling: float,
    blend: bool = True,
    together: int = 1,
) -> Array:
    """Return the intensities (..., images, N, N) behind the lens for waves (..., N, N)."""
    # `length` (...) is the wavelength (Å). Images at the one defocus of the lens need no `blend`;
    # otherwise `together` defoci are propagated at once.
    values = conditions.values
    spectra = lens_spectrum(xp, waves, length, values, sampling)[..., None, :, :]
    if not blend:
        return intensity(xp, spectra)
    angle = xp.asarray(values["ramp_angle"])[..., None]
    length = xp.asarray(length)[..., None]
    return blended(xp, spectra, length, conditions.focus, angle, sampling, together)


def expected_image(
    xp: Any,
    intensity: Array,
    conditions: ConditionArrays,
    grid: Grid | VaryingGrid,
    curve: tuple[tuple[float, float], ...] = (),
    *,
    uneven: bool = True,
) -> Array:
    """Return the images (..., images, M, M) that cameras record, before dose and noise."""
    # `curve` is the measured curve of all cameras, if any; light that is not `uneven` saves a step.
    values = {name: xp.asarray(value)[..., None] for name, value in conditions.values.items()}
    image = resolved(xp, intensity, values, grid, conditions.shift, curve)
    if uneven:
        image = image * light(
            xp,
            image.shape[-1],
            values["illumination_slope"],
            values["illumination_angle"],
            values["vignetting"],
            grid.pixels if isinstance(grid, VaryingGrid) else None,
        )
    return image * grid.inside(xp) if isinstance(grid, VaryingGrid) else image


def expose(
    xp: Any,
    noise: Noise,
    intensity: Array,
    conditions: ConditionArrays,
    grid: Grid | VaryingGrid,
    curve: tuple[tuple[float, float], ...] = (),
    *,
    scintillators: bool = True,
) -> Array:
    """Return the counts (..., images, M, M) recorded from intensities (..., images, N, N)."""
    # `curve` is the measured curve of all cameras, if any; no `scintillators` saves a step.
    values = {name: xp.asarray(value)[..., None] for name, value in conditions.values.items()}
    image = expected_image(xp, intensity, conditions, grid, curve)
    values = _read_out(xp, values, grid)
    counts = counted(xp, noise, image, values, grid, curve, scintillators)
    return counts * grid.inside(xp) if isinstance(grid, VaryingGrid) else counts


def take_image(
    rng: np.random.Generator,
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions,
    pixel: float | None = None,
) -> tuple[np.ndarray, float]:
    """Image an exit wave: lens, illumination, camera, noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    wave : numpy.ndarray
        Exit wave (N, N), complex, periodic.
    sampling : float
        Sampling of the wave, Å/px.
    energy : float
        Electron energy, eV.
    conditions : Conditions
        The imaging conditions.
    pixel : float, optional
        Requested sampling of the image, Å/px; by default that of the camera.

    Returns
    -------
    counts : numpy.ndarray
        (M, M) float32, electrons per pixel.
    pixel : float
        Exact sampling of the image, ``N * sampling / M`` Å/px.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging import Conditions, take_image
    >>> rng = np.random.default_rng(0)
    >>> counts, pixel = take_image(rng, np.ones((64, 64), complex), 0.2, 300e3, Conditions())
    >>> counts.shape, pixel
    ((128, 128), 0.1)
    """
    counts, pixel = take_series(rng, wave, sampling, energy, conditions, pixel)
    return counts[0], pixel


def take_series(
    rng: np.random.Generator,
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions,
    pixel: float | None = None,
) -> tuple[np.ndarray, float]:
    """Take a focal series of an exit wave.

    Each image has its own defocus, noise and drift. In the middle image (the later of the two if
    their number is even) the sites lie where they do in the wave; drift shifts the other images.

    Parameters
    ----------
    rng, wave, sampling, energy, pixel
        As for :func:`take_image`.
    conditions : Conditions
        The imaging conditions, including ``defoci`` and ``drift``; the dose is per image.

    Returns
    -------
    counts : numpy.ndarray
        (images, M, M) float32, electrons per pixel.
    pixel : float
        Exact sampling of the images, ``N * sampling / M`` Å/px.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging import Conditions, take_series
    >>> conditions = Conditions(defoci=(-50.0, 0.0, 50.0), drift=((0, 0.2), (0, 0), (0.1, 0)))
    >>> rng = np.random.default_rng(0)
    >>> take_series(rng, np.ones((64, 64), complex), 0.2, 80e3, conditions)[0].shape
    (3, 128, 128)
    """
    camera, size, arrays = conditions.camera, len(wave), as_arrays(conditions)
    grid = Grid(size, size * sampling, round(size * sampling / (pixel or camera.sampling)))
    uneven = bool(conditions.illumination_slope or conditions.vignetting)
    ideal = _ideal(wave, sampling, energy, conditions, arrays)
    expected = expected_image(np, ideal, arrays, grid, camera.mtf_curve, uneven=uneven)
    noise, scintillator = generator_noise(rng), bool(camera.noise_transfer)
    values = _read_out(np, arrays.values, grid)
    # One by one, so that an image's noise depends only on the images before it.
    counts = [
        counted(np, noise, image, values, grid, camera.mtf_curve, scintillator)
        for image in expected
    ]
    return np.stack(counts), grid.pixel


def image_intensity(
    wave: np.ndarray,
    sampling: float,
    energy: float,
    lens: Lens,
    ramp: float = 0.0,
    angle: float = 0.0,
) -> np.ndarray:
    """Return the intensity (N, N) float32 of an exit wave (N, N), 1 where there is no specimen."""
    # `sampling` in Å/px, `energy` in eV; the defocus changes by `ramp` (Å) along `angle` (radians).
    conditions = Conditions(lens=lens, defocus_ramp=ramp, ramp_angle=angle)
    return _ideal(wave, sampling, energy, conditions, as_arrays(conditions))[0]


def _read_out(xp: Any, values: dict[str, Any], grid: Grid | VaryingGrid) -> dict[str, Any]:
    """Return the values of conditions, with the readout noise per pixel of a grid."""
    # Pixels coarser than the camera's are sums, so the noise of the camera's pixels adds up.
    across = xp.round(grid.edge / xp.asarray(values["sampling"]))
    summed = xp.maximum(across / grid.pixels, 1)
    return values | {"readout": values["readout"] * summed}


def _ideal(
    wave: np.ndarray,
    sampling: float,
    energy: float,
    conditions: Conditions,
    arrays: ConditionArrays,
) -> np.ndarray:
    """Return the intensities (images, N, N) float32 that reach the camera."""
    length = wavelength(energy)
    spectrum = lens_spectrum(np, wave.astype(np.complex64), length, arrays.values, sampling)
    if not conditions.is_blended and not conditions.defoci:
        return intensity(np, spectrum)[None]
    # One by one, which takes less memory and therefore less time.
    images = [
        blended(np, spectrum, length, Focus(*one), conditions.ramp_angle, sampling)
        for one in zip(*arrays.focus, strict=True)
    ]
    return np.stack(images)
