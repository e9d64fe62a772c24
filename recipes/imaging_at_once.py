# SPDX-License-Identifier: GPL-3.0-or-later
"""Many training images at once, as array functions that an accelerator can run.

They do what :class:`hyperspy_dlatoms.training.examples.Examples` does wave by wave, for a batch of
waves and one set of conditions each. All take the module ``xp`` of the arrays, `numpy` or
`jax.numpy`, and arrays of fixed shapes, so that JAX can compile them. What is drawn is drawn
outside, but for the noise, which `Noise` draws.

A batch has places of four kinds: images of one defocus or blended from several (a ramp of the
defocus, a spread of focus as a sum), by a camera finer than the network or coarser. Which place is
of which kind never changes, so that no image costs more than it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from abtem import distributions
from abtem.core.energy import energy2wavelength
from scipy.ndimage import gaussian_filter1d

from hyperspy_dlatoms.networks.interpolation import interpolate
from hyperspy_dlatoms.networks.normalisation import block_index
from hyperspy_dlatoms.networks.resampling import axis_matrix
from hyperspy_dlatoms.simulation.conditions import Conditions

SEVERAL = 16
"""Images that one is blended from."""
WIDTH = 12.0
"""Of the normalisation, Å."""
MARGIN = 4
"""Working pixels that the images of coarse cameras lose, which have a few more or less."""

LENS = (
    "defocus",
    "Cs",
    "astigmatism",
    "astigmatism_angle",
    "coma",
    "coma_angle",
    "threefold",
    "threefold_angle",
    "focal_spread",
)
CAMERA = ("sampling", "dose", "blur", "vibration", "vibration_angle", "readout")
FRAME = ("ramp_angle", "illumination_slope", "illumination_angle", "vignetting")
PARAMETERS = (*LENS, *CAMERA, *FRAME, "c1", "c2", "c3", "c4", "ramp")


class Told(NamedTuple):
    """
    Conditions of images, as arrays.

    Attributes
    ----------
    values : dict of numpy.ndarray
        By the names of ``PARAMETERS``, each of shape (n,).
    offsets, weights : numpy.ndarray
        Defocus (Å) relative to the image's of those it is blended from, and their weights, (n,
        ``SEVERAL``). With a ramp the weights follow from the place and count for nothing.
    """

    values: dict[str, Any]
    offsets: Any
    weights: Any


def tell(conditions: list[Conditions]) -> Told:
    """Write conditions as arrays."""
    rows, offsets, weights = [], [], []
    for one in conditions:
        camera = {name: getattr(one.camera, name) for name in CAMERA}
        lens = {name: getattr(one.lens, name) for name in LENS}
        frame = {name: getattr(one, name) for name in FRAME}
        row = (
            lens | camera | frame | dict(zip(("c1", "c2", "c3", "c4"), one.camera.mtf, strict=True))
        )
        row["ramp"] = one.defocus_ramp
        offset, weight = np.zeros(SEVERAL), np.zeros(SEVERAL)
        weight[0] = 1
        # With a ramp the spread of focus stays an envelope: a sum of both would be of 80 images.
        if one.defocus_ramp:
            offset = np.linspace(-0.5, 0.5, SEVERAL) * one.defocus_ramp
        elif is_blended(one):
            spread = distributions.gaussian(
                one.lens.focal_spread / np.sqrt(2),
                num_samples=one.lens.focal_points,
                sampling_limit=2.5,
                ensemble_mean=True,
            )
            offset[: len(spread)] = spread.values
            weight[: len(spread)] = spread.weights / spread.weights.sum()
            row["focal_spread"] = 0.0
        rows.append(row)
        offsets.append(offset)
        weights.append(weight)
    values = {name: np.array([row[name] for row in rows], np.float32) for name in PARAMETERS}
    return Told(values, np.array(offsets, np.float32), np.array(weights, np.float32))


def is_blended(conditions: Conditions) -> bool:
    """Tell whether an image is made of several, of different defoci."""
    lens = conditions.lens
    return bool(conditions.defocus_ramp) or (lens.focal_points > 1 and lens.focal_spread > 0)


class Grid(NamedTuple):
    """
    What does not change from batch to batch.

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


def transfer(xp: Any, q: Any, value: dict[str, Any]) -> Any:
    """Give the modulation transfer of cameras at frequencies (1/Å)."""
    q = q * value["sampling"] / value["c3"]
    return (value["c1"] - value["c2"]) / (1 + q ** value["c4"]) + value["c2"]


def blur_of(xp: Any, qy: Any, qx: Any, value: dict[str, Any]) -> Any:
    """Give the transfer of blur and vibration."""
    along = qx * xp.cos(value["vibration_angle"]) + qy * xp.sin(value["vibration_angle"])
    variance = value["blur"] ** 2 * (qx**2 + qy**2) + (value["vibration"] * along) ** 2
    return xp.exp(-2 * xp.pi**2 * variance)


