# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several networks reads an image: a window of it is shown to each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.lattice import best_fit, lattices_of, with_lattices
from hyperspy_dlatoms.detection._window import lattice_centre, window_about
from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.detection.pipeline import detect

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
    from hyperspy_dlatoms.networks.network import AtomNetwork

_WINDOW = 64.0
"""Edge of the window (Å): hundreds of columns, at a tenth of the time of a common image."""

_FEWEST = 3
"""Sites in a window below which a network found nothing to speak of."""

_UNKNOWN = 0.8
"""Stands for the likeness to a lattice where it cannot be measured, below that of a right one."""

_LIKENESS = 0.65
"""Least likeness of the sites to a lattice of the network's materials: sheets and particles that
are read right have more than 0.7, those of another material mostly less."""

_ENOUGH = 30
"""Sites, of fewer of which the likeness to a lattice is a matter of chance."""

_OFF = math.log(1.15)
"""Largest logarithm of the ratio of the lattice's size to that of a material: of calibrations that
are somewhat wrong."""


_OTHER = math.log(1.15)
"""Logarithm of the ratio of two densities of sites, from which they are of two lattices."""


_SCANNED = 0.94
"""Of the clarity of networks of scanned images, whose thresholds are higher, so that the sites that
are left are surer. It matters only where metadata do not say how an image was made."""


class Rating(NamedTuple):
    """What a network makes of a window of each of some images.

    Attributes
    ----------
    name : str
        Of the network.
    special : bool
        Whether it was made for the materials that its card names.
    density : float
        Sites a nm².
    probability : float
        Their mean probability; 0 where there are none.
    domain : float
        The median of the images' domain scores, above 1 outside; 1 for a network without a domain.
    reasons : tuple of str
        What is outside.
    likeness : float
        Of the sites to a lattice of the network's materials, of their size: 1 for a crystal, 0 for
        another lattice; NaN where there are too few sites to tell, or no materials.
    scanned : bool
        Whether the network is one of scanned images.
    """

    name: str
    special: bool
    density: float
    probability: float
    domain: float
    reasons: tuple[str, ...]
    likeness: float
    scanned: bool = False

    @property
    def clarity(self) -> float:
        """How sure the network is of its sites, on images like its own, from 0 to 1."""
        clarity = self.probability * max(1 - 0.5 * self.domain, 0.0)
        return _SCANNED * clarity if self.scanned else clarity

    @property
    def merit(self) -> float:
        """How well the network reads the images, from 0 to 1."""
        return self.clarity * (_UNKNOWN if math.isnan(self.likeness) else self.likeness)

    @property
    def inside(self) -> bool:
        """Whether the images are such as the network was trained on, and hold its sites."""
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
    )


def choose(ratings: Sequence[Rating]) -> Rating:
    """Return the rating of the network that reads the images best.

    Of the networks that the images are inside the domain of, it is the one of the most merit; one
    that was made for the material, and whose sites form a lattice of it, goes before those for all
    crystals, unless one of these is surer of another lattice. Where all are outside, it is the one
    that is least so; where none finds anything, one for all crystals.
    """
    inside = [one for one in ratings if one.inside]
    general = [one for one in inside if not one.special]
    of_material = [
        one
        for one in inside
        if one.special and one.likeness >= _LIKENESS and not _contradicted(one, general)
    ]
    if inside:
        return max(of_material or general or inside, key=lambda one: one.merit)
    with_sites = [one for one in ratings if one.density > 0]
    if with_sites:
        return min(with_sites, key=lambda one: one.domain)
    return min(ratings, key=lambda one: one.special)


def _contradicted(one: Rating, general: Sequence[Rating]) -> bool:
    """Whether a network for all crystals is surer of another lattice, say of both its sublattices.

    That of metals takes every second column of MgO along [100] for gold.
    """
    return any(
        other.clarity > one.clarity and abs(math.log(other.density / one.density)) > _OTHER
        for other in general
    )


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
        fit = best_fit(sites, lattices) if len(sites) >= _ENOUGH else None
        if fit is not None:
            lattice, spacing = fit
            right = lattice.mismatch(spacing.nearest, sampling) <= _OFF
            values.append(spacing.likeness if right else 0.0)
    return float(np.median(values)) if values else math.nan
