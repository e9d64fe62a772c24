# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain of a network: whether an image is like those that it was trained on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.spatial.distance import cdist
from scipy.special import expit, gammainccinv, gammaincinv

PREFIX = "domain/"

# Features at the end of each cell about the sites in it, the largest probability last.
SITES_SEEN = 3
BANDS = 24  # Rings from zero to the Nyquist frequency.
# px of a periodogram: 26 Å at 0.2 Å/px, a few cells of a lattice; and the most windows per side,
# enough for a mean.
_WINDOW = 128
_MOST_WINDOWS = 6
_STRIP = 256  # Cells per sum, which is then exact to 1e-6.
_FLOOR = 1e-4  # Power, white noise having 1, so that a blank image has a logarithm.
# Rings of images at 0.2 Å/px: 1.6 to 2.0 periods per Å, which no lens passes, so that all is noise;
# and 0.2 to 1.25, where the lattices are.
_NOISE = slice(15, 19)
_SIGNAL = slice(2, 12)

# Weight of a cell without a site, a certain site having 1; it also keeps the ratio of sites to
# signal at about 1 where there is neither.
_SOME_SITE = 0.02
TOLERATED = 1.1  # Factor beyond the sampling range: calibrations are good to a few per cent.
# Å/px at which networks work, and the share of a coarser image's Nyquist frequency up to which
# resampling leaves the power as it is.
_WORKING = 0.2
_KEPT = 0.9

# Relative to the noise power, the median of its ring: the least power at a frequency of a lattice,
# how rarely noise may reach it, and the least number of frequencies of a lattice.
_OF_LATTICE, _RARELY, _FEWEST = 4.0, 1e-6, 8
# And the most that an image of noise alone has at the lattice of the others. Of 810 simulated
# images of a layer, in any focus and at 100 e/Å² or more, one has less; of 150 without a specimen,
# 145 do.
OF_NOISE = 1.3
# Largest ratio of rms noise in a series, at which exposures differ threefold. In training
# they are equal, and it is 1.04 at most. Images without their background keep their scale: one
# scaled by 1.5 costs 0.05 of the F1 of S vacancies at 800 e/Å², one scaled by 2 costs 0.09.
_UNLIKE_NOISE = 1.75

# Standard deviations at which descriptions are clipped, lest one odd channel decide alone.
_LARGEST = 8.0
_TINY = 1e-3  # So that the logarithm of a distance of 0 is finite.


_MATRICES = ("projection", "examples", "whitening")  # Arrays of a domain that are not vectors.


class ExtrapolationError(ValueError):
    """An image outside what the network was trained on."""


class DomainScore(NamedTuple):
    """How far an image is from those that a network was trained on.

    Attributes
    ----------
    score : float
        Above 1 the image is outside.
    reasons : tuple of str
        Why the image is outside; empty if it is inside.
    scanned : float or None
        Probability that the image was scanned (STEM), not recorded by a camera; None if the network
        has not learnt this.
    """

    score: float
    reasons: tuple[str, ...]
    scanned: float | None = None


