# SPDX-License-Identifier: GPL-3.0-or-later
"""From a frame to its sites, stage by stage.

Mask, resample, normalise, tile, infer, select, merge; then one check, the domain score.
(`contradiction` checks whether the sites or the spectrum contradict the stated sampling.)
"""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import binary_opening

from hyperspy_dlatoms._warnings import SamplingWarning, warn
from hyperspy_dlatoms.detection._ensemble import median_score, merge
from hyperspy_dlatoms.detection._flicker import level_flicker
from hyperspy_dlatoms.detection._inference import (
    BATCH_PIXELS,
    Frame,
    Member,
    TileOutput,
    in_cells,
    infer,
    members_of,
)
from hyperspy_dlatoms.detection._lines import any_bad
from hyperspy_dlatoms.detection._steps import normalise_regions
from hyperspy_dlatoms.detection._tiling import cut
from hyperspy_dlatoms.detection.masking import examine, mask_series, unmasked, warn_of_masked
from hyperspy_dlatoms.detection.sites import (
    Candidates,
    Sites,
    candidates,
    probability_at,
    reach_of,
    select,
)
from hyperspy_dlatoms.networks.architecture import encode_defoci
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import TOLERATED, DomainScore
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.maps import REACH
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.normalisation import normalise, normalise_series
from hyperspy_dlatoms.networks.resampling import Grid, resample, resample_on_device
from hyperspy_dlatoms.networks.running import has_accelerator

# Sides and origins of tiles are multiples of this, working px: four poolings after the stem.
GRID_MULTIPLE = 32
_DISC = 0.6  # Å: about the radius of an atom; a site is dropped if most pixels of its disc are bad.
# Cells. Through rounding, two tiles may choose different cells for a site on their seam: each is
# searched slightly beyond it, and one of two equal sites is kept.
_OVER_SEAM = 2
COARSEST = 4.0  # In units of the network's sampling: beyond, an atom is smaller than a pixel.


class Detection(NamedTuple):
    """The sites of a frame, and its domain score.

    Attributes
    ----------
    sites : Sites
        The atoms or atomic columns, sorted by y, then x.
    domain : DomainScore or None
        How far the frame is from those that the network was trained on; None if the network has no
        domain.
    masked : float
        Fraction of the frame's pixels that were masked.
    """

    sites: Sites
    domain: DomainScore | None
    masked: float = 0.0


class Survey(NamedTuple):
    """A frame (without images), its candidates from each member in working px, its domain score."""

    frame: Frame
    candidates: list[Candidates]
    domain: DomainScore | None


