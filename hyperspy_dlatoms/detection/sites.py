# SPDX-License-Identifier: GPL-3.0-or-later
"""From the maps of a network to the sites of a frame."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.ndimage import maximum, maximum_filter
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import connected, first_come
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import SiteMaps
from hyperspy_dlatoms.networks.resampling import Grid

# Distance up to which two sites are connected, in units of the least distance between sites:
# nearest neighbours in the known lattices are 1.1 (Ni along [100]) to 1.6 (Au along [110]) of these
# apart.
_CONNECTED = 2.0
_MOSTLY = 0.5  # Masked fraction of the disc about a site above which the site is dropped.
_DISC_POINTS = 13  # Points along a side of the grid that samples the disc: 5 % of its area.


@dataclass(frozen=True, eq=False)
class Sites:
    """Atoms or atomic columns found in a frame, with their probabilities and deviations.

    Parameters
    ----------
    position : numpy.ndarray
        (y, x) in px, the centre of the first pixel at 0, shape (n, 2).
    probability : numpy.ndarray
        Probability of a site of any class, shape (n,).
    sigma : numpy.ndarray
        Standard deviation of the position along y and x in px, shape (n, 2).
    species : numpy.ndarray, optional
        Index of the most probable class, shape (n,), for networks with several classes.
    agreement : numpy.ndarray, optional
        Fraction of the members of an ensemble that found the site, shape (n,).
    class_probability : numpy.ndarray, optional
        Probability of each class, if there are several, shape (n, K).
    height : numpy.ndarray, optional
        Number of atoms in the column and its standard deviation, shape (n, 2); NaN if unknown.
    """

    position: np.ndarray
    probability: np.ndarray
    sigma: np.ndarray
    species: np.ndarray | None = None
    agreement: np.ndarray | None = None
    class_probability: np.ndarray | None = None
    height: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, which: Any) -> Self:
        """Return some of the sites, by a mask, a slice or indices."""
        return self._each(lambda column: column[which])

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join several lists of sites."""
        return parts[0]._each(lambda *columns: np.concatenate(columns), *parts[1:])

    def sorted(self) -> Self:
        """Return the sites sorted by y, then x."""
        return self[np.lexsort((self.position[:, 1], self.position[:, 0]))]

    def table(self) -> np.ndarray:
        """Return the sites as a float64 array, one row per site, see `column_names`."""
        columns = (getattr(self, field.name) for field in dataclasses.fields(Sites))
        return np.column_stack([column for column in columns if column is not None])

    def _each(self, function: Callable[..., np.ndarray], *others: Self) -> Self:
        """Apply a function to each column that is not None, with those of the others."""
        columns: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            parts = [getattr(one, field.name) for one in (self, *others)]
            columns[field.name] = None if parts[0] is None else function(*parts)
        return type(self)(**columns)


@dataclass(frozen=True, eq=False)
class Candidates(Sites):
    """Local maxima of the score (n,), in working px, with all members' probabilities (n, M)."""

    score: np.ndarray = None  # type: ignore[assignment]
    readings: np.ndarray | None = None


PROBABILITY = 2  # Column of `Sites.table`, see `column_names`.


def column_names(card: ModelCard, n_members: int = 1) -> list[str]:
    """Return the names of the columns of `Sites.table`, for a network or an ensemble."""
    several = len(card.classes) > 1
    names = ["y", "x", "probability", "y_sigma", "x_sigma"]
    names += ["species"] * several + ["agreement"] * (n_members > 1)
    if several:
        names += [f"probability_{name.replace(' ', '_')}" for name in card.classes]
    return names + ["height", "height_sigma"] * bool(card.heights)


def candidates(
    maps: SiteMaps,
    stride: int,
    threshold: float,
    reach: float,
    core: tuple[slice, slice] | None = None,
) -> Candidates:
    """Find the cells of a tile's ``core`` (default: all) that are local maxima of `maps.peaks`."""
    peak = maps.peak
    if peak is None:
        peak = _peaks(maps, reach)
    probability = maps.probability.sum(axis=-1)
    best = (peak >= 0) & (probability >= threshold)
    if core is not None:
        inside = np.zeros_like(best)
        inside[core] = True
        best &= inside
    here = np.nonzero(best)
    several = maps.probability.shape[-1] > 1
    found = Candidates(
        position=_mean_position(np.stack(here, axis=1), probability, maps, stride),
        probability=probability[here],
        sigma=maps.sigma[here],
        species=maps.probability[here].argmax(axis=-1) if several else None,
        class_probability=maps.probability[here] if several else None,
        height=None if maps.height is None else maps.height[here],
        score=peak[here],
    )
    return found._each(lambda column: column.astype(np.float64))


def _peaks(maps: SiteMaps, reach: float) -> np.ndarray:
    """Compute `networks.maps.peaks`, (h, w), for maps that do not come straight from a network."""
    squared = np.square(maps.offset).sum(axis=-1)
    score = maps.probability.sum(axis=-1) * np.exp(-squared / (2 * reach**2))
    largest = maximum_filter(score, 3, mode="constant", cval=-np.inf)
    return np.where(score == largest, score, -1.0)


