# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a frame: mask, resample, normalise, cut, network, sites or maps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.detection.sites import candidates, select
from hyperspy_dlatoms.detection.tiling import Tile, Tiling, cut
from hyperspy_dlatoms.networks.interpolation import interpolate
from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.networks.resampling import Grid, resample

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork, SiteMaps

BATCH_PIXELS = 1536**2
"""Working pixels that go through the network at once; decides the memory it takes."""

_TAU = 0.4
_DISC = 0.6
_COARSEST = 4.0
_OUTSIDE_DOMAIN = 1.1
# Two tiles may choose different cells for a site on the seam, rounding decides: each looks a bit
# over its seam, and of two equal sites one is kept.
_OVER_SEAM = 2
_ROWS = 256
# Enough for four poolings behind the strided stem.
_GRID_MULTIPLE = 32


def find_sites(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork,
    threshold: float | None = None,
    batch_pixels: int = BATCH_PIXELS,
) -> list[np.ndarray]:
    """Find the sites (atoms or atomic columns) of some frames.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of shape (n, H, W), any real dtype.
    sampling : float
        Pixel size in Å/px.
    network : AtomNetwork
        A trained network.
    threshold : float, optional
        Lowest probability of a site; the one of the network's card unless told.
    batch_pixels : int
        Working pixels that go through the network at once.

    Returns
    -------
    list of numpy.ndarray
        For each frame a float64 array (k, 5) of y, x, probability, y_sigma, x_sigma in pixels of
        the frame, the centre of its first pixel at 0; (k, 6), with the index of the class, if the
        network tells classes apart. Sorted by y, then x. (0, 5) or (0, 6) where nothing is.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape, the pixel size or the threshold make no sense.

    Warns
    -----
    UserWarning
        If bad pixels were masked, or the pixel size is outside what the network was trained on.
    """
    frames = _check(frames, sampling, network)
    card = network.card
    if threshold is None:
        threshold = card.threshold
    elif not 0 < threshold < 1:
        raise ValueError(f"The threshold is {threshold!r}, expected a probability from 0 to 1.")
    n_classes = len(card.classes)
    nothing = np.empty((0, 5 if n_classes == 1 else 6))
    if _too_small(frames):
        return [nothing.copy() for _ in frames]

    found: list[np.ndarray] = []
    sites: list[np.ndarray] = []
    masked = []
    for frame, tile, maps in _tile_maps(frames, sampling, network, batch_pixels):
        working = sampling * frame.grid.scale
        core = tuple(
            slice(max(cells.start - _OVER_SEAM, 0), cells.stop + _OVER_SEAM)
            for cells in _cells(tile.core, card.stride)
        )
        new = candidates(maps, card.stride, threshold, _TAU / working, core)
        new[:, :2] += tile.origin
        found.append(new)
        if tile is frame.tiling.tiles[-1]:
            sites.append(
                select(
                    np.concatenate(found),
                    frames.shape[1:],
                    frame.grid,
                    max(card.minimum_distance / working, card.stride),
                    n_classes,
                    frame.mask,
                    _DISC / sampling,
                )
            )
            found = []
            masked.append(_count(frame.mask))
    _say(masked)
    return sites


