# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of frames to the networks: mask, resample, normalise, cut, and batches of one shape."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.detection.masking import mask_bad, mask_series
from hyperspy_dlatoms.detection.tiling import Tile, Tiling, cut
from hyperspy_dlatoms.networks.architecture import encode_defoci
from hyperspy_dlatoms.networks.normalisation import normalise, normalise_series
from hyperspy_dlatoms.networks.on_device import resample_on_device
from hyperspy_dlatoms.networks.resampling import Grid, resample
from hyperspy_dlatoms.networks.running import has_accelerator

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.card import ModelCard
    from hyperspy_dlatoms.networks.maps import SiteMaps
    from hyperspy_dlatoms.networks.network import AtomNetwork

BATCH_PIXELS = 1536**2
"""Working pixels that go through the network at once; decides the memory it takes."""

_FILLS_CPU = 256**2

# Enough for four poolings behind the strided stem.
_GRID_MULTIPLE = 32
_COARSEST = 4.0
_OUTSIDE_DOMAIN = 1.1


class Frame(NamedTuple):
    """A frame on its way.

    Attributes
    ----------
    index : int
        Its number.
    shape : tuple of int
        (H, W).
    working : numpy.ndarray
        Normalised, at the networks' sampling, shape (h, w), or (images, h, w) of a focal series.
    grid : Grid
        Where its working pixels lie.
    mask : numpy.ndarray or None
        Its bad pixels, shape (H, W); None where there are none.
    tiling : Tiling
        How it is cut.
    """

    index: int
    shape: tuple[int, int]
    working: np.ndarray
    grid: Grid
    mask: np.ndarray | None
    tiling: Tiling


class Look(NamedTuple):
    """What the networks see in a tile.

    Attributes
    ----------
    frame : Frame
        The frame.
    tile : Tile
        The tile of it.
    maps : list of SiteMaps
        Of each network.
    features : list of numpy.ndarray or None
        Coarse features of the core of the tile, shape (m, C), of each network that judges; else
        None.
    """

    frame: Frame
    tile: Tile
    maps: list[SiteMaps]
    features: list[np.ndarray | None]

    @property
    def is_last(self) -> bool:
        """Whether it is the last tile of its frame."""
        return self.tile is self.frame.tiling.tiles[-1]


def look(
    frames: np.ndarray,
    sampling: float,
    networks: Sequence[AtomNetwork],
    batch_pixels: int,
    *,
    judging: bool,
    defoci: Sequence[float] | None = None,
) -> Iterator[Look]:
    """Show each tile of each frame to all networks in turn, in batches of one shape.

    A frame is masked, resampled, normalised and cut once for all of them.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of shape (n, H, W), or focal series of shape (n, images, H, W), any real dtype, H * W
        at least 2.
    sampling : float
        Pixel size in Å/px.
    networks : sequence of AtomNetwork
        Of one working sampling, stride and normalisation width.
    batch_pixels : int
        Working pixels that go through a network at once.
    judging : bool
        Whether what `Domain.judge` needs is kept, for the networks that have a domain.
    defoci : sequence of float, optional
        Of the images of the focal series, Å; None where not known.

    Yields
    ------
    Look
        The tiles of a frame one after another.

    Warns
    -----
    UserWarning
        If bad pixels were masked.
    """
    card = networks[0].card
    halo = max(network.receptive_radius for network in networks)
    judges = [judging and network.domain is not None for network in networks]
    pending: list[tuple[Frame, Tile, np.ndarray]] = []
    batch = None
    masked = []
    for index, pixels in enumerate(frames):
        working, grid, mask = _prepare(pixels, sampling, card)
        masked.append(int(np.count_nonzero(mask)))
        shape, series = pixels.shape[-2:], working.shape[:-2]
        tiling = cut(working.shape[-2:], halo, _GRID_MULTIPLE, batch_pixels)
        frame = Frame(index, shape, working, grid, mask if masked[-1] else None, tiling)
        if batch is None:
            number = _at_once(tiling.shape, batch_pixels, len(frames) * len(tiling.tiles))
            batch = np.zeros((number, *series, *tiling.shape), np.float32)
        for tile in tiling.tiles:
            pending.append((frame, tile, padded_window(working, tile, tiling.shape)))
            if len(pending) == len(batch):
                yield from _evaluate(networks, judges, batch, pending, defoci)
                pending = []
    if pending:
        yield from _evaluate(networks, judges, batch, pending, defoci)
    if any(masked):
        warnings.warn(
            f"Pixels that are NaN, infinite or outliers were masked: {sum(masked)} in "
            f"{np.count_nonzero(masked)} of {len(masked)} frames.",
            stacklevel=2,
        )


