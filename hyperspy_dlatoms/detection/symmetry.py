# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that looks at an image in all its orientations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import SiteMaps

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork


class Symmetrised:
    """A network whose maps are the mean over the eight quarter turns and flips of an image.

    An image that is turned or flipped then gives the same maps, turned or flipped, which no network
    does quite by itself. It costs eight times as much.

    Parameters
    ----------
    network : AtomNetwork
        The network.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR (2015), section 3.2, for the mean over flips of the image to be judged.
    """

    def __init__(self, network: AtomNetwork) -> None:
        self.network = network
        self.card = network.card
        self.domain = network.domain
        self.receptive_radius = network.receptive_radius
        self.grid_multiple = network.grid_multiple

    def maps(self, batch: np.ndarray) -> SiteMaps:
        """Give the mean maps of a batch, see `AtomNetwork.maps`."""
        return self._mean(self.network.maps(batch), batch)

    def look(self, batch: np.ndarray) -> tuple[SiteMaps, np.ndarray]:
        """Give the mean maps of a batch, and the features of the batch as it is."""
        maps, features = self.network.look(batch)
        return self._mean(maps, batch), features

    def _mean(self, first: SiteMaps, batch: np.ndarray) -> SiteMaps:
        sums = [part.astype(np.float64) for part in first]
        for turns in range(4):
            for flipped in (False, True):
                if turns or flipped:
                    seen = np.rot90(batch, turns, axes=(1, 2))
                    maps = self.network.maps(seen[:, :, ::-1] if flipped else seen)
                    for total, part in zip(sums, _back(maps, turns, flipped), strict=True):
                        total += part
        return SiteMaps(*((total / 8).astype(np.float32) for total in sums))


def members_of(
    network: AtomNetwork | AtomEnsemble, symmetrise: bool
) -> list[AtomNetwork | Symmetrised]:
    """List the networks that are to look at a frame.

    Parameters
    ----------
    network : AtomNetwork or AtomEnsemble
        One network, or several.
    symmetrise : bool
        Whether each looks in all orientations.

    Returns
    -------
    list of AtomNetwork or Symmetrised
    """
    members = network.members if isinstance(network, AtomEnsemble) else (network,)
    return [Symmetrised(member) if symmetrise else member for member in members]


def _back(maps: SiteMaps, turns: int, flipped: bool) -> SiteMaps:
    """Bring the maps of a turned, then flipped image back to the image as it was."""
    probability, offset, sigma = maps
    if flipped:
        probability, offset, sigma = (part[:, :, ::-1] for part in maps)
        offset = offset * np.float32([1, -1])
    probability, offset, sigma = (
        np.rot90(part, -turns, axes=(1, 2)) for part in (probability, offset, sigma)
    )
    for _ in range(turns):
        offset = offset[..., ::-1] * np.float32([1, -1])
        sigma = sigma[..., ::-1]
    return SiteMaps(probability, offset, sigma)
