# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of probability and agreement, on the pixels of the frames."""

from collections.abc import Callable, Sequence

import numpy as np

from hyperspy_dlatoms.detection._inference import (
    BATCH_PIXELS,
    TileOutput,
    in_cells,
    infer,
    members_of,
)
from hyperspy_dlatoms.detection.pipeline import check_frames, prepared, too_small, warn_of_sampling
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.resampling import Grid, interpolate

_ROWS = 256  # Rows at a time, which stay in the cache.


def probability_maps(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    batch_pixels: int = BATCH_PIXELS,
    *,
    symmetrise: bool = False,
    defoci: Sequence[float] | None = None,
    elements: Sequence[str] | None = None,
) -> np.ndarray:
    """Compute the probability of a site near each pixel of some frames.

    Parameters
    ----------
    frames, sampling, batch_pixels, symmetrise, defoci, elements
        As for `find_sites`.
    network : AtomNetwork or AtomEnsemble
        A trained network, or several, whose mean probability is returned.

    Returns
    -------
    numpy.ndarray
        Float32 array of shape (n, H, W), or (n, H, W, K) for a network with K > 1 classes.

    Raises
    ------
    TypeError, ValueError
        As `find_sites`.

    Warns
    -----
    MaskedPixelsWarning, SamplingWarning
        As `find_sites`.
    """
    n_classes = len(network.card.classes)

    def mean(maps: list[SiteMaps]) -> np.ndarray:
        return np.mean([one.probability for one in maps], axis=0)

    known = defoci, elements
    maps = _maps(frames, sampling, network, batch_pixels, symmetrise, n_classes, mean, *known)
    return maps[..., 0] if n_classes == 1 else maps


def agreement_maps(
    frames: np.ndarray,
    sampling: float,
    network: AtomEnsemble,
    batch_pixels: int = BATCH_PIXELS,
    *,
    symmetrise: bool = False,
    defoci: Sequence[float] | None = None,
) -> np.ndarray:
    """Compute how well the members of an ensemble agree at each pixel of some frames.

    Parameters
    ----------
    frames, sampling, batch_pixels, symmetrise, defoci
        As for `find_sites`.
    network : AtomEnsemble
        Several trained networks.

    Returns
    -------
    numpy.ndarray
        Float32 array of shape (n, H, W): 1 minus twice the standard deviation of the members'
        probabilities of a site of any class. It is 1 where all agree, whether on a site or on none,
        and 0 where half of them are sure of a site and the other half of none.

    Raises
    ------
    TypeError, ValueError
        As for `find_sites`; also a TypeError if `network` is a single one.

    Warns
    -----
    MaskedPixelsWarning, SamplingWarning
        As `find_sites`.
    """
    if not isinstance(network, AtomEnsemble):
        raise TypeError(f"{network.card.name!r} is a single network, expected an ensemble.")

    def agreement(maps: list[SiteMaps]) -> np.ndarray:
        sites = [one.probability.sum(axis=-1, keepdims=True) for one in maps]
        return 1 - 2 * np.std(sites, axis=0)

    maps = _maps(frames, sampling, network, batch_pixels, symmetrise, 1, agreement, defoci)
    return maps[..., 0]


def _maps(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    batch_pixels: int,
    symmetrise: bool,
    channels: int,
    combine: Callable[[list[SiteMaps]], np.ndarray],
    defoci: Sequence[float] | None,
    elements: Sequence[str] | None = None,
) -> np.ndarray:
    """Combine the members' maps, and interpolate them to the pixels of the frames."""
    frames = check_frames(frames, sampling, network.card, defoci)
    warn_of_sampling(sampling, network.card)
    members = members_of(network, symmetrise)
    stride = network.card.stride
    out = np.zeros((len(frames), *frames.shape[-2:], channels), np.float32)
    if too_small(frames):
        return out

    def core_of(output: TileOutput) -> tuple[tuple[slice, slice], np.ndarray]:
        """Return the core cells of a tile, and their place in the frame."""
        place, core = (in_cells(one, stride) for one in (output.tile.place, output.tile.core))
        return place, combine(output.maps)[core]

    for frame, cores in infer(
        prepared(frames, sampling, members, batch_pixels),
        members,
        core_of,
        n_frames=len(frames),
        batch_pixels=batch_pixels,
        defoci=defoci,
        elements=elements,
    ):
        rows, columns = (side // stride for side in frame.tiling.padded)
        cells = np.empty((rows, columns, channels), np.float32)
        for place, core in cores:
            cells[place] = core
        _spread(cells, frame.grid, stride, out[frame.number])
    return out


def _spread(cells: np.ndarray, grid: Grid, stride: int, out: np.ndarray) -> None:
    """Interpolate a map from its cells to the pixels of the frame."""
    rows, columns = (
        (grid.to_working(np.arange(length)) - (stride - 1) / 2) / stride for length in out.shape[:2]
    )
    for top in range(0, len(rows), _ROWS):
        strip = interpolate(cells, rows[top : top + _ROWS])
        out[top : top + _ROWS] = interpolate(strip.swapaxes(0, 1), columns).swapaxes(0, 1)
