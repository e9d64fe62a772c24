# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing the sites that a network finds in simulated images with the true ones."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.simulation.imaging.modality import at_dose
from hyperspy_dlatoms.training.outliers import take_picture

BORDER = 3.0  # Å. Sites nearer to the edges have their surroundings cut off.
# Sites below this probability are ignored: half of the lowest threshold tried.
LOWEST = 0.1
_LIKELY = 0.5  # A network reports the sites above this probability.
_FARTHEST = 0.7  # The widest tolerance (Å): a quarter of the column spacing in gold.


class Outcome(NamedTuple):
    """Found and true sites of an image, without those near its edges."""

    # (n, 5): probability, then sigmas and absolute errors in working px, y and x.
    found: np.ndarray
    # (n, 2): sigma and absolute error in atoms; (n, 0) for networks without heights.
    heights: np.ndarray
    right: np.ndarray  # (n,) bool: whether each is a true site, and of the right class.
    # (m, 3): y, x (px) and probability of all sites found, including those near the edges.
    places: np.ndarray
    counted: np.ndarray  # (m,) bool: which of those the other arrays describe.
    pixel: float  # Å.
    true: int  # Number of true sites.

    def share_right(self) -> float:
        """Return the share of likely sites that are right, 1 where there are none."""
        # Below a half, the network mostly mistook the contrast for its opposite.
        likely = self.found[:, 0] > _LIKELY
        return float(self.right[likely].mean()) if likely.any() else 1.0


def compare(
    network: AtomNetwork | AtomEnsemble,
    recipe: Recipe,
    item: Item,
    dose: float,
    rng: np.random.Generator,
    threshold: float | None = LOWEST,
) -> Outcome:
    """Find the sites in an image (or focal series) of a wave at a dose in e/Å²."""
    # With a threshold of None, the card's thresholds apply.
    card, size = network.card, recipe.waves.size
    picture = take_picture(rng, item, at_dose(recipe.imaging, dose), recipe.waves.sampling)
    pixel, true = picture.pixel, picture.positions
    sites = all_sites(picture.image, pixel, network, _elements(item), threshold)
    members = len(network.members) if isinstance(network, AtomEnsemble) else 1
    columns = column_names(card, members)
    classes = _classes(card.classes, item)
    scale = pixel / card.sampling
    partner = np.full(len(sites), -1)
    first, second = match(sites[:, :2], true, tolerance(card) / pixel).T
    partner[first] = second
    there = partner >= 0
    found = sites[:, 5] if len(card.classes) > 1 else np.zeros(len(sites))
    right = there & (classes[partner] == found) if len(true) else there
    errors, heights = np.full((len(sites), 2), np.nan), np.empty((len(sites), 0))
    errors[there] = np.abs(sites[there, :2] - true[partner[there]]) * scale
    if "height" in columns:
        heights = sites[:, [columns.index("height_sigma"), columns.index("height")]]
        heights[there, 1] = np.abs(heights[there, 1] - item.sites[partner[there], 2])
    counted = _inner(sites[:, :2] * pixel, size)
    if len(true):
        counted &= ~(there & (classes[partner] < 0))
    return Outcome(
        np.column_stack([sites[:, 2], sites[:, 3:5] * scale, errors])[counted],
        heights[counted],
        right[counted],
        sites[:, :3],
        counted,
        pixel,
        int(np.count_nonzero(_inner(true * pixel, size) & (classes >= 0))),
    )


def all_sites(
    image: np.ndarray,
    pixel: float,
    network: AtomNetwork | AtomEnsemble,
    elements: tuple[str, ...] | None = None,
    threshold: float | None = LOWEST,
) -> np.ndarray:
    """Find all sites that any threshold could keep; for an ensemble, those of any member."""
    if isinstance(network, AtomEnsemble):
        return find_sites(image[None], pixel, network, minimum_agreement=0.0, elements=elements)[0]
    return find_sites(image[None], pixel, network, threshold, elements=elements)[0]


def _elements(item: Item) -> tuple[str, ...] | None:
    """Return the elements of a layer, for networks that can be told them."""
    elements = tuple(item.record["specimen"].get("elements", ()))
    return elements if len(elements) == 2 else None


def tolerance(card: ModelCard) -> float:
    """Return the distance (Å) from a true site within which a found site is right."""
    # Half the least distance between two sites, so that one found midway matches neither.
    return min(card.minimum_distance / 2, _FARTHEST)


def without_decoys(data: DataSet, index: int, card: ModelCard) -> Item:
    """Read a wave and its sites, without the sites that the network learnt as decoys."""
    item = data[int(index)]
    names = card.arguments.get("decoys", ())
    decoys = [n for n, kind in enumerate(item.record["kinds"]) if kind in names]
    kept = ~np.isin(item.species, decoys)
    return dataclasses.replace(item, sites=item.sites[kept], species=item.species[kept])


def _classes(classes: Sequence[str], item: Item) -> np.ndarray:
    """Return the class of each site, -1 for kinds that the network does not know."""
    kinds = item.record["kinds"]
    if len(classes) == 1 and classes[0] not in kinds:
        return np.zeros(len(item.sites), int)
    return np.array([classes.index(k) if k in classes else -1 for k in kinds], int)[item.species]


def _inner(places: np.ndarray, size: float) -> np.ndarray:
    """Return which positions (y, x in Å) lie away from the edges of the image."""
    return np.all((places > BORDER) & (size - places > BORDER), axis=1)