class Noise(NamedTuple):
    """
    What draws, given a shape: electrons need a mean.

    Attributes
    ----------
    uniform, normal : callable
        Of a shape, in [0, 1) and of variance 1.
    """

    uniform: Callable[[tuple[int, ...]], Any]
    normal: Callable[[tuple[int, ...]], Any]


FEW = 24
"""Electrons a pixel up to which they are drawn by their distribution, beyond by its expansion."""
TERMS = 64


def draw_electrons(xp: Any, noise: Noise, mean: Any) -> Any:
    """
    Draw from Poisson distributions.

    Up to ``FEW`` by the inverse of the distribution, beyond by a normal number with the skew of the
    distribution (E. A. Cornish and R. A. Fisher, 1938), rounded.
    """
    few = xp.minimum(mean, FEW)
    u = noise.uniform(mean.shape)
    term = xp.exp(-few)
    below, counts = term, xp.zeros_like(mean)
    for number in range(1, TERMS):
        counts = counts + (u >= below)
        term = term * few / number
        below = below + term
    z = noise.normal(mean.shape)
    many = xp.round(mean + xp.sqrt(mean) * z + (z**2 - 1) / 6)
    return xp.where(mean < FEW, counts, xp.maximum(many, 0))


def exposed(xp: Any, noise: Noise, image: Any, value: dict[str, Any], pixel: Any) -> Any:
    """Draw the electrons of images, where their dose is finite; no readout noise yet."""
    area = pixel**2
    finite = xp.isfinite(value["dose"])
    mean = xp.maximum(image, 0) * xp.where(finite, value["dose"], 0) * area
    return xp.where(finite, draw_electrons(xp, noise, mean), image * area)


