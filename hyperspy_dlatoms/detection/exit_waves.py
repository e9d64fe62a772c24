# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves of focal series, reconstructed by a network."""

from collections.abc import Sequence

import numpy as np

from hyperspy_dlatoms._warnings import ExtrapolationWarning, warn
from hyperspy_dlatoms.detection._inference import BATCH_PIXELS, known_of, padded_window
from hyperspy_dlatoms.detection._symmetry import Symmetrised
from hyperspy_dlatoms.detection._tiling import cut
from hyperspy_dlatoms.detection.masking import mask_series, warn_of_masked
from hyperspy_dlatoms.detection.pipeline import GRID_MULTIPLE, check_frames, warn_of_sampling
from hyperspy_dlatoms.networks.domain import OF_NOISE, lattice_powers
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.normalisation import contrast_of_series
from hyperspy_dlatoms.networks.resampling import Grid, resample


def exit_waves(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork,
    batch_pixels: int = BATCH_PIXELS,
    *,
    defoci: Sequence[float] | None = None,
    elements: Sequence[str] | None = None,
    symmetrise: bool = False,
) -> np.ndarray:
    """Reconstruct the exit waves of some focal series.

    Parameters
    ----------
    frames : numpy.ndarray
        Focal series of shape (n, images, H, W), any real dtype: electrons or counts, without
        background subtraction.
    sampling : float
        Pixel size in Å/px.
    network : AtomNetwork
        A network of exit waves.
    batch_pixels : int
        Working pixels per tile.
    defoci : sequence of float, optional
        Defoci of the images (Å), positive for underfocus; None if unknown.
    elements : sequence of str, optional
        Metal and chalcogen of a layer, for a network that takes them; None if unknown.
    symmetrise : bool
        Whether to average over the eight rotations by 90° and reflections of the images.

    Returns
    -------
    numpy.ndarray
        Complex64 of shape (n, h, w), on the `working_grid` of the images; see
        ``networks.waves.band_limited`` for phase and scale. NaN for a series with an image that
        shows nothing.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape or pixel size makes no sense, or an image's mean is not positive everywhere.

    Warns
    -----
    ExtrapolationWarning
        If an image shows only noise where the others show a lattice.
    MaskedPixelsWarning, SamplingWarning
        If bad pixels were masked, or the pixel size is outside what the network was trained on.
    """
    card = network.card
    frames = check_frames(frames, sampling, card, defoci)
    warn_of_sampling(sampling, card)
    shape, _ = working_grid(frames.shape[-2:], sampling, card.sampling)
    waves = np.empty((len(frames), *shape), np.complex64)
    known = known_of(card, defoci, elements)
    reader = Symmetrised(network) if symmetrise else network
    tiling = cut(shape, network.receptive_radius, GRID_MULTIPLE, batch_pixels)
    n_masked, blank = [], 0
    for wave, series in zip(waves, frames, strict=True):
        clean, mask = mask_series(series, sampling)
        n_masked.append(int(np.count_nonzero(mask)))
        if mask.all():
            wave[:] = np.nan
            continue
        images, grids = zip(*(resample(one, sampling, card.sampling) for one in clean), strict=True)
        working = sampling * grids[0].scale
        stack = np.stack(images)
        blank += bool((lattice_powers(stack) < OF_NOISE).any())
        contrast = contrast_of_series(stack, working, card.normalisation_width)
        whole = np.empty(tiling.padded, np.complex64)
        for tile in tiling.tiles:
            found = reader.waves(padded_window(contrast, tile, tiling.shape)[None], *known)[0]
            whole[tile.place] = found[tile.core]
        wave[:] = whole[: shape[0], : shape[1]]
    warn_of_masked(n_masked, "focal series")
    if blank:
        warn(
            f"An image of {blank} of {len(frames)} focal series shows noise alone where the others "
            "show a lattice, as with a closed shutter: the exit waves of those series are wrong.",
            ExtrapolationWarning,
        )
    return waves


def working_grid(
    shape: tuple[int, int], sampling: float, target: float
) -> tuple[tuple[int, int], Grid]:
    """Return the shape (h, w) and the grid of images (H, W) at the sampling of a network, Å/px."""
    # One row and one column are enough.
    column, grid = resample(np.zeros((shape[0], 1), np.float32), sampling, target)
    row, _ = resample(np.zeros((1, shape[1]), np.float32), sampling, target)
    return (len(column), row.shape[1]), grid