@dataclass(frozen=True, eq=False)
class Domain:
    """The images that a network reads correctly, learnt from examples of these and of others.

    An image is described by the features of the network and by its spectrum. Examples from inside
    and outside the training set vote on it, weighted by distance. An image far from all of them,
    with an unusual spectrum, or with sites but hardly any signal, is outside too.

    Parameters
    ----------
    sampling : numpy.ndarray
        Smallest and largest sampling of the images that the network reads, Å/px, shape (2,); for a
        network read from a file, the range on its card.
    centre, scale : numpy.ndarray
        Mean and spread of each number of a description, shape (D,).
    projection : numpy.ndarray
        Maps these D numbers to the k that count, shape (D, k).
    examples, votes : numpy.ndarray
        Projected descriptions of examples, shape (N, k), and their votes, shape (N,): positive for
        outside.
    reach : numpy.ndarray
        Squared distance at which a vote falls to 1/e, shape (1,).
    whitening : numpy.ndarray
        Turns a centred and scaled spectrum into independent numbers, shape (S, S).
    usual, limits : numpy.ndarray
        The median over good images, and the limit, of four numbers: the votes, the distance to the
        nearest example, how unusual the spectrum is, and the sites found without a signal; shape
        (4,) each.
    scanned : numpy.ndarray, optional
        Weights of a standardised description, and a constant, shape (D + 1,): the weighted sum is
        the logarithm of the odds that an image was scanned. See ``tools/modality.py``.

    Notes
    -----
    The examples outside need not resemble those met later, as [1]_ found. The votes are those of a
    least-squares support vector machine [2]_; the distance to the nearest example follows [3]_, and
    the use of features of all levels [4]_.

    References
    ----------
    .. [1] D. Hendrycks, M. Mazeika and T. Dietterich, "Deep anomaly detection with outlier
       exposure", ICLR (2019).
    .. [2] J. Suykens and J. Vandewalle, "Least squares support vector machine classifiers", Neural
       Processing Letters 9, 293 (1999).
    .. [3] Y. Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML (2022).
    .. [4] K. Lee et al., "A simple unified framework for detecting out-of-distribution samples and
       adversarial attacks", NeurIPS (2018).
    """

    sampling: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    projection: np.ndarray
    examples: np.ndarray
    votes: np.ndarray
    reach: np.ndarray
    whitening: np.ndarray
    usual: np.ndarray
    limits: np.ndarray
    scanned: np.ndarray | None = None

    def __post_init__(self) -> None:
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        _refuse(name for name, one in arrays.items() if one.ndim != 1 + (name in _MATRICES))
        lengths = {
            "sampling": 2,
            "centre": len(self.scale),
            "projection": len(self.scale),
            "votes": len(self.examples),
            "reach": 1,
            "whitening": 2 * BANDS,
            "usual": 4,
            "limits": 4,
        }
        if self.scanned is not None:
            lengths["scanned"] = len(self.scale) + 1
        _refuse(name for name, length in lengths.items() if len(arrays[name]) != length)
        _refuse(["examples"] * (self.projection.shape[1] != self.examples.shape[1]))
        # What is divided by.
        positive = {"scale": self.scale, "reach": self.reach, "limits": self.limits - self.usual}
        _refuse(name for name, array in positive.items() if not (array > 0).all())

    def score(self, *, sampling: float, working: np.ndarray, features: np.ndarray) -> DomainScore:
        """Score how far an image is from those that the network was trained on.

        Parameters
        ----------
        sampling : float
            Pixel size of the image as recorded, Å/px.
        working : numpy.ndarray
            The image at the network's sampling, normalised, shape (h, w), or the images of a focal
            series (images, h, w), float32.
        features : numpy.ndarray
            The features that `AtomNetwork.infer` returns, for all cells of the image in any order,
            shape (m, C).

        Returns
        -------
        DomainScore

        Raises
        ------
        ValueError
            If the features are not those of the network that the domain belongs to.
        """
        low, high = self.sampling
        stretch = max(low / sampling, sampling / high) / TOLERATED
        votes = distance = oddness = blindness = 0.0
        scanned = None
        # Of a blank image there is nothing to say.
        if working.any():
            description = describe(working, features, sampling)
            votes, distance, oddness, blindness = self.rate(description[None])[0]
            if self.scanned is not None:
                scanned = float(self.rate_scanned(description[None])[0])
        found = {
            f"sampling outside {low:.3g}-{high:.3g} Å/px": stretch,
            "texture unlike that of images that the network reads correctly": max(votes, distance),
            "contrast transfer unlike that of the training images": oddness,
            "too little signal for the sites that the network finds": blindness,
        }
        if working.ndim == 3:
            found |= _of_series(working)
        outside = {reason: value for reason, value in found.items() if value > 1}
        # Within the limits, only the votes tell a better image from a worse one.
        return DomainScore(float(max(votes, *outside.values(), 0.0)), tuple(outside), scanned)

    def judge(self, *, sampling: float, working: np.ndarray, features: np.ndarray) -> DomainScore:
        """Score an image; deprecated, use `score`."""
        warnings.warn(
            "Domain.judge is called Domain.score now; the old name goes in the next release.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.score(sampling=sampling, working=working, features=features)

    def rate(self, descriptions: np.ndarray) -> np.ndarray:
        """Compare descriptions (n, D) with the limits, (n, 4): above 1 beyond them, mostly 1/e."""
        if descriptions.shape[1:] != self.centre.shape:
            raise ValueError(
                f"The descriptions have shape {descriptions.shape}, expected "
                f"(n, {len(self.centre)}): are the features from another network?"
            )
        return np.exp((self.measure(descriptions) - self.limits) / (self.limits - self.usual))

    def measure(self, descriptions: np.ndarray) -> np.ndarray:
        """Return the four numbers of descriptions (n, D) that have limits, shape (n, 4)."""
        standard = standardise(descriptions, self.centre, self.scale)
        squared = cdist(standard @ self.projection, self.examples, "sqeuclidean")
        odd = np.linalg.norm(standard[:, -2 * BANDS :] @ self.whitening, axis=1)
        sites = descriptions[:, -2 * BANDS - 1]
        signal = signal_to_noise(descriptions[:, -2 * BANDS :])
        return np.column_stack(
            [
                np.exp(-squared / self.reach) @ self.votes,
                np.log(squared.min(axis=1) / self.reach + _TINY),
                np.log(odd + _TINY),
                np.log((sites + _SOME_SITE) / (signal + _SOME_SITE)),
            ]
        )

    def rate_scanned(self, descriptions: np.ndarray) -> np.ndarray:
        """Return the probabilities (n,) that images with descriptions (n, D) were scanned."""
        assert self.scanned is not None
        standard = standardise(descriptions, self.centre, self.scale)
        return expit(standard @ self.scanned[:-1] + self.scanned[-1])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return its arrays under their names in a model file."""
        arrays = {PREFIX + one.name: getattr(self, one.name) for one in fields(self)}
        return {name: array for name, array in arrays.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Domain | None:
        """Return the domain from the arrays of a model file, None if it has none."""
        found = {
            name.removeprefix(PREFIX): array
            for name, array in arrays.items()
            if name.startswith(PREFIX)
        }
        known = {one.name for one in fields(cls)}
        if not found:
            return None
        if found.keys() | {"scanned"} != known:
            raise ValueError(
                f"its domain has the arrays {sorted(found)}, but this version of hyperspy-dlatoms "
                f"knows {sorted(known)}: update hyperspy-dlatoms"
            )
        return cls(**found)


def _of_series(working: np.ndarray) -> dict[str, float]:
    """Rate possible faults of a series (images, h, w); above 1 it has them."""
    noise = np.exp([spectrum(one)[_NOISE] for one in working]).mean(axis=1)
    unlike = float(np.sqrt(noise.max() / noise.min())) / _UNLIKE_NOISE
    return {
        f"image {image} of the series (counted from 0) shows noise alone, as with a closed "
        "shutter": value
        for image, value in enumerate(OF_NOISE / lattice_powers(working))
    } | {"noise that differs between the images of a series, as if scaled unequally": unlike}


def lattice_powers(working: np.ndarray) -> np.ndarray:
    """Return the power of images (images, h, w) at the lattice of the others, 1 for noise alone."""
    # Infinite where the others show no lattice.
    sides = [min(_WINDOW, length) for length in working.shape[-2:]]
    frequency = np.hypot(scipy.fft.fftfreq(sides[0])[:, None], scipy.fft.rfftfreq(sides[1]))
    ring = (frequency * 2 * BANDS).astype(int)
    rings = [one for one in (ring == n for n in range(*_SIGNAL.indices(BANDS))) if one.any()]
    windows = math.prod(map(len, map(_starts, working.shape[-2:], sides)))
    # The mean of this many periodograms of noise has a gamma distribution.
    mean = windows / gammaincinv(windows, 0.5)
    level = max(_OF_LATTICE, gammainccinv(windows, _RARELY) / windows)
    powers = np.zeros((len(working), *frequency.shape))
    for power, image in zip(powers, working, strict=True):
        raw, _ = _moments(image, sides)
        for one in rings:
            power[one] = raw[one] / (mean * np.median(raw[one]) + _FLOOR)
    found = np.full(len(powers), np.inf)
    for number, own in enumerate(powers):
        lattice = np.delete(powers, number, axis=0).max(axis=0, initial=0) > level
        if np.count_nonzero(lattice) >= _FEWEST:
            found[number] = own[lattice].mean()
    return found


def describe(
    working: np.ndarray, features: np.ndarray, sampling: float | None = None
) -> np.ndarray:
    """Describe a normalised image or series by the network's features (m, C) and its spectrum."""
    # The mean of the features (C), weighted by how sure the network is of sites; the plain mean of
    # those about sites (3); the spectrum (2 BANDS), continued as noise beyond the Nyquist frequency
    # of the `sampling` (Å/px) at which it was recorded, if given.
    weights = features[:, -1] + np.float32(_SOME_SITE)
    # Some cells at a time in single precision, which is as precise as the features are.
    strips = (slice(top, top + _STRIP) for top in range(0, len(features), _STRIP))
    sums = sum((weights[some] @ features[some]).astype(np.float64) for some in strips)
    weighted = sums / weights.sum(dtype=np.float64)
    plain = features[:, -SITES_SEEN:].mean(axis=0, dtype=np.float64)
    images = working.reshape(-1, *working.shape[-2:])
    mean = np.mean([spectrum(one) for one in images], axis=0)
    if sampling is not None:
        mean = _beyond_recorded(mean, sampling)
    return np.concatenate([weighted, plain, mean])


def standardise(descriptions: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Centre and scale descriptions (n, D), and clip far outliers."""
    return np.clip((descriptions - centre) / scale, -_LARGEST, _LARGEST)


def spectrum(image: np.ndarray) -> np.ndarray:
    """Return the power of an image (h, w) in rings of frequency, and how much of it is in spots."""
    # The logarithm of the mean power in each ring, 0 for white noise of variance 1, and of the
    # ratio of its root mean square to its mean, more than log(sqrt(2)) for a crystal, (2 BANDS,).
    # By Welch's method: IEEE Transactions on Audio and Electroacoustics 15, 70 (1967).
    sides = [min(_WINDOW, length) for length in image.shape]
    frequency = np.hypot(scipy.fft.fftfreq(sides[0])[:, None], scipy.fft.rfftfreq(sides[1]))
    ring = np.minimum(frequency * 2 * BANDS, BANDS).astype(int).ravel()
    count = np.bincount(ring, minlength=BANDS + 1)[:BANDS]
    first, second = (
        np.bincount(ring, moment.ravel(), BANDS + 1)[:BANDS] for moment in _moments(image, sides)
    )
    there = count > 0
    mean = first[there] / count[there] + _FLOOR
    spots = np.sqrt(second[there] / count[there] + _FLOOR**2) / mean
    # A narrow image has no frequencies in some of the rings.
    at = np.flatnonzero(there)
    return np.concatenate(
        [np.interp(np.arange(BANDS), at, np.log(values)) for values in (mean, spots)]
    )


def _beyond_recorded(spectrum: np.ndarray, sampling: float) -> np.ndarray:
    """Continue the spectrum (2 BANDS) of an image recorded at more than 0.2 Å/px by its noise."""
    # As if recorded with finer pixels, as in training, which would add only noise: lenses pass
    # nothing beyond 1.25 to 1.5 periods per Å.
    share = _WORKING / sampling
    recorded = int(_KEPT * share * BANDS)
    if recorded >= BANDS:
        return spectrum
    power, spots = np.exp(spectrum[:BANDS]), spectrum[BANDS:].copy()
    noise = power[recorded // 2 : recorded].min(initial=np.inf)
    if not np.isfinite(noise):
        return spectrum
    power[recorded:], spots[recorded:] = noise, np.log(2) / 2
    # The variance of the image stays 1 with the added noise.
    return np.concatenate([np.log(power / (1 + noise * (1 - share**2))), spots])


def _moments(image: np.ndarray, sides: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the mean square of the periodograms of all windows."""
    rows, columns = (_starts(length, side) for length, side in zip(image.shape, sides, strict=True))
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in sides)).astype(np.float32)
    taper /= np.sqrt(np.square(taper).sum())
    first, second = np.zeros((2, sides[0], sides[1] // 2 + 1))
    # One row of windows at a time stays in the cache.
    windows = np.empty((len(columns), *sides), np.float32)
    for y in rows:
        for window, x in zip(windows, columns, strict=True):
            part = image[y : y + sides[0], x : x + sides[1]]
            np.subtract(part, part.mean(), out=window)
            window *= taper
        waves = scipy.fft.rfft2(windows)
        power = waves.real**2 + waves.imag**2
        first += power.sum(axis=0)
        second += np.einsum("nyx,nyx->yx", power, power)
    number = len(rows) * len(columns)
    return first / number, second / number


def signal_to_noise(spectra: np.ndarray) -> np.ndarray:
    """Estimate the ratio of signal to noise of spectra (n, 2 BANDS) of images at 0.2 Å/px."""
    # No lens transfers anything beyond about 1.5 periods per Å, so that is noise.
    power = np.exp(spectra)
    noise = power[:, _NOISE].mean(axis=1)
    return np.maximum(power[:, _SIGNAL].mean(axis=1) / noise - 1, 0)


def _refuse(wrong: Iterable[str]) -> None:
    """Raise ValueError for the first wrong array of a domain, if any."""
    for name in wrong:
        raise ValueError(f"its domain is damaged, the array {name!r}")


def _starts(length: int, side: int) -> np.ndarray:
    number = min(-(-2 * (length - side) // side) + 1, _MOST_WINDOWS)
    return np.linspace(0, length - side, number).round().astype(int)