def probability_maps(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork,
    batch_pixels: int = BATCH_PIXELS,
) -> np.ndarray:
    """Compute the probability of a site near each pixel of some frames.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of shape (n, H, W), any real dtype.
    sampling : float
        Pixel size in Å/px.
    network : AtomNetwork
        A trained network.
    batch_pixels : int
        Working pixels that go through the network at once.

    Returns
    -------
    numpy.ndarray
        Float32 array of shape (n, H, W), or (n, H, W, K) if the network tells K > 1 classes apart.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape or the pixel size make no sense.

    Warns
    -----
    UserWarning
        If bad pixels were masked, or the pixel size is outside what the network was trained on.
    """
    frames = _check(frames, sampling, network)
    card = network.card
    n_classes = len(card.classes)
    out = np.zeros((*frames.shape, n_classes), np.float32)
    if not _too_small(frames):
        cells = None
        masked = []
        for frame, tile, maps in _tile_maps(frames, sampling, network, batch_pixels):
            if cells is None:
                sides = (side // card.stride for side in frame.tiling.padded)
                cells = np.empty((*sides, n_classes), np.float32)
            core = _cells(tile.core, card.stride)
            here = tuple(
                slice(origin // card.stride + one.start, origin // card.stride + one.stop)
                for origin, one in zip(tile.origin, core, strict=True)
            )
            cells[here] = maps.probability[core]
            if tile is frame.tiling.tiles[-1]:
                _spread(cells, frame.grid, card.stride, out[frame.index])
                masked.append(_count(frame.mask))
        _say(masked)
    return out[..., 0] if n_classes == 1 else out


class _Frame(NamedTuple):
    index: int
    grid: Grid
    mask: np.ndarray | None
    tiling: Tiling


def _tile_maps(
    frames: np.ndarray, sampling: float, network: AtomNetwork, batch_pixels: int
) -> Iterator[tuple[_Frame, Tile, SiteMaps]]:
    """Give the maps of each tile of each frame in turn, computed in batches of one shape."""
    card = network.card
    pending: list[tuple[_Frame, Tile, np.ndarray]] = []
    batch = None
    for index, pixels in enumerate(frames):
        clean, mask = mask_bad(pixels)
        working, grid = resample(clean, sampling, card.sampling)
        del clean
        working = normalise(working, sampling * grid.scale, card.normalisation_width)
        tiling = cut(working.shape, network.receptive_radius, _GRID_MULTIPLE, batch_pixels)
        frame = _Frame(index, grid, mask if mask.any() else None, tiling)
        if batch is None:
            fitting = batch_pixels // (tiling.shape[0] * tiling.shape[1])
            number = min(max(fitting, 1), len(frames) * len(tiling.tiles))
            batch = np.zeros((number, *tiling.shape), np.float32)
        for tile in tiling.tiles:
            pending.append((frame, tile, _window(working, tile, tiling.shape)))
            if len(pending) == len(batch):
                yield from _evaluate(network, batch, pending)
                pending = []
    if pending:
        yield from _evaluate(network, batch, pending)


def _evaluate(
    network: AtomNetwork, batch: np.ndarray, pending: list[tuple[_Frame, Tile, np.ndarray]]
) -> Iterator[tuple[_Frame, Tile, SiteMaps]]:
    batch[len(pending) :] = 0
    for place, (_, _, window) in zip(batch, pending, strict=False):
        place[:] = window
    maps = network.maps(batch)
    for one, (frame, tile, _) in enumerate(pending):
        yield frame, tile, type(maps)(*(part[one] for part in maps))


def _window(working: np.ndarray, tile: Tile, shape: tuple[int, int]) -> np.ndarray:
    y, x = tile.origin
    window = working[y : y + shape[0], x : x + shape[1]]
    missing = [(0, side - there) for side, there in zip(shape, window.shape, strict=True)]
    # Reflected, the texture goes on, so the network sees neither an edge nor a flat band.
    return np.pad(window, missing, mode="symmetric") if np.any(missing) else window


def _cells(core: tuple[slice, slice], stride: int) -> tuple[slice, slice]:
    return tuple(slice(one.start // stride, one.stop // stride) for one in core)


def _spread(cells: np.ndarray, grid: Grid, stride: int, out: np.ndarray) -> None:
    """Interpolate a map from its cells to the pixels of the frame."""
    rows, columns = (
        (grid.to_working(np.arange(length)) - (stride - 1) / 2) / stride for length in out.shape[:2]
    )
    for top in range(0, len(rows), _ROWS):
        strip = interpolate(cells, rows[top : top + _ROWS])
        out[top : top + _ROWS] = interpolate(strip.swapaxes(0, 1), columns).swapaxes(0, 1)


def _check(frames: np.ndarray, sampling: float, network: AtomNetwork) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.dtype.kind not in "biuf":
        raise TypeError(
            f"The frames have dtype {frames.dtype}, expected real numbers: take the modulus, phase "
            "or real part of complex images first."
        )
    if frames.ndim != 3:
        raise ValueError(f"The frames have shape {frames.shape}, expected (n, H, W).")
    if not (np.isfinite(sampling) and sampling > 0):
        raise ValueError(f"The sampling is {sampling!r}, expected a positive number in Å/px.")
    card = network.card
    if sampling > _COARSEST * card.sampling:
        raise ValueError(
            f"The sampling is {sampling:g} Å/px, too coarse for atoms: the network {card.name!r} "
            f"works at {card.sampling:g} Å/px. Check the calibration and its unit."
        )
    domain = card.domain.get("sampling")
    if domain is not None and not (
        domain[0] / _OUTSIDE_DOMAIN <= sampling <= domain[1] * _OUTSIDE_DOMAIN
    ):
        warnings.warn(
            f"The sampling is {sampling:g} Å/px, the network {card.name!r} was trained on images "
            f"of {domain[0]:g} to {domain[1]:g} Å/px: check the calibration and its unit.",
            stacklevel=3,
        )
    return frames


def _too_small(frames: np.ndarray) -> bool:
    return frames.shape[1] * frames.shape[2] < 2


def _count(mask: np.ndarray | None) -> int:
    return 0 if mask is None else int(np.count_nonzero(mask))


def _say(masked: list[int]) -> None:
    if any(masked):
        warnings.warn(
            f"Pixels that are NaN, infinite or outliers were masked: {sum(masked)} in "
            f"{np.count_nonzero(masked)} of {len(masked)} frames.",
            stacklevel=3,
        )
