# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several known kinds each column is, from its signal in annular dark field."""

from collections.abc import Sequence

import numpy as np

# Powers of the atomic number with which the signal of an atom grows: they depend on the detector
# angles (P. Hartel et al., Ultramicroscopy 63 (1996) 93).
_POWERS = np.arange(1.4, 2.15, 0.1)
# Smallest and largest relative scatter of the signal of one kind besides noise: beyond, single and
# double columns merge.
_SCATTER = 0.01, 0.3
_ROUNDS = 40  # Of expectation and maximisation: by then the shares change by less than 0.1 %.
_PRIOR = 0.5  # Columns of each kind that count as seen, so that a kind may have none.


def intensity_classes(
    intensity: np.ndarray, sigma: np.ndarray, kinds: Sequence[Sequence[int]]
) -> np.ndarray:
    """Compute the probability of each kind of column from the signals of all columns of an image.

    Parameters
    ----------
    intensity, sigma : numpy.ndarray
        (n,), in any unit, see :func:`column_intensities`.
    kinds : sequence of sequence of int
        The atomic numbers of the atoms in a column of each kind, (k,): none for a vacancy.

    Returns
    -------
    numpy.ndarray
        Probabilities, (n, k); the share of each kind if the intensity is not known.

    Notes
    -----
    Fits a mixture of normal distributions by maximum likelihood: their means are a common factor
    times the sum of the atomic numbers raised to a power from 1.4 to 2.1, and they share a relative
    scatter besides the noise. Signals of thin layers in annular dark field behave like this.

    References
    ----------
    O. L. Krivanek et al., Atom-by-atom structural and chemical analysis by annular dark-field
    electron microscopy, Nature 464 (2010) 571.

    Examples
    --------
    >>> intensity, sigma = np.array([2.1, 2.0, 4.0, 11.0, 10.9]), np.full(5, 0.2)
    >>> intensity_classes(intensity, sigma, [[16], [16, 16], [42]]).argmax(axis=1)
    array([0, 0, 1, 2, 2])
    """
    known = np.isfinite(intensity) & np.isfinite(sigma)
    values, noise = intensity[known], sigma[known]
    shares = np.full(len(kinds), 1 / len(kinds))
    best, probability = -np.inf, np.empty((len(values), len(kinds)))
    middle = float(np.median(values)) if len(values) else 0.0
    for power in _POWERS if middle else ():
        signals = np.array([sum(float(z) ** power for z in kind) for kind in kinds])
        # The column in the middle is of one of them, and not of an empty one.
        for one in signals[signals > 0]:
            fit = _fitted(values, noise, signals, middle / one)
            if fit[0] > best:
                best, probability, shares = fit
    result = np.tile(shares, (len(intensity), 1))
    result[known] = probability if middle else shares
    return result


def _fitted(
    values: np.ndarray, noise: np.ndarray, signals: np.ndarray, factor: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the logarithm of the likelihood, the probabilities (n, k) and the shares (k,)."""
    number, kinds = len(values), len(signals)
    shares, scatter = np.full(kinds, 1 / kinds), 0.1
    likelihood, probability = -np.inf, np.empty((number, kinds))
    for _ in range(_ROUNDS):
        means = factor * signals
        variance = noise[:, None] ** 2 + (scatter * means) ** 2
        apart = values[:, None] - means
        logarithm = np.log(shares) - (apart**2 / variance + np.log(variance)) / 2
        top = logarithm.max(axis=1, keepdims=True)
        total = np.exp(logarithm - top).sum(axis=1, keepdims=True)
        likelihood = float((top + np.log(total)).sum())
        probability = np.exp(logarithm - top) / total
        shares = (probability.sum(axis=0) + _PRIOR) / (number + _PRIOR * kinds)
        weight = probability / variance
        factor = (weight * values[:, None] * signals).sum() / (weight * signals**2).sum()
        more = (probability * (apart**2 - noise[:, None] ** 2)).sum()
        more /= (probability * means**2).sum()
        scatter = float(np.clip(np.sqrt(max(more, 0.0)), *_SCATTER))
    return likelihood, probability, shares
