# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the network that reads an image, by showing each a window of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit, logit

from hyperspy_dlatoms.analysis.lattice import best_fit, lattices_of, with_lattices
from hyperspy_dlatoms.detection._window import lattice_centre, window_about
from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.detection.pipeline import detect
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork

# Edge of the window (Å): hundreds of columns, at a tenth of the time of a common image.
_WINDOW = 64.0
_FEWEST = 3  # Sites in a window below which a network found nothing to speak of.
# Replaces the likeness to a lattice where it cannot be measured; below that of a right one, so that
# of two networks that read the same, the one made for the material is chosen.
_UNKNOWN = 0.8
# Least likeness of the sites to a lattice of the network's materials: correctly read sheets and
# particles have more than 0.7, those of another material mostly less.
_LIKENESS = 0.65
# Largest logarithm of the ratio of the lattice's size to that of a material, for calibrations that
# are somewhat wrong.
_OFF = math.log(1.15)
# A network made for a material misses much of it if nearly all of its sites are also found by one
# for all crystals, if they are at most this share of those, and if the others form a lattice of the
# material too, as those of correctly read images mostly do. False sites on a support do not.
_WITHIN, _FEW, _REST = 0.9, 2 / 3, 0.9
_SAME = 0.5  # Å between two readings of a site: a third of the shortest distance in crystals.
# Evidence below which most images are misread. It was set on every second of 371 simulated images,
# as the greatest multiple of 0.05 with fewer than 10 % of those with an F1 of 0.7 or more below it.
# Of the rest, 31 of 43 misread ones are below it, and 7 of 146 others; if the networks are told how
# the images were made, 20 of 36, and 4 of 147.
UNCLEAR = 0.45
# Mean probability, over at least ENOUGH sites, below which a network for all crystals misreads most
# images: of simulated ones inside the domain of `crystal` or `stem`, 32 of 75 with an F1 below 0.7
# have less, and none of 196 with one of 0.9 or more (`benchmarks/choosing.py`, two seeds).
UNSURE = 0.84
ENOUGH = 30  # With fewer sites, the likeness to a lattice is a matter of chance too.
_TINY = 1e-4  # Smallest probability: the fit has seen 1300 images, so it knows nothing rarer.
# Probability of a kind of image, HRTEM or STEM, below which its networks are left out, as if
# metadata said so. Of 140 simulated images, one was given less for its true kind.
_UNLIKELY = 0.1


class Rating(NamedTuple):
    """What a network makes of a window of each of some images."""

    name: str
    special: bool  # Whether it was made for the materials that its card names.
    density: float  # Sites per nm².
    probability: float  # Their mean; 0 where there are none.
    domain: float  # The median score, above 1 outside; 1 for a network without a domain.
    reasons: tuple[str, ...]  # What is outside.
    # Likeness of the sites to a lattice, of the right size, of the network's materials: 1 for a
    # crystal, 0 for another lattice; NaN if there are too few sites to tell, or no materials.
    likeness: float
    scanned: bool = False  # Whether the network is one for scanned images (STEM).
    # The median probability, by the network, that the images were scanned, not recorded by a camera
    # (HRTEM); NaN if it was not taught this.
    seen_scanned: float = math.nan
    # The probability, by all networks, that the images are of the kind this one is for.
    likely: float = 1.0
    sites: tuple[np.ndarray, ...] = ()  # Those of each window, (n, 2), Å.
    materials: tuple[str, ...] = ()  # Those that the network was made for.

    @property
    def clarity(self) -> float:
        """How sure the network is of its sites, on images like its own, from 0 to 1."""
        return self.likely * self.probability * max(1 - 0.5 * self.domain, 0.0)

    @property
    def fit(self) -> float:
        """How well its sites fit what it was made for, from 0 to 1."""
        return _UNKNOWN if math.isnan(self.likeness) else self.likeness

    @property
    def merit(self) -> float:
        """How well the network reads the images, from 0 to 1."""
        return self.clarity * self.fit

    @property
    def inside(self) -> bool:
        """Whether the images are like those the network was trained on, and hold its sites."""
        return self.domain <= 1 and self.density > 0 and not self.likeness < _LIKENESS


def windows(frames: np.ndarray, sampling: float) -> np.ndarray:
    """Return the window (n, h, w) of each frame (n, H, W) with the sharpest lattice."""
    shape, side = frames.shape[1:], math.ceil(_WINDOW / sampling)
    centre = shape[0] // 2, shape[1] // 2
    parts = []
    for frame in frames:
        if max(shape) > side:
            centre = lattice_centre(mask_bad(frame, sampling)[0])
        parts.append(frame[window_about(shape, centre, side)])
    return np.stack(parts)


