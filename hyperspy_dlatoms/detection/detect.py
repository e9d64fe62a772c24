# SPDX-License-Identifier: GPL-3.0-or-later
"""The sites of frames, and whether a network knows such frames, from what it sees in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.detection.agreement import common_verdict, merge
from hyperspy_dlatoms.detection.anchors import TOUCHING, anchored
from hyperspy_dlatoms.detection.columns import columns_of
from hyperspy_dlatoms.detection.looking import (
    BATCH_PIXELS,
    check,
    check_defoci,
    in_cells,
    look,
    look_again,
    too_small,
    warn_of_sampling,
)
from hyperspy_dlatoms.detection.sites import PROBABILITY, X, candidates, probability_at, select
from hyperspy_dlatoms.detection.symmetry import members_of
from hyperspy_dlatoms.detection.torn import Negated, is_torn, may_tear, mend
from hyperspy_dlatoms.networks.maps import REACH

if TYPE_CHECKING:
    from hyperspy_dlatoms.detection.looking import Frame, Look
    from hyperspy_dlatoms.detection.symmetry import Symmetrised
    from hyperspy_dlatoms.networks.domain import Verdict
    from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
    from hyperspy_dlatoms.networks.network import AtomNetwork

_DISC = 0.6
# Two tiles may choose different cells for a site on the seam, rounding decides: each looks a bit
# over its seam, and of two equal sites one is kept.
_OVER_SEAM = 2


class Finding(NamedTuple):
    """What was found in a frame.

    Attributes
    ----------
    sites : numpy.ndarray
        See `find_sites`.
    verdict : Verdict or None
        Whether the frame is like those that the network was trained on; None where it does not
        know.
    """

    sites: np.ndarray
    verdict: Verdict | None


def find_sites(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    threshold: float | None = None,
    batch_pixels: int = BATCH_PIXELS,
    *,
    minimum_agreement: float | None = None,
    symmetrise: bool = False,
    defoci: Sequence[float] | None = None,
) -> list[np.ndarray]:
    """Find the sites (atoms or atomic columns) of some frames.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of shape (n, H, W), any real dtype, or focal series of shape (n, images, H, W) for a
        network of focal series.
    sampling : float
        Pixel size in Å/px.
    network : AtomNetwork or AtomEnsemble
        A trained network, or several that look at each frame in one pass.
    threshold : float, optional
        Lowest probability of a site. Unless told, that of the network's card, which may want an
        anchor among the sites that hang together besides, see `hyperspy_dlatoms.detection.anchors`.
        Each member of an ensemble finds its sites with it, or with those of its own card.
    batch_pixels : int
        Working pixels that go through the network at once.
    minimum_agreement : float, optional
        Least fraction of an ensemble that found a site, from 0 (any member) to 1 (all). Where it is
        not given, the mean probability has to reach `threshold`, or that of the ensemble's card.
    symmetrise : bool
        Whether to take the mean over the eight quarter turns and flips; eight times the cost.
    defoci : sequence of float, optional
        Of the images of the focal series, Å, positive is underfocus; None where not known.

    Returns
    -------
    list of numpy.ndarray
        For each frame a float64 array, its columns as `columns_of` names them: y, x, probability,
        y_sigma, x_sigma in pixels of the frame, the centre of its first pixel at 0; then the index
        of the class, if the network tells classes apart; then for an ensemble the fraction that
        agrees on the site, see `hyperspy_dlatoms.detection.agreement.merge`; then the probability
        of each of several classes, and the number of atoms in the column and its sigma, if the
        network tells. Sorted by y, then x. (0, k) where nothing is.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape, the pixel size, the threshold or the least agreement make no sense.

    Warns
    -----
    UserWarning
        If bad pixels were masked, or the pixel size is outside what the network was trained on.
    """
    findings = survey(
        frames,
        sampling,
        network,
        threshold,
        batch_pixels,
        minimum_agreement=minimum_agreement,
        symmetrise=symmetrise,
        defoci=defoci,
    )
    if any(finding.verdict is not None for finding in findings):
        # It is among the reasons of the verdict, which goes unread here.
        warn_of_sampling(sampling, network.card)
    return [finding.sites for finding in findings]


def survey(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    threshold: float | None = None,
    batch_pixels: int = BATCH_PIXELS,
    *,
    minimum_agreement: float | None = None,
    symmetrise: bool = False,
    defoci: Sequence[float] | None = None,
) -> list[Finding]:
    """Find the sites of some frames, and judge in the same pass whether the network knows them.

    Parameters
    ----------
    frames, sampling, network, threshold, batch_pixels, minimum_agreement, symmetrise, defoci
        As for `find_sites`.

    Returns
    -------
    list of Finding
        For each frame its sites and the verdict on it; of an ensemble the median of its members'.

    Raises
    ------
    TypeError, ValueError
        As `find_sites` does.

    Warns
    -----
    UserWarning
        If bad pixels were masked; of the pixel size only if no network knows its domain.
    """
    frames = check(frames, sampling, network.card)
    check_defoci(defoci, network.card)
    if minimum_agreement is not None and not 0 <= minimum_agreement <= 1:
        raise ValueError(
            f"The least agreement is {minimum_agreement!r}, expected a fraction from 0 to 1."
        )
    members = members_of(network, symmetrise)
    thresholds = _thresholds(members, threshold)
    anchors = [member.card.anchor if threshold is None else None for member in members]
    least = network.card.threshold if threshold is None else threshold
    if all(member.domain is None for member in members):
        warn_of_sampling(sampling, network.card)
    if too_small(frames):
        columns = len(columns_of(network.card, [member.card for member in members]))
        return [Finding(np.empty((0, columns)), None) for _ in frames]

    def collect(tiles: list[list[np.ndarray]], frame: Frame, members: list) -> np.ndarray:
        found = [np.concatenate(parts) for parts in zip(*tiles, strict=True)]
        sites = _sites_of_each(found, frame, sampling, members, anchors)
        distance = min(_distances(frame, members, sampling)) * frame.grid.scale
        return _merged(sites, distance, members, minimum_agreement, least)

    tears = may_tear([member.card for member in members])
    findings: list[Finding] = []
    tiles: list[list[np.ndarray]] = []
    features: list[list[np.ndarray | None]] = []
    for seen in look(frames, sampling, members, batch_pixels, judging=True, defoci=defoci):
        tiles.append(_candidates(seen, members, thresholds))
        features.append(seen.features)
        if seen.is_last:
            sites = collect(tiles, seen.frame, members)
            if tears and is_torn(sites):
                negative = [Negated(member) for member in members]
                again = [
                    _candidates(tile, negative, thresholds)
                    for tile in look_again(seen.frame, negative, batch_pixels)
                ]
                distance = min(_distances(seen.frame, members, sampling)) * seen.frame.grid.scale
                sites = mend(sites, collect(again, seen.frame, negative), distance)
            verdict = _verdict(list(zip(*features, strict=True)), seen.frame, sampling, members)
            findings.append(Finding(sites, verdict))
            tiles, features = [], []
    return findings


def _thresholds(members: list[AtomNetwork | Symmetrised], threshold: float | None) -> list[float]:
    if threshold is None:
        return [member.card.threshold for member in members]
    if not 0 < threshold < 1:
        raise ValueError(f"The threshold is {threshold!r}, expected a probability from 0 to 1.")
    return [threshold] * len(members)


def _candidates(
    seen: Look,
    members: list[AtomNetwork | Symmetrised],
    thresholds: list[float],
) -> list[np.ndarray]:
    """Give the candidates of each member in a tile, with what the others say of those places."""
    stride, reach = members[0].card.stride, REACH / members[0].card.sampling
    asked = tuple(
        slice(max(cells.start - _OVER_SEAM, 0), cells.stop + _OVER_SEAM)
        for cells in in_cells(seen.tile.core, stride)
    )
    found = []
    with_heights = any(maps.height is not None for maps in seen.maps)
    for maps, threshold in zip(seen.maps, thresholds, strict=True):
        new = candidates(maps, stride, threshold, reach, asked)
        if with_heights and maps.height is None:
            new = np.column_stack([new, np.full((len(new), 2), np.nan)])
        if len(members) > 1:
            said = [probability_at(new[:, :2], one, stride) for one in seen.maps]
            new = np.column_stack([new, *said])
        new[:, :2] += seen.tile.origin
        found.append(new)
    return found


def _sites_of_each(
    found: list[np.ndarray],
    frame: Frame,
    sampling: float,
    members: list[AtomNetwork | Symmetrised],
    anchors: list[float | None],
) -> list[np.ndarray]:
    """Turn the candidates of each member in a frame into its sites."""
    n_classes, disc = len(members[0].card.classes), _DISC / sampling
    distances = _distances(frame, members, sampling)
    sites = []
    for one, distance, anchor in zip(found, distances, anchors, strict=True):
        own = select(one, frame.shape, frame.grid, distance, n_classes, frame.mask, disc)
        touching = TOUCHING * distance * frame.grid.scale
        sites.append(own[anchored(own[:, : X + 1], own[:, PROBABILITY], anchor, touching)])
    return sites


def _merged(
    sites: list[np.ndarray],
    distance: float,
    members: list[AtomNetwork | Symmetrised],
    minimum_agreement: float | None,
    least: float,
) -> np.ndarray:
    """Make one list of the sites of each member."""
    if len(sites) == 1:
        return sites[0]
    merged = merge(sites, distance, minimum_agreement or 0.0, len(members[0].card.classes))
    if minimum_agreement is None:
        merged = merged[merged[:, PROBABILITY] >= least]
    return merged


def _distances(frame: Frame, members: list, sampling: float) -> list[float]:
    """Give the least distance of two sites of each member, working px."""
    working = sampling * frame.grid.scale
    return [max(one.card.minimum_distance / working, one.card.stride) for one in members]


def _verdict(
    features: list[tuple[np.ndarray | None, ...]],
    frame: Frame,
    sampling: float,
    members: list[AtomNetwork | Symmetrised],
) -> Verdict | None:
    """Ask each member that knows its domain about a frame."""
    return common_verdict(
        [
            member.domain.judge(
                sampling=sampling, working=frame.working, features=np.concatenate(parts)
            )
            for member, parts in zip(members, features, strict=True)
            if member.domain is not None
        ]
    )
