# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras finer than the network, and coarser ones."""

from typing import Any, NamedTuple

import numpy as np

from at_once.conditions import Told
from at_once.electrons import Noise, exposed, read_out
from at_once.lens import frequencies, plane
from at_once.normalisation import normalised
from hyperspy_dlatoms.networks.resampling import axis_matrix

MARGIN = 4
"""Working pixels that the images of coarse cameras lose, which have a few more or less."""


class Grid(NamedTuple):
    """What does not change from batch to batch.

    Attributes
    ----------
    size : int
        Pixels a side of the waves.
    sampling : float
        Of the waves, and of the network, Å/px.
    resampling : numpy.ndarray
        For each number of pixels of a coarse camera from `fewest` on, the matrix to the grid of the
        network, (cameras, size - ``MARGIN``, size).
    scale : numpy.ndarray
        Pixels of the camera for each one of the network, (cameras,).
    fewest : int
        Pixels a side of the coarsest camera.
    """

    size: int
    sampling: float
    resampling: Any
    scale: Any
    fewest: int


def make_grid(size: int, sampling: float, coarsest: float) -> Grid:
    """Prepare for cameras of up to `coarsest` Å/px."""
    fewest = round(size * sampling / coarsest)
    kept = size - MARGIN
    matrices, scale = [], []
    for pixels in range(fewest, size + 1):
        matrix, grid = axis_matrix(pixels, size * sampling / pixels, sampling)
        matrices.append(np.pad(matrix[:kept], [(0, 0), (0, size - pixels)]))
        scale.append(grid.scale)
    return Grid(size, sampling, np.array(matrices), np.array(scale, np.float32), fewest)


def transfer(xp: Any, q: Any, value: dict[str, Any]) -> Any:
    """Give the modulation transfer of cameras at frequencies (1/Å)."""
    q = q * value["sampling"] / value["c3"]
    return (value["c1"] - value["c2"]) / (1 + q ** value["c4"]) + value["c2"]


def blur_of(xp: Any, qy: Any, qx: Any, value: dict[str, Any]) -> Any:
    """Give the transfer of blur and vibration."""
    along = qx * xp.cos(value["vibration_angle"]) + qy * xp.sin(value["vibration_angle"])
    variance = value["blur"] ** 2 * (qx**2 + qy**2) + (value["vibration"] * along) ** 2
    return xp.exp(-2 * xp.pi**2 * variance)


def lit(xp: Any, image: Any, told: Told, pixels: Any) -> Any:
    """Light images of `pixels` a side unevenly."""
    size = image.shape[-1]
    across = xp.arange(size)[None, :] / (xp.asarray(pixels).reshape(-1, 1) - 1) - 0.5
    radius = 2 * (across[:, None, :] ** 2 + across[:, :, None] ** 2)
    rise = plane(xp, size, told.values["illumination_angle"], pixels)
    slope = told.values["illumination_slope"][:, None, None]
    vignetting = told.values["vignetting"][:, None, None]
    return image * (1 + slope * rise) * (1 - vignetting * radius)


def fine_frames(
    xp: Any, noise: Noise, intensity: Any, told: Told, grid: Grid, scintillator: bool
) -> Any:
    """Record intensities on the grid of the network, and normalise them, (n, N, N)."""
    size = grid.size
    qy, qx = frequencies(xp, size, grid.sampling)
    value = {name: array[:, None, None] for name, array in told.values.items()}
    order = np.abs(np.fft.fftfreq(size, 1 / size))
    inside = xp.asarray((order[:, None] < size // 2) & (order < size // 2))
    mtf = transfer(xp, xp.sqrt(qx**2 + qy**2), value)
    spectrum = xp.fft.fft2(intensity) * inside * blur_of(xp, qy, qx, value)
    image = xp.fft.ifft2(spectrum if scintillator else spectrum * mtf).real
    counts = exposed(xp, noise, lit(xp, image, told, size), value, grid.sampling)
    if scintillator:
        counts = xp.fft.ifft2(xp.fft.fft2(counts) * mtf).real
    return normalised(xp, read_out(xp, noise, counts, value), grid.sampling)


def coarse_frames(
    xp: Any, noise: Noise, intensity: Any, told: Told, grid: Grid, scintillator: bool
) -> tuple[Any, Any]:
    """Record intensities by cameras coarser than the network, resample and normalise them.

    Returns
    -------
    frames : array
        (n, N - ``MARGIN``, N - ``MARGIN``).
    scale : array
        Pixels of the network for each Å, (n,).
    """
    size, edge = grid.size, grid.size * grid.sampling
    pixels = xp.round(edge / told.values["sampling"])
    value = {name: array[:, None, None] for name, array in told.values.items()}
    qy, qx = frequencies(xp, size, grid.sampling)
    k = xp.asarray(np.fft.fftfreq(size, 1 / size).astype(np.float32))
    half = xp.floor(pixels / 2)[:, None]
    inside = xp.abs(k)[None] < half
    mtf = transfer(xp, xp.sqrt(qx**2 + qy**2), value)
    spectrum = xp.fft.fft2(intensity) * blur_of(xp, qy, qx, value)
    spectrum = spectrum * (inside[:, :, None] & inside[:, None, :])
    places = xp.arange(size)[None, :, None]
    there = (places < pixels[:, None, None]) * 1.0
    # Whole turns are left out, which single precision would round.
    turns = (places * k[None, None]) % pixels[:, None, None] / pixels[:, None, None]
    synthesis = there * xp.exp(2j * xp.pi * turns)
    pixel = (edge / pixels)[:, None, None]

    def back(transformed, norm):
        return (synthesis @ transformed @ synthesis.swapaxes(1, 2)).real / norm

    image = back(spectrum if scintillator else spectrum * mtf, size**2)
    image = lit(xp, image, told, pixels) * there * there.swapaxes(1, 2)
    counts = exposed(xp, noise, image, value, pixel)
    if scintillator:
        analysis = xp.conj(synthesis).swapaxes(1, 2)
        # The highest frequency of an even number of pixels stands there with both signs.
        share = xp.where(xp.abs(k)[None] * 2 == pixels[:, None], 0.5, 1.0)
        share = share * (xp.abs(k)[None] * 2 <= pixels[:, None])
        transformed = analysis @ counts @ analysis.swapaxes(1, 2)
        transformed = transformed * share[:, :, None] * share[:, None, :] * mtf
        counts = back(transformed, (pixels**2)[:, None, None])
    counts = read_out(xp, noise, counts, value) * there * there.swapaxes(1, 2)
    camera = pixels.astype(int) - grid.fewest
    matrix = xp.asarray(grid.resampling)[camera]
    # As `resample` does, without the background.
    centre = counts.sum(axis=(1, 2), keepdims=True) / (pixels**2)[:, None, None]
    frames = matrix @ (counts - centre) @ matrix.swapaxes(1, 2) + centre
    scale = 1 / (pixel[:, 0, 0] * xp.asarray(grid.scale)[camera])
    return normalised(xp, frames, grid.sampling), scale