class Search(NamedTuple):
    """Which sites are reported, and how: arguments of `find_sites`, with their defaults.

    Attributes
    ----------
    threshold : float, optional
        Lowest probability of a site.
    minimum_agreement : float, optional
        Lowest fraction of an ensemble that found a site.
    symmetrise : bool
        Whether to average over the eight quarter turns and flips.
    """

    threshold: float | None = None
    minimum_agreement: float | None = None
    symmetrise: bool = False


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
    elements: Sequence[str] | None = None,
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
        A trained network, or several, applied to each frame in one pass.
    threshold : float, optional
        Lowest probability of a site. By default the thresholds on the network's card apply, with
        hysteresis if it has two. In an ensemble it applies to each member; by default each uses the
        thresholds on its own card.
    batch_pixels : int
        Working pixels that go through the network at once.
    minimum_agreement : float, optional
        Lowest fraction of an ensemble that found a site, from 0 (any member) to 1 (all). By
        default the mean probability must reach `threshold`, or that on the ensemble's card.
    symmetrise : bool
        Whether to average over the eight quarter turns and flips, at eight times the cost.
    defoci : sequence of float, optional
        Defoci of the images of the focal series (Å), positive for underfocus; None if unknown.
    elements : sequence of str, optional
        The metal and the chalcogen of a layer, for networks that take them; None if unknown.

    Returns
    -------
    list of numpy.ndarray
        For each frame a float64 array with a row per site, sorted by y, then x; (0, k) if there are
        none. The columns are y, x (px, the centre of the first pixel at 0), probability, y_sigma,
        x_sigma (px); with several classes, the index of the class; the fraction of an ensemble that
        found the site; with several classes, the probability of each; the number of atoms in the
        column and its sigma, if the network counts them.

    Raises
    ------
    TypeError
        If the frames are not real numbers.
    ValueError
        If the shape, pixel size, threshold or minimum agreement makes no sense.

    Warns
    -----
    MaskedPixelsWarning, SamplingWarning
        If bad pixels were masked, or the pixel size is outside what the network was trained on.
    """
    search = Search(threshold, minimum_agreement, symmetrise)
    known: dict[str, Any] = {"defoci": defoci, "elements": elements}
    found = detect(frames, sampling, network, search, batch_pixels=batch_pixels, **known)
    if any(one.domain is not None for one in found):
        # It is among the reasons for the score, which is not returned here.
        warn_of_sampling(sampling, network.card)
    return [one.sites.table() for one in found]


def detect(
    frames: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    search: Search = Search(),  # noqa: B008
    *,
    defoci: Sequence[float] | None = None,
    elements: Sequence[str] | None = None,
    batch_pixels: int = BATCH_PIXELS,
    quiet: bool = False,
) -> list[Detection]:
    """Find the sites of some frames, and score them by the network's domain in the same pass.

    A pixel size outside the card's range gives a warning only if no network has a domain, since
    otherwise it is part of the score.

    Parameters
    ----------
    frames, sampling, network, defoci, elements, batch_pixels
        As for `find_sites`.
    search : Search
        Which sites are reported, and how.
    quiet : bool
        Whether to suppress warnings about masked pixels and the pixel size.

    Returns
    -------
    list of Detection
        One for each frame.

    Raises
    ------
    TypeError, ValueError
        As `find_sites`.
    """
    frames = check_frames(frames, sampling, network.card, defoci)
    threshold, least = search.threshold, search.minimum_agreement
    if threshold is not None and not 0 < threshold < 1:
        raise ValueError(f"The threshold is {threshold!r}, expected a probability from 0 to 1.")
    if least is not None and not 0 <= least <= 1:
        raise ValueError(f"The least agreement is {least!r}, expected a fraction from 0 to 1.")
    members = members_of(network, search.symmetrise)
    if not quiet and all(member.domain is None for member in members):
        warn_of_sampling(sampling, network.card)
    if too_small(frames):
        return [Detection(_no_sites(network.card, len(members)), None) for _ in frames]
    found = []
    for one in _surveyed(
        frames, sampling, members, threshold, batch_pixels, defoci, elements, quiet=quiet
    ):
        masked = 0.0 if one.frame.mask is None else float(np.mean(one.frame.mask))
        found.append(Detection(select_sites(one, sampling, network, search), one.domain, masked))
    return found


def survey(
    frame: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    lowest: float,
    *,
    symmetrise: bool = False,
) -> Survey:
    """Run the network on a frame (H, W), keeping all candidates above a lowest probability."""
    frames = check_frames(frame[np.newaxis], sampling, network.card)
    members = members_of(network, symmetrise)
    (one,) = _surveyed(frames, sampling, members, lowest, BATCH_PIXELS, quiet=True)
    return one


def _surveyed(
    frames: np.ndarray,
    sampling: float,
    members: Sequence[Member],
    lowest: float | None,
    batch_pixels: int,
    defoci: Sequence[float] | None = None,
    elements: Sequence[str] | None = None,
    *,
    quiet: bool,
) -> Iterator[Survey]:
    for frame, tiles in infer(
        prepared(frames, sampling, members, batch_pixels, quiet=quiet),
        members,
        partial(_read, members=members, lowest=lowest),
        n_frames=len(frames),
        batch_pixels=batch_pixels,
        with_features=True,
        defoci=defoci,
        elements=elements,
    ):
        domain = _domain_score(frame, tiles, sampling, members)
        each = zip(*(tile.candidates for tile in tiles), strict=True)
        candidates = [Candidates.concatenate(list(one)) for one in each]
        yield Survey(frame._replace(working=np.empty((0, 0))), candidates, domain)


def prepared(
    frames: np.ndarray,
    sampling: float,
    members: Sequence[Member],
    batch_pixels: int,
    *,
    quiet: bool = False,
) -> Iterator[Frame]:
    """Mask, resample, normalise and tile frames, or the images of focal series together."""
    card = members[0].card
    halo = max(member.receptive_radius for member in members)
    n_masked = []
    for index, pixels in enumerate(frames):
        working, grid, mask = working_image(pixels, sampling, card)
        # Skip the pass over a mask that is one value for all pixels.
        n_masked.append(int(np.count_nonzero(mask)) if any(mask.strides) else 0)
        tiling = cut(working.shape[-2:], halo, GRID_MULTIPLE, batch_pixels)
        yield Frame(index, pixels.shape[-2:], working, grid, mask if n_masked[-1] else None, tiling)
    if not quiet:
        warn_of_masked(n_masked, "image" if card.images == 1 else "focal series")


def working_image(
    pixels: np.ndarray, sampling: float, card: ModelCard, *, steps: bool = True
) -> tuple[np.ndarray, Grid, np.ndarray]:
    """Return what a network sees of an image (H, W), or of a focal series (n, H, W)."""
    # Masked, a scan without flicker, resampled and normalised, by default separately on either side
    # of steps; also its grid, and the mask (H, W) of bad pixels.
    bring = resample_on_device if has_accelerator() else resample
    width = card.normalisation_width
    if pixels.ndim == 2:
        camera = card.modality == "HRTEM"
        clean, mask, centre, spread, as_recorded = examine(pixels, sampling, camera=camera)
        if not camera:
            clean = level_flicker(clean, sampling)
        image, grid = bring(clean, sampling, card.sampling, centre if as_recorded else None)
        if as_recorded:
            image /= np.float32(spread)
        good = _outside_holes(mask, grid, image.shape)
        if not steps:
            return normalise(image, sampling * grid.scale, width, good), grid, mask
        return normalise_regions(image, good, sampling * grid.scale, width), grid, mask
    series, mask = mask_series(pixels, sampling)
    images, grids = zip(*(bring(one, sampling, card.sampling) for one in series), strict=True)
    grid, stack = grids[0], np.stack(images)
    good = _outside_holes(mask, grid, stack.shape[1:])
    return normalise_series(stack, sampling * grid.scale, width, good), grid, mask


def _outside_holes(mask: np.ndarray, grid: Grid, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the working pixels (h, w) that count; None if there are no wide holes."""
    # Lines and spots narrower than 3 working pixels are filled well enough to count too.
    if not any_bad(mask):
        return None
    rows, columns = (
        np.minimum(np.rint(grid.to_native(np.arange(length))).astype(np.intp), side - 1)
        for length, side in zip(shape, mask.shape, strict=True)
    )
    holes = binary_opening(mask[rows[:, None], columns], np.ones((3, 3)))
    return ~holes if holes.any() else None