def rate(parts: np.ndarray, sampling: float, network: AtomNetwork | AtomEnsemble) -> Rating:
    """Show the windows (n, h, w) of some images to a network."""
    found = detect(parts, sampling, network, quiet=True)
    area = parts.size * (sampling / 10) ** 2
    probabilities = np.concatenate([one.sites.probability for one in found])
    scores = [one.domain for one in found if one.domain is not None]
    scanned = [one.scanned for one in scores if one.scanned is not None]
    reasons = dict.fromkeys(reason for score in scores for reason in score.reasons)
    enough = len(probabilities) >= _FEWEST
    return Rating(
        network.card.name,
        bool(network.card.materials),
        len(probabilities) / area if enough else 0.0,
        float(probabilities.mean()) if enough else 0.0,
        float(np.median([score.score for score in scores])) if scores else 1.0,
        tuple(reasons),
        _likeness([one.sites.position for one in found], sampling, network.card.materials),
        network.card.modality == "STEM",
        float(np.median(scanned)) if scanned else math.nan,
        sites=tuple(one.sites.position * sampling for one in found),
        materials=tuple(network.card.materials),
    )


def weigh_modality(ratings: Sequence[Rating]) -> list[Rating]:
    """Return the ratings with how likely the images were made as each network is for."""
    # That is the mean of the logarithms of the odds by the networks that were taught to tell
    # scanned images from those of a camera, inside their domain if there are any.
    taught = [one for one in ratings if not math.isnan(one.seen_scanned)]
    # Where all are for one way, as where the metadata say it, there is nothing to tell.
    if not taught or len({one.scanned for one in ratings}) == 1:
        return list(ratings)
    said = [one.seen_scanned for one in taught if one.domain <= 1] or [
        one.seen_scanned for one in taught
    ]
    # So that one network alone is never certain.
    scanned = float(expit(np.mean(logit(np.clip(said, _TINY, 1 - _TINY)))))
    return [one._replace(likely=scanned if one.scanned else 1 - scanned) for one in ratings]


def choose(ratings: Sequence[Rating]) -> Rating:
    """Return the rating of the network that reads the images best."""
    # Among those with the images in their domain, the one with the most `evidence` that misses
    # little; if none, the one least outside; if none finds anything, one for all crystals. See also
    # `weigh_modality`.
    if readers := _readers(ratings):
        complete = [one for one in readers if not any(_misses(one, other) for other in readers)]
        return max(complete, key=lambda one: (evidence(one, readers), one.merit))
    ratings = _likely(ratings)
    with_sites = [one for one in ratings if one.density > 0]
    if with_sites:
        return min(with_sites, key=lambda one: one.domain)
    return min(ratings, key=lambda one: one.special)


def evidence(one: Rating, ratings: Sequence[Rating]) -> float:
    """Return how clear a network's sites are to all networks, so far as these find the same."""
    # What only one network sees is mostly wrong: that for metals takes MgO along [100] for gold,
    # that for graphene the hollows between close-packed columns for a honeycomb.
    readers = _readers(ratings)
    return one.fit * sum(other.clarity * _common(one.sites, other.sites) for other in readers)


def _likely(ratings: Sequence[Rating]) -> Sequence[Rating]:
    return [one for one in ratings if one.likely >= _UNLIKELY] or ratings


def _readers(ratings: Sequence[Rating]) -> list[Rating]:
    return [one for one in _likely(ratings) if one.inside]


def _misses(one: Rating, other: Rating) -> bool:
    """Whether a network made for a material misses much that one for all crystals finds."""
    if other.special or not one.materials:
        return False
    near = [_are_near(a, b) for a, b in zip(other.sites, one.sites, strict=True)]
    pairs = sum(np.count_nonzero(also) for also in near)
    if pairs < _WITHIN * sum(map(len, one.sites)) or pairs > _FEW * sum(map(len, other.sites)):
        return False
    rest = [sites[~also] for sites, also in zip(other.sites, near, strict=True)]
    return _likeness(rest, 1.0, one.materials) >= _REST


def _common(sites: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return the share of the longer list of sites that two networks have in common."""
    pairs = sum(np.count_nonzero(_are_near(a, b)) for a, b in zip(sites, others, strict=True))
    number = max(sum(map(len, sites)), sum(map(len, others)))
    return float(pairs / number) if number else 1.0


def _are_near(sites: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which sites (n, 2) of one network another one finds too."""
    # The sites of one network are farther apart, so nearly all pairs are one to one.
    return cKDTree(others).query(sites)[0] <= _SAME


def certainty(chosen: Rating, ratings: Sequence[Rating]) -> float:
    """Return how sure a choice is, from 0 to 1: its merit beside that of the next best."""
    if not chosen.inside:
        return 0.0
    others = [one.merit for one in ratings if one.inside and one is not chosen]
    return chosen.merit / (chosen.merit + 0.5 * max(others, default=0.0))


def _likeness(positions: Sequence[np.ndarray], sampling: float, materials: Sequence[str]) -> float:
    """Return the median likeness of the sites of the frames to the lattices of some materials."""
    lattices = lattices_of(with_lattices(materials))
    values = []
    for sites in positions:
        fit = best_fit(sites, lattices) if len(sites) >= ENOUGH else None
        if fit is not None:
            lattice, spacing = fit
            right = lattice.mismatch(spacing.nearest, sampling) <= _OFF
            values.append(spacing.likeness if right else 0.0)
    return float(np.median(values)) if values else math.nan
