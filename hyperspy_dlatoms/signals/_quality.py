# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality of frames: domain scores, drift, what was not found, and the warnings about these."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hyperspy.misc.utils import DictionaryTreeBrowser

from hyperspy_dlatoms._warnings import (
    DriftWarning,
    ExtrapolationWarning,
    NothingFoundWarning,
    SamplingWarning,
    warn,
)
from hyperspy_dlatoms.detection.alignment import Drift
from hyperspy_dlatoms.detection.choosing import ENOUGH, UNCLEAR, UNSURE
from hyperspy_dlatoms.detection.contradiction import describe_contradiction, describe_unfound
from hyperspy_dlatoms.detection.sites import PROBABILITY
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import DomainScore, ExtrapolationError

_NAMED = 5  # Indices of images that a warning names.
# Å: about half the distance of neighbouring columns, beyond which images no longer show the same
# sites at the same places.
_TOLERATED_DRIFT = 1.0
# Å: neighbouring columns are up to about this far apart, so a narrower image may hold no two.
_NARROW = 5.0
# What records images, by the mode that RosettaSciIO writes into the metadata.
_MODALITIES = {"STEM": "STEM", "SCANNING": "STEM", "TEM": "HRTEM", "HRTEM": "HRTEM"}
# Å, the smallest step in the recipes of focal series, and a range in which images hardly differ.
_STEP, _CLOSE = 15.0, 10.0
_IN_SPITE = 'Use another network, or on_extrapolation="warn" to get the atoms anyway.'
# Results for each frame besides its sites, by their names in the metadata and in a `FrameResult`.
REPORTS = ("domain", "masked", "shown", "drift")


class FrameResult(NamedTuple):
    """The result of applying a network to a frame."""

    sites: np.ndarray  # (n, k), see `AtomPositions`.
    domain: DomainScore | None  # None where the network has no domain.
    drift: Drift | None  # Of a focal series; None for a single image.
    masked: float = 0.0  # The fraction of its pixels that show no image.
    # The lattice that it shows but the sites do not form, see `contradiction.reexamine`.
    shown: str = ""


def record_quality(
    vectors: DictionaryTreeBrowser,
    sites: np.ndarray | None,
    domain: np.ndarray | None = None,
    drift: np.ndarray | None = None,
    masked: np.ndarray | None = None,
    shown: np.ndarray | None = None,
) -> None:
    """Put the quality of each frame into the metadata, and warn or raise if it is bad."""
    # Object arrays, one entry per frame; sites are None if they are only some of those found, which
    # say nothing about the search. In ``metadata.VectorMetadata``, `domain` and `masked` become
    # lists of float, `drift` an array of shape (..., images, 2).
    if masked is not None:
        vectors.masked = [float(one) for one in masked.flat]
    outside = "" if domain is None else _record_domain(vectors, domain)
    if drift is not None:
        _record_drift(vectors, drift)
    if vectors.has_item("shown"):
        del vectors.shown
    if sites is not None:
        _warn_of_sites(vectors, sites, outside, [] if shown is None else list(shown.flat))
    elif outside:
        warn(outside, ExtrapolationWarning)


def other_modality(mode: str | None, card: ModelCard) -> str:
    """Return what recorded the images by the metadata if a network was trained on others, or ""."""
    modality = _MODALITIES.get(mode.upper(), "") if isinstance(mode, str) else ""
    return "" if modality == card.modality else modality


def is_scanned(mode: str | None) -> bool:
    """Whether the metadata say that images were scanned (STEM)."""
    return isinstance(mode, str) and _MODALITIES.get(mode.upper()) == "STEM"


def check_modality(mode: str | None, card: ModelCard, on_extrapolation: str) -> None:
    """Warn of, or raise for, scanned images (STEM) with a network for HRTEM, or vice versa."""
    if not (modality := other_modality(mode, card)):
        return
    text = (
        f"The metadata says {mode}, but {card.name!r} was trained on {card.modality} images: use a "
        f"network for {modality}."
    )
    if on_extrapolation == "raise":
        raise ExtrapolationError(f"{text} {_IN_SPITE}")
    if on_extrapolation == "warn":
        warn(
            f"{text} If the images are {card.modality}, correct "
            "Acquisition_instrument.TEM.acquisition_mode in the metadata.",
            ExtrapolationWarning,
        )