def check_frames(
    frames: np.ndarray, sampling: float, card: ModelCard, defoci: Sequence[float] | None = None
) -> np.ndarray:
    """Check that frames, a sampling (Å/px) and defoci (Å) suit a network."""
    frames = unmasked(np.asanyarray(frames))
    if frames.dtype.kind not in "biuf":
        raise TypeError(
            f"The frames have dtype {frames.dtype}, expected real numbers: take the modulus, phase "
            "or real part of complex images first."
        )
    if card.images == 1 and frames.ndim != 3:
        raise ValueError(f"The frames have shape {frames.shape}, expected (n, H, W).")
    if card.images > 1 and (frames.ndim != 4 or frames.shape[1] != card.images):
        raise ValueError(
            f"The frames have shape {frames.shape}, expected (n, {card.images}, H, W): the network "
            f"{card.name!r} takes focal series of {card.images} images."
        )
    if not (np.isfinite(sampling) and sampling > 0):
        raise ValueError(f"The sampling is {sampling!r}, expected a positive number in Å/px.")
    if sampling > COARSEST * card.sampling:
        raise ValueError(
            f"The sampling is {sampling:g} Å/px, too coarse for atoms: the network {card.name!r} "
            f"works at {card.sampling:g} Å/px. Check the calibration and its unit."
        )
    if defoci is not None:
        if card.images == 1:
            raise ValueError(f"{card.name!r} takes single images, expected no defoci.")
        encode_defoci(defoci, card.images)
    return frames