def read_out(xp: Any, noise: Noise, counts: Any, value: dict[str, Any]) -> Any:
    """Add the noise of the readout."""
    level = xp.where(xp.isfinite(value["dose"]), value["readout"], 0)
    return counts + level * noise.normal(counts.shape)


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
    """
    Record intensities by cameras coarser than the network, resample and normalise them.

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


def normalised(xp: Any, frames: Any, sampling: float, width: float = WIDTH) -> Any:
    """Do what `normalise` does to each of the frames (n, H, H), by matrices."""
    size = frames.shape[-1]
    sums, blur, spread_out = (xp.asarray(m) for m in normalising_matrices(size, sampling, width))
    centre = frames.mean(axis=(1, 2), keepdims=True)
    frames = frames - centre
    weight = (blur @ sums).sum(axis=1)
    weight = weight[:, None] * weight

    def local(moments):
        return blur @ moments @ blur.T / weight

    first, second = (sums @ part @ sums.T for part in (frames, frames**2))
    mean = local(first)
    rms = xp.sqrt((frames**2).mean(axis=(1, 2), keepdims=True))
    floor = xp.maximum(1e-2 * rms, 1e-5 * xp.abs(centre))
    deviation = xp.maximum(xp.sqrt(xp.maximum(local(second) - mean**2, 0)), floor)
    mean, deviation = (spread_out @ part @ spread_out.T for part in (mean, deviation))
    flat = rms <= 1e-5 * xp.abs(centre)
    return xp.where(flat, 0, (frames - mean) / xp.where(flat, 1, deviation))


def normalising_matrices(size: int, sampling: float, width: float) -> tuple[np.ndarray, ...]:
    """Give what `normalise` does to one axis: sums over blocks, their blur, and interpolation."""
    sigma = width / sampling
    block = int(np.clip(sigma / 4, 1, 8))
    of_block = np.arange(size) // block
    blocks = of_block[-1] + 1
    sums = (of_block == np.arange(blocks)[:, None]).astype(np.float32)
    blur = gaussian_filter1d(np.eye(blocks), sigma / block, axis=0, mode="constant", truncate=3.0)
    spread_out = interpolate(np.eye(blocks, dtype=np.float32), block_index(size, block))
    return sums, blur.astype(np.float32), spread_out.astype(np.float32)


class Turn(NamedTuple):
    """How frames are cut and turned: corners (n, 2), and flips along y and x, and swaps, (n,)."""

    corner: Any
    flip: Any
    swap: Any


def cut(xp: Any, frames: Any, turn: Turn, crop: int) -> Any:
    """Cut squares out of frames (n, H, H), flip and transpose them."""
    order = xp.arange(crop)
    y, x = (
        turn.corner[:, i, None] + xp.where(turn.flip[:, i, None], crop - 1 - order, order)
        for i in (0, 1)
    )
    batch = xp.arange(len(frames))[:, None, None]
    parts = frames[batch, y[:, :, None], x[:, None, :]]
    return xp.where(turn.swap[:, None, None], parts.swapaxes(1, 2), parts)


def moved(xp: Any, places: Any, turn: Turn, crop: int) -> Any:
    """Take places (n, m, 2) in pixels of the frames along with `cut`."""
    places = places - turn.corner[:, None]
    places = xp.where(turn.flip[:, None], crop - 1 - places, places)
    return xp.where(turn.swap[:, None, None], places[..., ::-1], places)


def marked(xp: Any, places: Any, labels: Any, heights: Any, cells: int, stride: int, radius: Any):
    """
    Do what `rasterise` does, for places (n, m, 2) in pixels, with labels of 0 for none.

    Returns
    -------
    array
        (n, cells, cells, 4): label, offset along y and x, height.
    """
    middle = stride * xp.arange(cells) + (stride - 1) / 2
    dy = places[:, None, :, 0] - middle[None, :, None]
    dx = places[:, None, :, 1] - middle[None, :, None]
    far = xp.where(labels == 0, 1e9, 0.0)[:, None, None]
    nearest = ((dy**2)[:, :, None] + (dx**2)[:, None] + far).argmin(axis=-1)
    batch = xp.arange(len(places))[:, None, None]
    place = places[batch, nearest]
    offset = xp.stack(
        [place[..., 0] - middle[None, :, None], place[..., 1] - middle[None, None]], axis=-1
    )
    label = labels[batch, nearest]
    near = ((offset**2).sum(axis=-1) <= radius**2) & (label != 0)
    columns = [label * 1.0, offset[..., 0], offset[..., 1], heights[batch, nearest]]
    return xp.where(near[..., None], xp.stack(columns, axis=-1), 0)


class Batch(NamedTuple):
    """
    What a batch is made from.

    Attributes
    ----------
    waves : array
        (n, N, N) complex64.
    wavelength : array
        (n,) Å.
    places : array
        (n, m, 2), y and x, Å.
    labels, heights : array
        (n, m): class from 1 on, -1 for those left open, 0 for none; atoms of a column.
    told : Told
        Conditions, those of blended images first.
    turn : Turn
        Cuts and turns.
    negative : array
        (n,) bool: whether the contrast is turned round.
    """

    waves: Any
    wavelength: Any
    places: Any
    labels: Any
    heights: Any
    told: Told
    turn: Turn
    negative: Any


class Kinds(NamedTuple):
    """
    Places of a batch of which kind.

    Attributes
    ----------
    size : int
        Of the batch.
    blended : int
        The first so many are of several defoci.
    coarse : tuple of int
        Those of coarse cameras.
    """

    size: int
    blended: int
    coarse: tuple[int, ...]

    def fine(self) -> list[int]:
        """Give those of the others."""
        return [place for place in range(self.size) if place not in self.coarse]


def make_kinds(size: int, blended: float, coarse: float) -> Kinds:
    """Share out the places of a batch; coarse cameras are spread over all of them."""
    number = round(size * coarse)
    where = (np.arange(number) + 0.5) * size / max(number, 1)
    return Kinds(size, round(size * blended), tuple(int(place) for place in where))


def select(told: Told, where: Any) -> Told:
    """Give the conditions of some images."""
    values = {name: array[where] for name, array in told.values.items()}
    return Told(values, told.offsets[where], told.weights[where])


def make_batch(
    xp: Any,
    noise: Noise,
    batch: Batch,
    kinds: Kinds,
    grid: Grid,
    *,
    crop: int,
    stride: int,
    radius: Any,
    scintillator: bool = False,
) -> tuple[Any, Any]:
    """
    Make frames and targets, those of fine cameras first.

    Returns
    -------
    frames : array
        (n, crop, crop, 1).
    targets : array
        (n, crop / stride, crop / stride, 4), see `marked`.
    """
    spectra = lens_spectrum(xp, batch.waves, batch.wavelength, batch.told, grid.sampling)
    first = slice(0, kinds.blended)
    several = blended(
        xp, spectra[first], batch.wavelength[first], select(batch.told, first), grid.sampling
    )
    one = xp.abs(xp.fft.ifft2(spectra[kinds.blended :])) ** 2
    intensity = xp.concatenate([several, one])
    fine, coarse = np.array(kinds.fine()), np.array(kinds.coarse, int)
    frames = fine_frames(xp, noise, intensity[fine], select(batch.told, fine), grid, scintillator)
    parts = [cut(xp, frames, Turn(*(a[fine] for a in batch.turn)), crop)]
    scale = [xp.full(len(fine), 1 / grid.sampling)]
    if len(coarse):
        frames, scales = coarse_frames(
            xp, noise, intensity[coarse], select(batch.told, coarse), grid, scintillator
        )
        parts.append(cut(xp, frames, Turn(*(a[coarse] for a in batch.turn)), crop))
        scale.append(scales)
    order = np.concatenate([fine, coarse])
    frames, scale = xp.concatenate(parts), xp.concatenate(scale)
    frames = xp.where(batch.negative[order][:, None, None], -frames, frames)
    places = moved(
        xp,
        batch.places[order] * scale[:, None, None],
        Turn(*(a[order] for a in batch.turn)),
        crop,
    )
    targets = marked(
        xp, places, batch.labels[order], batch.heights[order], crop // stride, stride, radius
    )
    return frames[..., None], targets


def wavelengths(energies: np.ndarray) -> np.ndarray:
    """Give the wavelengths (Å) of electrons of some energies (eV)."""
    return np.array([energy2wavelength(float(energy)) for energy in energies], np.float32)