def _mean_position(
    cells: np.ndarray, probability: np.ndarray, maps: SiteMaps, stride: int
) -> np.ndarray:
    """Return the mean positions (k, 2), in working px, of the nine cells at each site."""
    # Averaged over the cells that predict the same site, weighted by probabilities and inverse
    # variances: slightly more precise than the middle cell alone.
    (rows, columns), chances = probability.shape, probability.ravel()
    offset, sigma = (part.reshape(-1, 2) for part in (maps.offset, maps.sigma))
    own = offset[cells @ [columns, 1]].astype(np.float64)
    total, weights = np.zeros_like(own), np.zeros_like(own)
    for step in itertools.product((-1, 0, 1), repeat=2):
        y, x = (cells + step).T
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        at = np.where(inside, y * columns + x, 0)
        places = offset[at] + np.multiply(step, stride)
        same = inside & (((places - own) ** 2).sum(axis=1) < (stride / 2) ** 2)
        weight = (same * chances[at])[:, np.newaxis] / sigma[at] ** 2
        total += weight * places
        weights += weight
    return cells * stride + (stride - 1) / 2 + total / weights


def probability_at(positions: np.ndarray, maps: SiteMaps, stride: int) -> np.ndarray:
    """Return the probability of a site of any class in the cells nearest to positions (k, 2)."""
    cells = np.rint((positions - (stride - 1) / 2) / stride).astype(np.intp)
    y, x = np.clip(cells, 0, np.array(maps.probability.shape[:2]) - 1).T
    return maps.probability[y, x].sum(axis=-1)


def keep_best(positions: np.ndarray, score: np.ndarray, distance: float) -> np.ndarray:
    """Return a mask that keeps sites, best score first, none within the distance of another."""
    rank = np.argsort(np.argsort(-np.asarray(score), kind="stable"))
    pairs = cKDTree(positions).query_pairs(distance, output_type="ndarray")
    return first_come(rank[pairs], len(positions))[rank]


def reach_of(card: ModelCard) -> float:
    """Return the distance (Å) up to which two sites of a network are connected."""
    return _CONNECTED * card.minimum_distance if card.reach is None else card.reach


def likeliest_connected(positions: np.ndarray, probability: np.ndarray, reach: float) -> np.ndarray:
    """Return the probability (n,) of the likeliest site that each site is connected to."""
    # Sites within reach of each other are connected, and so are all sites of a chain.
    if len(positions) == 0:
        return np.empty(0)
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray")
    group = connected(pairs, len(positions))
    return maximum(probability, group, group)


def hysteresis(sites: Sites, upper: float | None, reach: float) -> np.ndarray:
    """Return a mask of the sites connected to at least one of probability `upper`; all if None."""
    # Weak atoms in a crystal are kept; isolated ones, as in amorphous carbon, are not.
    # J. Canny, IEEE Transactions on Pattern Analysis and Machine Intelligence 8, 679 (1986).
    if upper is None or (sites.probability >= upper).all():
        return np.ones(len(sites), bool)
    return likeliest_connected(sites.position, sites.probability, reach) >= upper


def masked_fraction(positions: np.ndarray, mask: np.ndarray, radius: float) -> np.ndarray:
    """Return the masked fraction, 0 to 1, of a disc (radius in px) about each position (k, 2)."""
    steps = np.linspace(-radius, radius, _DISC_POINTS)
    dy, dx = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))
    disc = np.hypot(dy, dx) <= radius * (1 + 1e-9)
    y = np.rint(positions[:, :1] + dy[disc]).astype(np.intp)
    x = np.rint(positions[:, 1:2] + dx[disc]).astype(np.intp)
    inside = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
    hit = mask[np.where(inside, y, 0), np.where(inside, x, 0)] & inside
    return hit.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)


def select(
    found: Candidates,
    shape: tuple[int, int],
    grid: Grid,
    distance: float,
    upper: float | None,
    reach: float,
    mask: np.ndarray | None,
    disc: float,
) -> Candidates:
    """Return the candidates that are sites of a frame of shape (H, W), in px of the frame."""
    # They are at least `distance` working px apart, pass `hysteresis` with `upper` and `reach`
    # (px), and are not in discs of radius `disc` (px) that are mostly masked.
    found = found[keep_best(found.position, found.score, distance)]
    found = dataclasses.replace(
        found, position=grid.to_native(found.position), sigma=found.sigma * grid.scale
    )
    inside = (found.position >= -0.5) & (found.position <= np.array(shape) - 0.5)
    found = found[inside.all(axis=1)]
    if mask is not None:
        found = found[masked_fraction(found.position, mask, disc) <= _MOSTLY]
    found = found.sorted()
    return found[hysteresis(found, upper, reach)]
