# SPDX-License-Identifier: GPL-3.0-or-later
"""Running of networks on tiles of frames, in batches of one shape."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from hyperspy_dlatoms.detection._symmetry import Symmetrised
from hyperspy_dlatoms.detection._tiling import Tile, Tiling
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.resampling import Grid
from hyperspy_dlatoms.networks.running import has_accelerator

BATCH_PIXELS = 1536**2  # Working pixels per batch; this sets the memory, about 1 GB.
# Working pixels that keep the cores of a CPU busy; more of them at once are no faster.
_FILLS_CPU = 256**2

Member: TypeAlias = "AtomNetwork | Symmetrised"

Read = TypeVar("Read")


class Frame(NamedTuple):
    """A frame prepared for the networks."""

    number: int
    shape: tuple[int, int]  # (H, W)
    working: np.ndarray  # Normalised, (h, w) or (images, h, w), at the networks' sampling.
    grid: Grid  # Where those working pixels lie on the frame.
    mask: np.ndarray | None  # Its bad pixels (H, W), None if there are none.
    tiling: Tiling


class TileOutput(NamedTuple):
    """The maps of each network for a tile, and features (m, C) of its core if requested."""

    tile: Tile
    maps: list[SiteMaps]
    features: list[np.ndarray | None]


def infer(
    frames: Iterable[Frame],
    networks: Sequence[Member],
    read: Callable[[TileOutput], Read],
    *,
    n_frames: int,
    batch_pixels: int,
    with_features: bool = False,
    defoci: Sequence[float] | None = None,
    elements: Sequence[str] | None = None,
) -> Iterator[tuple[Frame, list[Read]]]:
    """Run all networks on each tile of each frame; yield what ``read`` returns, frame by frame."""
    # The networks share sampling, stride and normalisation width. Only networks with a domain
    # return features. Defoci (Å) are those of a series, elements the metal and the chalcogen of a
    # layer.
    known = [known_of(network.card, defoci, elements) for network in networks]
    batch: np.ndarray | None = None
    pending: list[tuple[Frame, Tile]] = []
    outputs: list[Read] = []
    wanted = [with_features and network.domain is not None for network in networks]

    def flush(batch: np.ndarray) -> Iterator[tuple[Frame, list[Read]]]:
        for frame, output in _run(batch, pending, networks, wanted, known):
            outputs.append(read(output))
            if output.tile is frame.tiling.tiles[-1]:
                yield frame, outputs.copy()
                outputs.clear()
        pending.clear()

    for frame in frames:
        tiling = frame.tiling
        if batch is None:
            number = _at_once(tiling.shape, batch_pixels, n_frames * len(tiling.tiles))
            batch = np.zeros((number, *frame.working.shape[:-2], *tiling.shape), np.float32)
        for tile in tiling.tiles:
            pending.append((frame, tile))
            if len(pending) == len(batch):
                yield from flush(batch)
    if batch is not None and pending:
        yield from flush(batch)


def members_of(network: AtomNetwork | AtomEnsemble, symmetrise: bool) -> list[Member]:
    """Return the networks to apply to a frame, each averaged over orientations if requested."""
    members: Any = getattr(network, "members", (network,))
    return [Symmetrised(member) for member in members] if symmetrise else list(members)


def known_of(
    card: ModelCard, defoci: Sequence[float] | None, elements: Sequence[str] | None
) -> tuple[Any, ...]:
    """Return what a network is told about a series besides its images."""
    if elements is not None and card.arguments.get("material", False):
        return defoci, elements
    return () if defoci is None else (defoci,)


def in_cells(pixels: tuple[slice, slice], size: int) -> tuple[slice, slice]:
    """Convert a window from pixels to cells; its edges are multiples of the cell size."""
    rows, columns = (slice(one.start // size, one.stop // size) for one in pixels)
    return rows, columns


def padded_window(working: np.ndarray, tile: Tile, shape: tuple[int, int]) -> np.ndarray:
    """Cut a tile of a given shape out of an image (..., h, w), padded by reflection."""
    y, x = tile.origin
    window = working[..., y : y + shape[0], x : x + shape[1]]
    missing = [(0, side - there) for side, there in zip(shape, window.shape[-2:], strict=True)]
    missing = [(0, 0)] * (working.ndim - 2) + missing
    # Reflection continues the texture, without an edge or a flat band.
    return np.pad(window, missing, mode="symmetric") if np.any(missing) else window


def _at_once(shape: tuple[int, int], batch_pixels: int, number: int) -> int:
    """Return the number of tiles in a batch."""
    area = shape[0] * shape[1]
    # On a CPU the last digits of the output depend on the shape of the batch, so this must not
    # depend on the number of frames.
    if not has_accelerator():
        return max(round(min(_FILLS_CPU, batch_pixels) / area), 1)
    return min(max(batch_pixels // area, 2), max(number, 2))


def _run(
    batch: np.ndarray,
    pending: list[tuple[Frame, Tile]],
    networks: Sequence[Member],
    wanted: list[bool],
    known: list[tuple[Any, ...]],
) -> Iterator[tuple[Frame, TileOutput]]:
    """Run the networks on a batch of tiles, filled up with zeros."""
    batch[len(pending) :] = 0
    for place, (frame, tile) in zip(batch, pending, strict=False):
        place[:] = padded_window(frame.working, tile, frame.tiling.shape)
    returned = [
        network.infer(batch, *told) if features else (network.maps(batch, *told), None)
        for network, features, told in zip(networks, wanted, known, strict=True)
    ]
    for number, (frame, tile) in enumerate(pending):
        maps = [maps.each(itemgetter(number)) for maps, _ in returned]
        features = [
            None if every is None else _of_core(every[number], frame, tile, network.grid_multiple)
            for network, (_, every) in zip(networks, returned, strict=True)
        ]
        yield frame, TileOutput(tile, maps, features)


def _of_core(features: np.ndarray, frame: Frame, tile: Tile, size: int) -> np.ndarray:
    """Return the features of the cells of a core that are at least partly within the frame."""
    rows, columns = (
        slice(cells.start, min(cells.stop, -(-side // size) - origin // size))
        for cells, side, origin in zip(
            in_cells(tile.core, size), frame.working.shape[-2:], tile.origin, strict=True
        )
    )
    core = features[rows, columns]
    # A part is copied, so that the whole can be freed.
    core = core if core.shape == features.shape else core.copy()
    return core.reshape(-1, features.shape[-1])
