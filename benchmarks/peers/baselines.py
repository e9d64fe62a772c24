# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines for networks of focal series: classical methods for the species of sites.

Each is fitted on calibration series with known sites, which no experiment has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.evaluation.comparison import Truth
from hyperspy_dlatoms.evaluation.confusion import TOLERANCE, Labelled
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from peers.discriminant import Discriminant
from peers.focal_series import FocalSeries
from peers.honeycomb import best_on_sublattices, complete
from peers.iterative_reconstruction import reconstruct_exit_wave

KINDS = 5
"""Metal, chalcogen, metal vacancy, and chalcogen vacancy with one atom left and with none."""

NOTHING = KINDS
ON_METAL = np.array([True, False, True, False, False, True])
ON_CHALCOGEN = np.array([False, True, False, True, True, True])
"""Which kinds each sublattice can hold; `NOTHING`, a place that is no site, can be on both."""

DISC = 0.7
RINGS = (0.5, 1.0, 1.5, 2.0, 2.5)
"""Radii in Å."""

WORKING = 0.2
"""Sampling at which exit waves are reconstructed, Å/px: HRTEM images show nothing finer."""

Method = Callable[[FocalSeries], Labelled]
Calibration = Sequence[FocalSeries]
Knowledge: TypeAlias = Literal["all", "focus"] | Lens