def look_again(frame: Frame, networks: Sequence[AtomNetwork], batch_pixels: int) -> Iterator[Look]:
    """Show a frame that was looked at to other networks of the same kind.

    Parameters
    ----------
    frame : Frame
        As `look` gave it.
    networks : sequence of AtomNetwork
        Of one working sampling, stride and normalisation width.
    batch_pixels : int
        Working pixels that go through a network at once.

    Yields
    ------
    Look
        Its tiles one after another, without features.
    """
    tiles, shape = frame.tiling.tiles, frame.tiling.shape
    number = _at_once(shape, batch_pixels, len(tiles))
    batch = np.zeros((number, *frame.working.shape[:-2], *shape), np.float32)
    for start in range(0, len(tiles), number):
        pending = [
            (frame, tile, padded_window(frame.working, tile, shape))
            for tile in tiles[start : start + number]
        ]
        yield from _evaluate(networks, [False] * len(networks), batch, pending, None)


def _at_once(shape: tuple[int, int], batch_pixels: int, number: int) -> int:
    """Tell how many of some tiles go through a network together."""
    area = shape[0] * shape[1]
    # On a CPU the last digits of what a network says of a frame follow the shape of its batch,
    # which therefore may not depend on how many frames there are.
    if not has_accelerator():
        return max(round(min(_FILLS_CPU, batch_pixels) / area), 1)
    return min(max(batch_pixels // area, 2), max(number, 2))


def _prepare(
    pixels: np.ndarray, sampling: float, card: ModelCard
) -> tuple[np.ndarray, Grid, np.ndarray]:
    """Mask, resample and normalise a frame, or the images of a focal series together."""
    width = card.normalisation_width
    bring = resample_on_device if has_accelerator() else resample
    if pixels.ndim == 2:
        clean, mask = mask_bad(pixels)
        working, grid = bring(clean, sampling, card.sampling)
        del clean
        return normalise(working, sampling * grid.scale, width), grid, mask
    clean, mask = mask_series(pixels)
    images, grids = zip(*(bring(one, sampling, card.sampling) for one in clean), strict=True)
    return normalise_series(np.stack(images), sampling * grids[0].scale, width), grids[0], mask


def in_cells(pixels: tuple[slice, slice], size: int) -> tuple[slice, slice]:
    """Give the cells, of some pixels a side, that lie in a window.

    Parameters
    ----------
    pixels : tuple of slice
        Window in pixels, its edges multiples of `size`.
    size : int
        Pixels per cell.

    Returns
    -------
    tuple of slice

    Examples
    --------
    >>> in_cells((slice(0, 32), slice(32, 96)), 16)
    (slice(0, 2, None), slice(2, 6, None))
    """
    return tuple(slice(one.start // size, one.stop // size) for one in pixels)


def check(frames: np.ndarray, sampling: float, card: ModelCard) -> np.ndarray:
    """Refuse frames that no network can look at.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of shape (n, H, W), or focal series of shape (n, images, H, W), any real dtype.
    sampling : float
        Pixel size in Å/px.
    card : ModelCard
        Of the network.

    Returns
    -------
    numpy.ndarray
        The frames.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape or the pixel size make no sense.
    """
    frames = np.asarray(frames)
    if frames.dtype.kind not in "biuf":
        raise TypeError(
            f"The frames have dtype {frames.dtype}, expected real numbers: take the modulus, phase "
            "or real part of complex images first."
        )
    images = card.images
    if images == 1 and frames.ndim != 3:
        raise ValueError(f"The frames have shape {frames.shape}, expected (n, H, W).")
    if images > 1 and (frames.ndim != 4 or frames.shape[1] != images):
        raise ValueError(
            f"The frames have shape {frames.shape}, expected (n, {images}, H, W): the network "
            f"{card.name!r} looks at focal series of {images} images."
        )
    if not (np.isfinite(sampling) and sampling > 0):
        raise ValueError(f"The sampling is {sampling!r}, expected a positive number in Å/px.")
    if sampling > _COARSEST * card.sampling:
        raise ValueError(
            f"The sampling is {sampling:g} Å/px, too coarse for atoms: the network {card.name!r} "
            f"works at {card.sampling:g} Å/px. Check the calibration and its unit."
        )
    return frames


def check_defoci(defoci: Sequence[float] | None, card: ModelCard) -> None:
    """Refuse defoci that do not belong to the images that a network looks at.

    Parameters
    ----------
    defoci : sequence of float or None
        Of the images of a focal series, Å; None where not known.
    card : ModelCard
        Of the network.

    Raises
    ------
    ValueError
        If there are not as many as images, or one is not finite, or the network looks at single
        images.
    """
    images = card.images
    if defoci is not None and images == 1:
        raise ValueError(f"{card.name!r} looks at single images, expected no defoci.")
    encode_defoci(defoci, images)


def warn_of_sampling(sampling: float, card: ModelCard) -> None:
    """Warn of a pixel size that the card of a network does not cover.

    Parameters
    ----------
    sampling : float
        Pixel size in Å/px.
    card : ModelCard
        Of the network.

    Warns
    -----
    UserWarning
        If it is more than a tenth outside the range of the card.
    """
    domain = card.domain.get("sampling")
    if domain is not None and not (
        domain[0] / _OUTSIDE_DOMAIN <= sampling <= domain[1] * _OUTSIDE_DOMAIN
    ):
        warnings.warn(
            f"The sampling is {sampling:g} Å/px, the network {card.name!r} was trained on images "
            f"of {domain[0]:g} to {domain[1]:g} Å/px: check the calibration and its unit.",
            stacklevel=4,
        )


def too_small(frames: np.ndarray) -> bool:
    """Tell whether frames, of shape (..., H, W), have no room for an atom."""
    return frames.shape[-2] * frames.shape[-1] < 2


def _evaluate(
    networks: Sequence[AtomNetwork],
    judges: list[bool],
    batch: np.ndarray,
    pending: list[tuple[Frame, Tile, np.ndarray]],
    defoci: Sequence[float] | None,
) -> Iterator[Look]:
    batch[len(pending) :] = 0
    for place, (_, _, window) in zip(batch, pending, strict=False):
        place[:] = window
    known = () if defoci is None else (defoci,)
    seen = [
        network.look(batch, *known) if judge else (network.maps(batch, *known), None)
        for network, judge in zip(networks, judges, strict=True)
    ]
    for one, (frame, tile, _) in enumerate(pending):
        maps = [maps.each(lambda part, one=one: part[one]) for maps, _ in seen]
        features = [
            None if all_of is None else _of_core(all_of[one], frame, tile, network.grid_multiple)
            for network, (_, all_of) in zip(networks, seen, strict=True)
        ]
        yield Look(frame, tile, maps, features)


def _of_core(features: np.ndarray, frame: Frame, tile: Tile, size: int) -> np.ndarray:
    """Give the features of the cells of a core that are not altogether beyond the frame."""
    within = [-(-side // size) for side in frame.working.shape[-2:]]
    rows, columns = (
        slice(cells.start, min(cells.stop, last - origin // size))
        for cells, last, origin in zip(in_cells(tile.core, size), within, tile.origin, strict=True)
    )
    return features[rows, columns].reshape(-1, features.shape[-1]).copy()


def padded_window(working: np.ndarray, tile: Tile, shape: tuple[int, int]) -> np.ndarray:
    """Cut a tile out of a frame, or of the images of a focal series, continued by reflection.

    Parameters
    ----------
    working : numpy.ndarray
        Shape (..., h, w).
    tile : Tile
        The tile.
    shape : tuple of int
        Of the tiles.

    Returns
    -------
    numpy.ndarray
        Shape (..., *shape).
    """
    y, x = tile.origin
    window = working[..., y : y + shape[0], x : x + shape[1]]
    missing = [(0, side - there) for side, there in zip(shape, window.shape[-2:], strict=True)]
    missing = [(0, 0)] * (working.ndim - 2) + missing
    # Reflected, the texture goes on, so the network sees neither an edge nor a flat band.
    return np.pad(window, missing, mode="symmetric") if np.any(missing) else window
