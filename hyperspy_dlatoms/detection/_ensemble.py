# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging of the sites found by several networks, and of their domain scores."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.detection.sites import Candidates, Sites, keep_best
from hyperspy_dlatoms.networks.domain import DomainScore

_ROUNDING = 1e-9  # Of fractions such as 2 / 3.


def merge(members: Sequence[Candidates], distance: float, minimum_agreement: float) -> Sites:
    """Return one list of the sites that several networks found in the same frame."""
    # Sites of members within half the minimum distance are merged: the mixture of their estimates,
    # weighted by inverse variance. Members without it add the probability of their map there.
    # ``agreement`` is the fraction that found it, with its class; of sites too close together, the
    # one found by more members is kept.
    # For the variance of the mixture: B. Lakshminarayanan et al., NeurIPS (2017), section 2.4.
    groups = _groups([sites.position for sites in members], distance / 2)
    count = 1 + max(one.max(initial=-1) for one in groups)

    def gather(name: str) -> np.ndarray:
        """Return a column for all members, shape (M, sites, ...), NaN where one has no site."""
        width = getattr(members[0], name).shape[1:]
        values = np.full((len(members), count, *width), np.nan)
        for member, (sites, group) in enumerate(zip(members, groups, strict=True)):
            values[member, group] = getattr(sites, name)
        return values

    own = gather("probability")
    found = np.isfinite(own)
    elsewhere = np.nanmean(gather("readings"), axis=0).T
    probability = np.where(found, own, elsewhere).mean(axis=0)
    positions, variances = gather("position"), gather("sigma") ** 2
    weights = 1 / variances
    weights /= np.nansum(weights, axis=0)
    position = np.nansum(weights * positions, axis=0)
    sigma = np.sqrt(np.nansum(weights * (variances + (positions - position) ** 2), axis=0))
    agrees, species, class_probability = found, None, None
    if members[0].class_probability is not None:
        shares = np.nanmean(gather("class_probability"), axis=0)
        species = shares.argmax(axis=-1).astype(float)
        class_probability = shares * (probability / shares.sum(axis=-1))[:, np.newaxis]
        agrees = found & (gather("species") == species)
    height = None if members[0].height is None else _mean_height(gather("height"))
    agreement = agrees.mean(axis=0)
    sites = Sites(position, probability, sigma, species, agreement, class_probability, height)
    kept = agreement >= minimum_agreement - _ROUNDING
    sites = sites[kept]
    # Agreement has steps of 1 / M; among equals, probability decides.
    support = len(members) * agreement[kept] + sites.probability
    return sites[keep_best(sites.position, support, distance)].sorted()


def median_score(scores: Sequence[DomainScore]) -> DomainScore | None:
    """Return the median of the members' scores, with all their reasons if it is above 1."""
    if not scores:
        return None
    median = float(np.median([one.score for one in scores]))
    reasons = dict.fromkeys(reason for one in scores for reason in one.reasons)
    said = [one.scanned for one in scores if one.scanned is not None]
    scanned = float(np.median(said)) if said else None
    return DomainScore(median, tuple(reasons) if median > 1 else (), scanned)


def _groups(positions: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Return a number for each site of each member; equal sites share a number."""
    sums, counts = np.zeros((0, 2)), np.zeros((0, 1))
    numbers = []
    for sites in positions:
        number = np.full(len(sites), -1)
        if len(sums) and len(sites):
            distance, nearest = cKDTree(sums / counts).query(sites)
            order = np.argsort(distance, kind="stable")
            order = order[distance[order] <= tolerance]
            # Of two sites nearest to the same one, the nearer matches it.
            order = order[np.unique(nearest[order], return_index=True)[1]]
            number[order] = nearest[order]
        new = number < 0
        number[new] = len(sums) + np.arange(new.sum())
        sums, counts = (np.pad(one, [(0, new.sum()), (0, 0)]) for one in (sums, counts))
        sums[number] += sites
        counts[number] += 1
        numbers.append(number)
    return numbers


def _mean_height(heights: np.ndarray) -> np.ndarray:
    """Return mean height and sigma, (k, 2), of the members' (M, k, 2); NaN if none knows them."""
    mean, sigma = np.moveaxis(heights, -1, 0)
    known = np.isfinite(mean)
    number = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    centre = np.where(known, mean, 0).sum(axis=0) / number
    squares = np.where(known, sigma**2 + (mean - centre) ** 2, 0).sum(axis=0) / number
    return np.column_stack([centre, np.sqrt(squares)])