def kinds_of(species: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the species, but 4 in place of 3 for chalcogen vacancies without any atom."""
    return np.where((species == 3) & (np.asarray(heights) < 0.5), 4, species)


def species_of(kinds: np.ndarray) -> np.ndarray:
    """Undo `kinds_of`: both kinds of chalcogen vacancy are one species."""
    return np.where(kinds == 4, 3, kinds)


def labelled(truth: Truth) -> Labelled:
    """Return the sites of a truth with their kinds."""
    return Labelled(truth.positions, kinds_of(truth.species, truth.heights))


def intensity_histogram(calibration: Calibration, bond: float | None = None) -> Method:
    """Classify known sites by the intensity in a disc about each, in the best image."""
    methods = [_discs(number) for number in range(len(calibration[0].counts))]
    return _best(methods, calibration, bond)


def best_single_image(calibration: Calibration, bond: float) -> Method:
    """Classify known sites by the rings about each, in the best image of a series.

    The rings reach beyond the neighbours, so that their brightness depends on them, and
    the sublattices of the honeycomb restrict the kinds.
    """
    methods = [_rings((number,)) for number in range(len(calibration[0].counts))]
    return _best(methods, calibration, bond)


def all_images(calibration: Calibration, bond: float) -> Method:
    """Classify known sites as `best_single_image` does, but in all images of a series."""
    return _known_sites(_rings(range(len(calibration[0].counts))), calibration, bond)


def phase_at_known_sites(
    calibration: Calibration, bond: float, knowledge: Knowledge = "focus"
) -> Method:
    """Classify known sites by the phase of the reconstructed exit wave in a disc about each."""

    def features(series: FocalSeries, reconstruct: Callable = phase_image) -> np.ndarray:
        phase, sampling, origin = reconstruct(series, knowledge)
        return _ring_means(phase, series.truth.positions - origin, sampling, (DISC,))

    known = [features(series, _known_phase) for series in calibration]
    return _known_sites(features, calibration, bond, known)


def phase_peaks(calibration: Calibration, bond: float, knowledge: Knowledge = "focus") -> Method:
    """Find the maxima of the phase of the reconstructed exit wave, and classify them by phase.

    Places of the honeycomb without a maximum are candidates too.
    """
    phases = [_known_phase(series, knowledge) for series in calibration]
    truths = [labelled(series.truth) for series in calibration]

    def maxima(phase: np.ndarray, sampling: float, origin: float) -> tuple[np.ndarray, np.ndarray]:
        places = _maxima(phase, sampling, 0.4 * bond)
        return places + origin, _ring_means(phase, places, sampling, (DISC,))

    peaks = [maxima(*phase) for phase in phases]
    is_site = [
        np.isin(np.arange(len(places)), match(places, true.positions, TOLERANCE)[:, 0]).astype(int)
        for (places, _), true in zip(peaks, truths, strict=True)
    ]
    # What lies in the middle of a ring would mix up the sublattices.
    first = Discriminant.fit(
        np.concatenate([value for _, value in peaks]), np.concatenate(is_site), 2
    )

    def examine(phase: np.ndarray, sampling: float, origin: float) -> tuple[np.ndarray, np.ndarray]:
        places, value = maxima(phase, sampling, origin)
        places = places[first.scores(value).argmax(axis=1) == 1]
        both = np.concatenate([places, complete(places, bond)])
        value = _ring_means(phase, both - origin, sampling, (DISC,))
        return both, np.column_stack([value, np.arange(len(both)) < len(places)])

    found, kinds = [], []
    for phase, true in zip(phases, truths, strict=True):
        places, features = examine(*phase)
        pairs = match(places, true.positions, TOLERANCE)
        kind = np.full(len(places), NOTHING)
        kind[pairs[:, 0]] = true.kinds[pairs[:, 1]]
        found.append(features)
        kinds.append(kind)
    second = Discriminant.fit(np.concatenate(found), np.concatenate(kinds), KINDS + 1)

    def find(series: FocalSeries) -> Labelled:
        places, features = examine(*phase_image(series, knowledge))
        kind = _sort(second, features, places, bond)
        return Labelled(places[kind != NOTHING], kind[kind != NOTHING])

    return find


def phase_image(
    series: FocalSeries, knowledge: Knowledge = "focus"
) -> tuple[np.ndarray, float, float]:
    """Return the phase of `wave_image` (rad), with its sampling and origin."""
    wave, sampling, origin = wave_image(series, knowledge)
    return np.angle(wave), sampling, origin


def wave_image(
    series: FocalSeries, knowledge: Knowledge = "focus"
) -> tuple[np.ndarray, float, float]:
    """Reconstruct the exit wave (h, w); also return its sampling (Å/px) and first pixel (Å).

    What is known is all aberrations ("all"); the defoci, Cs and focal spread, with the others taken
    as zero ("focus"); or only the steps between the defoci, with a lens assumed (`Lens`).
    """
    images = [resample(image, series.sampling, WORKING) for image in series.counts]
    grid = images[0][1]
    sampling = series.sampling * grid.scale
    lens, defoci = series.lens, series.defoci
    if knowledge == "focus":
        lens = Lens(Cs=lens.Cs, focal_spread=lens.focal_spread)
    elif isinstance(knowledge, Lens):
        lens, defoci = knowledge, defoci - defoci.mean() + knowledge.defocus
    wave = reconstruct_exit_wave(
        np.stack([image for image, _ in images]), sampling, series.energy, defoci, lens
    )
    return wave, sampling, series.sampling * grid.origin


def _discs(image: int) -> Callable[[FocalSeries], np.ndarray]:
    def features(series: FocalSeries) -> np.ndarray:
        picture = series.counts[image] / series.counts[image].mean()
        return _ring_means(picture, series.truth.positions, series.sampling, (DISC,))

    return features


def _rings(images: Sequence[int]) -> Callable[[FocalSeries], np.ndarray]:
    def features(series: FocalSeries) -> np.ndarray:
        return np.concatenate(
            [
                _ring_means(image / image.mean(), series.truth.positions, series.sampling, RINGS)
                for image in series.counts[list(images)]
            ],
            axis=1,
        )

    return features


def _best(
    methods: Sequence[Callable[[FocalSeries], np.ndarray]],
    calibration: Calibration,
    bond: float | None,
) -> Method:
    """Return the method with the best balanced accuracy on the calibration."""
    fitted = [_known_sites(method, calibration, bond) for method in methods]

    def right(find: Method) -> float:
        true = np.concatenate([labelled(series.truth).kinds for series in calibration])
        found = np.concatenate([find(series).kinds for series in calibration])
        return np.mean([np.mean(found[true == kind] == kind) for kind in np.unique(true)])

    return max(fitted, key=right)


# For series that several methods are fitted on; no method is timed on these.
_known_phase = lru_cache(maxsize=64)(phase_image)


def _known_sites(
    features: Callable[[FocalSeries], np.ndarray],
    calibration: Calibration,
    bond: float | None,
    known: list[np.ndarray] | None = None,
) -> Method:
    thresholds = Discriminant.fit(
        np.concatenate(known or [features(series) for series in calibration]),
        np.concatenate([labelled(series.truth).kinds for series in calibration]),
        KINDS,
    )

    def find(series: FocalSeries) -> Labelled:
        places = series.truth.positions
        return Labelled(places, _sort(thresholds, features(series), places, bond))

    return find


def _sort(
    thresholds: Discriminant, features: np.ndarray, places: np.ndarray, bond: float | None
) -> np.ndarray:
    scores = thresholds.scores(features)
    if bond is None:
        return scores.argmax(axis=1)
    number = scores.shape[1]
    return best_on_sublattices(scores, places, bond, (ON_METAL[:number], ON_CHALCOGEN[:number]))


def _ring_means(
    image: np.ndarray, places: np.ndarray, sampling: float, radii: Sequence[float]
) -> np.ndarray:
    """Average an image over a disc and rings about places in Å, shape (n, number of radii)."""
    reach = int(np.ceil(max(radii) / sampling))
    distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) * sampling
    padded = np.pad(image, reach, mode="reflect")
    columns = []
    for inner, outer in zip((-1.0, *radii[:-1]), radii, strict=True):
        kernel = ((distance > inner) & (distance <= outer)).astype(np.float32)
        mean = fftconvolve(padded, kernel / kernel.sum(), mode="valid")
        columns.append(map_coordinates(mean, places.T / sampling, order=1, mode="nearest"))
    return np.column_stack(columns)


def _maxima(image: np.ndarray, sampling: float, distance: float) -> np.ndarray:
    """Find the maxima (Å) of an image that are a distance apart, to a fraction of a pixel."""
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian

    smooth = gaussian(image, 0.3 / sampling, mode="reflect")
    peaks = peak_local_max(smooth, min_distance=max(1, round(distance / sampling)))
    places = peaks.astype(float)
    for axis, step in enumerate(np.eye(2, dtype=int)):
        before, here, after = (smooth[tuple((peaks + sign * step).T)] for sign in (-1, 0, 1))
        curvature = before - 2 * here + after
        places[:, axis] += np.where(curvature < 0, 0.5 * (before - after) / curvature, 0)
    return places * sampling
