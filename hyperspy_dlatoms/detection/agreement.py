# SPDX-License-Identifier: GPL-3.0-or-later
"""What the members of an ensemble agree on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.detection.sites import (
    PROBABILITY,
    SPECIES,
    X_SIGMA,
    Y_SIGMA,
    X,
    Y,
    keep_best,
)
from hyperspy_dlatoms.networks.domain import Verdict

_ROUNDING = 1e-9


def merge(
    members: Sequence[np.ndarray],
    minimum_distance: float,
    minimum_agreement: float,
    n_classes: int = 1,
) -> np.ndarray:
    """Make one list of sites of those that several networks found in the same frame.

    Sites of different members that are within half the minimum distance of each other are the same
    site. The sites of one member are a minimum distance apart, so such a pair is one to one. A site
    stands for a mixture of what the members that found it say, each weighed by its inverse
    variance: its position is their weighed mean, and its variance the weighed mean of their
    variances plus the weighed variance of their positions.
    A member without the site has a say in the probability alone, with what its map has there. The
    class is the most probable one by the mean of those that found the site. Of sites that are
    nearer than the minimum distance, the one on which more members agree stays.

    Parameters
    ----------
    members : sequence of numpy.ndarray
        For each of M members its sites, float (k, 5 + M) of y, x, probability, y_sigma, x_sigma, or
        (k, 6 + K + M) with the index of the class before, and the probability of each class behind;
        then the height and its sigma, if any member tells (NaN of those that do not); lengths in
        one unit. The last M columns are the probability that each member has at the site.
    minimum_distance : float
        Distance that two sites have at least, in the same unit.
    minimum_agreement : float
        Least fraction of the members that agree on a site, from 0 to 1.
    n_classes : int
        K, the number of classes.

    Returns
    -------
    numpy.ndarray
        Float64 array (k, 6): as for one network, and the fraction of the members that found the
        site, of several classes those that found it of the same class. Then the probabilities of
        the classes, and the height and its sigma. Sorted by y, then x.

    References
    ----------
    B. Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
    ensembles", NeurIPS (2017), section 2.4, for the variance of the mixture.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.detection.agreement import merge
    >>> first = np.array([[5.0, 5.0, 0.8, 0.3, 0.3, 0.8, 0.6], [5.0, 9.0, 0.7, 0.3, 0.3, 0.7, 0.1]])
    >>> second = np.array([[5.0, 5.8, 0.6, 0.3, 0.3, 0.8, 0.6]])
    >>> merge([first, second], minimum_distance=3.0, minimum_agreement=0.0).round(2).tolist()
    [[5.0, 5.4, 0.7, 0.3, 0.5, 1.0], [5.0, 9.0, 0.4, 0.3, 0.3, 0.5]]
    """
    number, several = len(members), n_classes > 1
    groups = _groups([sites[:, :2] for sites in members], minimum_distance / 2)
    count = 1 + max(one.max(initial=-1) for one in groups)
    values = np.full((number, count, members[0].shape[1]), np.nan)
    for member, (sites, group) in enumerate(zip(members, groups, strict=True)):
        values[member, group] = sites
    values, readings = values[..., :-number], values[..., -number:]
    has = np.isfinite(values[..., PROBABILITY])
    own, elsewhere = values[..., PROBABILITY], np.nanmean(readings, axis=0).T
    probability = np.where(has, own, elsewhere).mean(axis=0)
    positions, variances = values[..., [Y, X]], values[..., [Y_SIGMA, X_SIGMA]] ** 2
    weights = 1 / variances
    weights /= np.nansum(weights, axis=0)
    position = np.nansum(weights * positions, axis=0)
    squares = variances + (positions - position) ** 2
    columns = [position, probability, np.sqrt(np.nansum(weights * squares, axis=0))]
    agrees, extra = has, values[..., SPECIES if not several else SPECIES + 1 :]
    more = []
    if several:
        shares = np.nanmean(extra[..., :n_classes], axis=0)
        species = shares.argmax(axis=-1)
        columns.append(species)
        more.append(shares * (probability / shares.sum(axis=-1))[:, np.newaxis])
        agrees = has & (values[..., SPECIES] == species)
    heights = extra[..., n_classes if several else 0 :]
    if heights.shape[-1]:
        more.append(_mean_height(heights))
    agreement = agrees.mean(axis=0)
    sites = np.column_stack([*columns, agreement, *more])
    kept = agreement >= minimum_agreement - _ROUNDING
    # Agreement goes in whole steps of 1 / M, and of a like number of members probability decides.
    support = (number * agreement + probability)[kept]
    sites = sites[kept]
    sites = sites[keep_best(sites[:, :2], support, minimum_distance)]
    return sites[np.lexsort((sites[:, X], sites[:, Y]))]


def common_verdict(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Make one verdict on a frame of those of several networks.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Of the members that know their domain.

    Returns
    -------
    Verdict or None
        The median of the scores, and the reasons that any member gives if it is above 1. None of
        none.

    Examples
    --------
    >>> from hyperspy_dlatoms.networks.domain import Verdict
    >>> verdicts = [Verdict(2.0, ("dose",)), Verdict(0.5, ()), Verdict(1.5, ("dose", "texture"))]
    >>> common_verdict(verdicts)
    Verdict(score=1.5, reasons=('dose', 'texture'))
    """
    if not verdicts:
        return None
    score = float(np.median([verdict.score for verdict in verdicts]))
    reasons = dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)
    return Verdict(score, tuple(reasons) if score > 1 else ())


def _groups(positions: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Give the sites of each member numbers, the same site the same number everywhere."""
    sums, counts = np.zeros((0, 2)), np.zeros((0, 1))
    numbers = []
    for sites in positions:
        number = np.full(len(sites), -1)
        if len(sums) and len(sites):
            distance, nearest = cKDTree(sums / counts).query(sites)
            order = np.argsort(distance, kind="stable")
            order = order[distance[order] <= tolerance]
            # Of two sites that are nearest to the same one, the nearer is it.
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
    """Mean height and its sigma of the members that tell, (M, k, 2) to (k, 2); NaN of none."""
    mean, sigma = np.moveaxis(heights, -1, 0)
    tells = np.isfinite(mean)
    number = np.where(tells.any(axis=0), tells.sum(axis=0), np.nan)
    centre = np.where(tells, mean, 0).sum(axis=0) / number
    squares = np.where(tells, sigma**2 + (mean - centre) ** 2, 0).sum(axis=0) / number
    return np.column_stack([centre, np.sqrt(squares)])
