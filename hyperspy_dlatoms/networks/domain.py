# SPDX-License-Identifier: GPL-3.0-or-later
"""What the images that a network was trained on are like, and whether another one is like them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from hyperspy_dlatoms.networks.spectrum import BANDS, signal_to_noise, spectrum

PREFIX = "domain/"

SITES_SEEN = 3
"""Features at the end of each cell that tell of the sites in it, the largest probability last."""

_SOME_SITE = 0.02
_TOLERATED = 1.1
_LARGEST = 8.0
_TINY = 1e-3


class ExtrapolationError(ValueError):
    """An image outside what the network was trained on."""


class Verdict(NamedTuple):
    """How far an image is from those that a network was trained on.

    Attributes
    ----------
    score : float
        Above 1 the image is outside.
    reasons : tuple of str
        What it is that is outside; empty for an image that is inside.
    """

    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Domain:
    """The images that a network reads right, learnt from some of them and from some others.

    An image is described by what the network sees in it, see `describe`. Examples from inside and
    outside the training set vote on it, each by its distance; an image far from all of them, or of
    an odd spectrum, or in which sites are seen though there is hardly a signal, is outside too.

    Parameters
    ----------
    sampling : numpy.ndarray
        Least and largest sampling of the training images, Å/px, shape (2,).
    centre, scale : numpy.ndarray
        Mean and spread of each number of a description, shape (D,).
    projection : numpy.ndarray
        From those D numbers to the k that count, shape (D, k).
    examples, votes : numpy.ndarray
        Descriptions of examples, projected, shape (N, k), and what each says, shape (N,): positive
        is outside.
    reach : numpy.ndarray
        Squared distance at which a vote has fallen to 1/e, shape (1,).
    whitening : numpy.ndarray
        Turns a centred and scaled spectrum into independent numbers, shape (S, S).
    usual, limits : numpy.ndarray
        Of the votes, the distance to the nearest example, the odd spectrum, and the sites seen
        without a signal: the median over good images, and the limit, shape (4,) each.

    Notes
    -----
    That the examples outside need not be like those met later is the finding of [1]_; the votes are
    those of a least-squares support vector machine [2]_, the distance to the nearest example is
    that of [3]_, and taking the features of all levels that of [4]_.

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

    def __post_init__(self) -> None:
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
        wrong = [name for name, length in lengths.items() if len(getattr(self, name)) != length]
        if wrong or self.projection.shape[1] != self.examples.shape[1]:
            raise ValueError(f"its domain is damaged, the array {(wrong or ['examples'])[0]!r}")

    def judge(self, *, sampling: float, working: np.ndarray, features: np.ndarray) -> Verdict:
        """Tell whether the network was trained on images like this one.

        Parameters
        ----------
        sampling : float
            Pixel size of the image as it was recorded, Å/px.
        working : numpy.ndarray
            The image at the network's sampling, normalised, shape (h, w), float32.
        features : numpy.ndarray
            What `AtomNetwork.look` gives besides the maps, all cells of the image in any order,
            shape (m, C).

        Returns
        -------
        Verdict

        Raises
        ------
        ValueError
            If the features are not those of the network that the domain belongs to.
        """
        low, high = self.sampling
        stretch = max(low / sampling, sampling / high) / _TOLERATED
        votes = distance = oddness = blindness = 0.0
        # Of a blank image there is nothing to say.
        if working.any():
            votes, distance, oddness, blindness = self.rate(describe(working, features)[None])[0]
        found = {
            f"sampling outside {low:.3g}-{high:.3g} Å/px": stretch,
            "texture unlike the images that the network reads right": max(votes, distance),
            "contrast transfer unlike that of the training images": oddness,
            "too little signal for the sites that the network sees": blindness,
        }
        outside = {reason: value for reason, value in found.items() if value > 1}
        # Within their limits only the votes tell a better image from a worse one.
        return Verdict(float(max(votes, *outside.values(), 0.0)), tuple(outside))

    def rate(self, descriptions: np.ndarray) -> np.ndarray:
        """Compare images with the limits.

        Parameters
        ----------
        descriptions : numpy.ndarray
            Of n images by `describe`, shape (n, D).

        Returns
        -------
        numpy.ndarray
            Shape (n, 4), in the order of `limits`: above 1 beyond the limit, 1/e at the median.

        Raises
        ------
        ValueError
            If D is another one than that of the domain.
        """
        if descriptions.shape[1:] != self.centre.shape:
            raise ValueError(
                f"The descriptions have shape {descriptions.shape}, expected "
                f"(n, {len(self.centre)}): are the features those of another network?"
            )
        return np.exp((self.measure(descriptions) - self.limits) / (self.limits - self.usual))

    def measure(self, descriptions: np.ndarray) -> np.ndarray:
        """Give the four numbers that have a limit, of images described, shape (n, 4)."""
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

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Give its arrays under the names that they have in a model file."""
        return {PREFIX + one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Domain | None:
        """Make a domain of the arrays of a model file.

        Parameters
        ----------
        arrays : dict of str to numpy.ndarray
            All arrays of the file; those of the domain are those that `to_arrays` names.

        Returns
        -------
        Domain or None
            None for a file that has no domain.

        Raises
        ------
        ValueError
            If some of its arrays are there, but not just those that this version knows.
        """
        found = {
            name.removeprefix(PREFIX): array
            for name, array in arrays.items()
            if name.startswith(PREFIX)
        }
        known = {one.name for one in fields(cls)}
        if not found:
            return None
        if found.keys() != known:
            raise ValueError(
                f"its domain has the arrays {sorted(found)}, this version of hyperspy-dlatoms "
                f"knows {sorted(known)}: update hyperspy-dlatoms"
            )
        return cls(**found)


def describe(working: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Describe an image by what a network sees in it, and by its spectrum.

    Most of an image may be empty, so that cells count the more, the surer the network is of a site.

    Parameters
    ----------
    working : numpy.ndarray
        The image at the network's sampling, normalised, shape (h, w), float32.
    features : numpy.ndarray
        What `AtomNetwork.look` gives besides the maps, shape (m, C).

    Returns
    -------
    numpy.ndarray
        Float64, shape (D,): weighted mean of the features (C), plain mean of those that tell of
        sites (3), and the spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.domain import describe
    >>> describe(np.zeros((64, 64), np.float32), np.ones((16, 20))).shape
    (71,)
    """
    features = np.asarray(features, np.float64)
    weights = features[:, -1] + _SOME_SITE
    weighted = weights @ features / weights.sum()
    plain = features[:, -SITES_SEEN:].mean(axis=0)
    return np.concatenate([weighted, plain, spectrum(working)])


def standardise(descriptions: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Centre and scale descriptions (n, D), and cut what is far beyond all others."""
    return np.clip((descriptions - centre) / scale, -_LARGEST, _LARGEST)
