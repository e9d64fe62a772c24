# SPDX-License-Identifier: GPL-3.0-or-later
"""The mean output of a network over the orientations of an image."""

from typing import Any

import numpy as np

from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.networks.network import AtomNetwork

_VIEWS = [(turns, flipped) for turns in range(4) for flipped in (False, True)]
"""Rotations by 90°, and whether a reflection follows; the first leaves an image unchanged."""


class Symmetrised:
    """A network whose maps or waves are the mean over 8 rotations and reflections of an image."""

    # Source: K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    # recognition", ICLR (2015), section 3.2, for the mean over flips.

    def __init__(self, network: AtomNetwork) -> None:
        self.network = network
        self.card = network.card
        self.domain = network.domain
        self.receptive_radius = network.receptive_radius
        self.grid_multiple = network.grid_multiple

    def maps(self, batch: np.ndarray, *known: Any) -> SiteMaps:
        """Return the mean maps of a batch, see `AtomNetwork.maps`."""
        return self._mean(self.network.maps(batch, *known), batch, *known)

    def infer(self, batch: np.ndarray, *known: Any) -> tuple[SiteMaps, np.ndarray]:
        """Return the mean maps of a batch, and the features of the batch as it is."""
        maps, features = self.network.infer(batch, *known)
        return self._mean(maps, batch, *known), features

    def waves(self, batch: np.ndarray, *known: Any) -> np.ndarray:
        """Return the mean waves of a batch, see `AtomNetwork.waves`."""
        total = np.zeros((len(batch), *batch.shape[-2:]), np.complex128)
        for turns, flipped in _VIEWS:
            waves = self.network.waves(_seen(batch, turns, flipped), *known)
            waves = waves[..., ::-1] if flipped else waves
            total += np.rot90(waves, -turns, axes=(1, 2))
        return (total / len(_VIEWS)).astype(np.complex64)

    def _mean(self, first: SiteMaps, batch: np.ndarray, *known: Any) -> SiteMaps:
        # The mean has peaks of its own.
        first = first._replace(peak=None)
        sums = first.each(lambda part: part.astype(np.float64))
        for turns, flipped in _VIEWS[1:]:
            maps = self.network.maps(_seen(batch, turns, flipped), *known)
            for total, part in zip(sums, _back(maps, turns, flipped), strict=True):
                if total is not None:
                    total += part
        return sums.each(lambda total: (total / len(_VIEWS)).astype(np.float32))


def _seen(batch: np.ndarray, turns: int, flipped: bool) -> np.ndarray:
    """Rotate images (..., h, w), then reflect them."""
    batch = np.rot90(batch, turns, axes=(-2, -1))
    return batch[..., ::-1] if flipped else batch


def _back(maps: SiteMaps, turns: int, flipped: bool) -> SiteMaps:
    """Undo the rotation and reflection of the image in its maps."""
    if flipped:
        maps = maps.each(lambda part: part[:, :, ::-1])
        maps = maps._replace(offset=maps.offset * np.array([1, -1], np.float32))
    maps = maps.each(lambda part: np.rot90(part, -turns, axes=(1, 2)))
    for _ in range(turns):
        offset = maps.offset[..., ::-1] * np.array([1, -1], np.float32)
        maps = maps._replace(offset=offset, sigma=maps.sigma[..., ::-1])
    return maps