def check_defoci(defoci: Sequence[float] | None, card: ModelCard, on_extrapolation: str) -> None:
    """Warn of, or raise for, defoci (Å) that a network was not trained on."""
    # The domain on its card may give a range of ``defocus``, of the middle image, and of
    # ``defocus_step``, from one image to the next, in either direction.
    if defoci is None or on_extrapolation == "ignore":
        return
    reasons = []
    middle, allowed = defoci[len(defoci) // 2], card.domain.get("defocus")
    if allowed is not None and not allowed[0] <= middle <= allowed[1]:
        reasons.append(
            f"the defocus of the middle image is {middle:g} Å, expected {allowed[0]:g} to "
            f"{allowed[1]:g} Å"
        )
    if (allowed := card.domain.get("defocus_step")) is not None:
        low, high = allowed
        outside = [
            step for step in np.diff(defoci) if not (low <= step <= high or low <= -step <= high)
        ]
        if outside:
            reasons.append(
                f"the step of defocus is {', '.join(f'{step:g}' for step in outside)} Å, expected "
                f"{allowed[0]:g} to {allowed[1]:g} Å in either direction"
            )
        elif low < 0 < high and high >= _STEP and 0 < np.ptp(defoci) < _CLOSE:
            # A range of both signs includes small steps, which no network has seen.
            reasons.append(
                f"all defoci are within {np.ptp(defoci):g} Å of each other, as if given in nm, "
                "expected Å"
            )
    if not reasons:
        return
    text = f"The focal series is outside what {card.name!r} was trained on: {'; '.join(reasons)}."
    if on_extrapolation == "raise":
        raise ExtrapolationError(f"{text} {_IN_SPITE}")
    warn(
        f"{text} Check the defoci, their unit and their sign (positive is underfocus).",
        ExtrapolationWarning,
    )


def check_drift(drifts: Sequence[Drift], sampling: float, *, align: bool) -> None:
    """Warn of series that are misaligned, or were aligned with uncertain shifts."""
    if align:
        unsure = sum(not drift.certain for drift in drifts)
        if unsure:
            warn(
                f"The shifts between the images of {_of_series(unsure, len(drifts))} are "
                "uncertain: shifts that differ by a lattice vector fit about as well, and the "
                "smallest was used. Check them in metadata.VectorMetadata.drift of the sites that "
                "`classify_species` finds.",
                DriftWarning,
            )
        return
    farthest = np.array([sampling * np.hypot(*drift.offsets.T).max() for drift in drifts])
    # Of those known only up to the lattice this is the smallest, and no drift fits worse.
    far = farthest > _TOLERATED_DRIFT
    if far.any():
        sure = all(drift.certain for drift, one in zip(drifts, far, strict=True) if one)
        warn(
            f"The images of {_of_series(int(far.sum()), len(drifts))} seem to be "
            f"misaligned, by {'up to' if sure else 'at least'} {farthest[far].max():.1f} Å: use "
            "align=True, or align them first.",
            DriftWarning,
        )


def _of_series(some: int, number: int) -> str:
    return "this focal series" if number == 1 else f"{some} of {number} focal series"


def warn_of_statistics(domain: Sequence[float]) -> None:
    """Warn of vacancies counted in frames that are misread according to their domain scores."""
    outside = sum(one > 1 for one in domain)
    if outside:
        those = "This image is" if len(domain) == 1 else f"{outside} of {len(domain)} images are"
        warn(
            f"{those} outside what the network was trained on (scores above 1 in "
            "metadata.VectorMetadata.domain): the vacancies counted there may not be real.",
            ExtrapolationWarning,
        )


def _record_domain(vectors: DictionaryTreeBrowser, scores: np.ndarray) -> str:
    """Record the scores, and describe the images outside; empty if there are none."""
    if any(score is None for score in scores.flat):
        if vectors.has_item("domain"):
            del vectors.domain
        return ""
    text = _outside(scores, vectors.model)
    if text and vectors.on_extrapolation == "raise":
        raise ExtrapolationError(f"{text} {_IN_SPITE}")
    vectors.domain = [float(score.score) for score in scores.flat]
    return "" if vectors.on_extrapolation == "ignore" else text


def _warn_of_sites(
    vectors: DictionaryTreeBrowser, sites: np.ndarray, outside: str, shown: Sequence[str]
) -> None:
    """Warn once of what is wrong with the sites of all frames, by what explains it best."""
    if vectors.get_item("other_modality", False):
        # That was said when the images were read, and explains the rest.
        return
    found = list(sites.flat)
    sampling = float(np.prod(vectors.sampling)) ** 0.5
    unfound, fits = "", False
    if shown and vectors.on_extrapolation != "ignore":
        unfound, fits = describe_unfound(shown, found, sampling, vectors.model)
    if unfound and not fits and vectors.on_extrapolation == "raise":
        raise ExtrapolationError(f"{unfound} {_IN_SPITE}")
    materials = vectors.get_item("materials", [])
    if fits:
        warn(unfound, SamplingWarning)
    elif text := describe_contradiction(found, sampling, materials, vectors.model):
        warn(text, SamplingWarning)
    elif outside or unfound:
        if outside and any(map(len, found)):
            outside += f" Check what was found in {'it' if len(found) == 1 else 'them'}."
        elif outside and not unfound:
            outside += " Nothing was found."
        warn(" ".join(filter(None, (outside, unfound))), ExtrapolationWarning)
    elif vectors.get_item("on_extrapolation", "warn") == "ignore":
        return
    elif text := _describe_unsure(vectors, found):
        warn(text, ExtrapolationWarning)
    elif not any(map(len, found)):
        where = "this image" if len(found) == 1 else f"any of {len(found)} images"
        advice = (
            f"check the pixel size ({sampling:.4g} Å/px), try another network, or pass a lower "
            "threshold"
        )
        narrowest = min(vectors.get_item("image_shape", [np.inf])) * sampling
        if narrowest < _NARROW:
            advice = (
                f"the image is only {narrowest:.2g} Å wide ({sampling:.4g} Å/px), take a larger one"
            )
        if np.equal(vectors.get_item("masked", [0.0]), 1).all():
            advice = "all pixels were masked, as in a focal series of which one image is blank"
        warn(f"{vectors.model!r} found nothing in {where}: {advice}.", NothingFoundWarning)


def _describe_unsure(vectors: DictionaryTreeBrowser, found: Sequence[np.ndarray]) -> str:
    """Describe images in which a network for all crystals is unsure of its sites; empty if few."""
    was_said = vectors.get_item("choice.evidence", 1.0) < UNCLEAR  # When the network was chosen.
    if was_said or not vectors.get_item("any_crystal", False):
        return ""
    means = [float(one[:, PROBABILITY].mean()) for one in found if len(one) >= ENOUGH]
    unsure = [mean for mean in means if mean < UNSURE]
    if 2 * len(unsure) <= len(means):
        return ""
    those = "this image" if len(found) == 1 else f"{len(unsure)} of {len(found)} images"
    return (
        f"{vectors.model!r} is not sure of the columns in {those}: their probabilities have a mean "
        f"of {np.median(unsure):.2f}, expected {UNSURE} or more. Below that, networks misread most "
        "simulated images: they may mistake gaps between columns for columns. Check the pixel "
        "size, compare the atoms with the image, average images, or record at another defocus or "
        "a higher dose."
    )


def _outside(scores: np.ndarray, model: str) -> str:
    """Describe the images outside the domain of a network; empty if there are none."""
    outside: dict[tuple[int, ...], DomainScore] = {
        index: score
        for index, score in zip(np.ndindex(scores.shape), scores.flat, strict=True)
        if score.score > 1
    }
    if not outside:
        return ""
    reasons = dict.fromkeys(reason for score in outside.values() for reason in score.reasons)
    if scores.size == 1:
        return f"This image is outside what {model!r} was trained on: {'; '.join(reasons)}."
    first = [index[0] if len(index) == 1 else index for index in list(outside)[:_NAMED]]
    named = ", ".join(map(str, first)) + ", ..." * (len(outside) > _NAMED)
    return (
        f"{len(outside)} of {scores.size} images are outside what {model!r} was trained on "
        f"(index {named}): {'; '.join(reasons)}."
    )


def _record_drift(vectors: DictionaryTreeBrowser, drifts: np.ndarray) -> None:
    offsets = np.stack([drift.offsets for drift in drifts.flat])
    vectors.drift = offsets.reshape(*drifts.shape, *offsets.shape[1:])
    if vectors.on_extrapolation != "ignore":
        check_drift(list(drifts.flat), float(np.mean(vectors.sampling)), align=vectors.align)