def warn_of_sampling(sampling: float, card: ModelCard) -> None:
    """Warn of a sampling (Å/px) that is more than a tenth outside the range of a card."""
    known = card.domain.get("sampling")
    if known is not None and not known[0] / TOLERATED <= sampling <= known[1] * TOLERATED:
        warn(
            f"The sampling is {sampling:g} Å/px, the network {card.name!r} was trained on images "
            f"of {known[0]:g} to {known[1]:g} Å/px: check the calibration and its unit.",
            SamplingWarning,
        )


def too_small(frames: np.ndarray) -> bool:
    """Whether frames, of shape (..., H, W), have no room for an atom."""
    return frames.shape[-2] * frames.shape[-1] < 2


class _Tile(NamedTuple):
    """The candidates and the features of each member in a tile."""

    candidates: list[Candidates]
    features: list[np.ndarray | None]


def _read(output: TileOutput, members: Sequence[Member], lowest: float | None) -> _Tile:
    """Find each member's candidates in a tile, in working px of the frame."""
    # With at least the lowest probability given, or that on the member's card.
    card = members[0].card
    rows, columns = (
        slice(max(cells.start - _OVER_SEAM, 0), cells.stop + _OVER_SEAM)
        for cells in in_cells(output.tile.core, card.stride)
    )
    counted = any(maps.height is not None for maps in output.maps)
    kept = []
    for member, maps in zip(members, output.maps, strict=True):
        least = member.card.threshold if lowest is None else lowest
        found = candidates(maps, card.stride, least, REACH / card.sampling, (rows, columns))
        if counted and maps.height is None:
            found = dataclasses.replace(found, height=np.full((len(found), 2), np.nan))
        if len(members) > 1:
            readings = [probability_at(found.position, one, card.stride) for one in output.maps]
            found = dataclasses.replace(found, readings=np.stack(readings, axis=1))
        kept.append(dataclasses.replace(found, position=found.position + output.tile.origin))
    return _Tile(kept, output.features)


def select_sites(
    surveyed: Survey, sampling: float, network: AtomNetwork | AtomEnsemble, search: Search
) -> Sites:
    """Select the sites of each member in a frame and merge them, in px of the frame."""
    frame, cards = surveyed.frame, [one.card for one in members_of(network, False)]
    working = sampling * frame.grid.scale
    # Two sites of one cell cannot be separated.
    distances = [max(card.minimum_distance / working, card.stride) for card in cards]
    selected = []
    for card, distance, found in zip(cards, distances, surveyed.candidates, strict=True):
        least = card.threshold if search.threshold is None else search.threshold
        # In single precision, as networks give probabilities.
        found = found[found.probability.astype(np.float32) >= np.float32(least)]
        upper = card.anchor if search.threshold is None else None
        reach, disc = reach_of(card) / sampling, _DISC / sampling
        selected.append(
            select(found, frame.shape, frame.grid, distance, upper, reach, frame.mask, disc)
        )
    if len(cards) == 1:
        return selected[0]
    merged = merge(selected, min(distances) * frame.grid.scale, search.minimum_agreement or 0.0)
    if search.minimum_agreement is not None:
        return merged
    least = network.card.threshold if search.threshold is None else search.threshold
    return merged[merged.probability >= least]


def _domain_score(
    frame: Frame, tiles: list[_Tile], sampling: float, members: Sequence[Member]
) -> DomainScore | None:
    """Score a frame by the members with a domain."""
    scores = [
        member.domain.score(
            sampling=sampling,
            working=frame.working,
            features=features[0] if len(features) == 1 else np.concatenate(features),
        )
        for member, *features in zip(members, *(tile.features for tile in tiles), strict=True)
        if member.domain is not None
    ]
    return scores[0] if len(scores) == 1 else median_score(scores)


def _no_sites(card: ModelCard, n_members: int) -> Sites:
    """Return an empty list of sites, with the columns that a network or an ensemble has."""
    n_classes, none = len(card.classes), np.empty(0)
    several = n_classes > 1
    return Sites(
        position=np.empty((0, 2)),
        probability=none,
        sigma=np.empty((0, 2)),
        species=none if several else None,
        agreement=none if n_members > 1 else None,
        class_probability=np.empty((0, n_classes)) if several else None,
        height=np.empty((0, 2)) if card.heights else None,
    )
