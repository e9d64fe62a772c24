# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds between kinds of sites, from examples: the linear discriminant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Discriminant:
    """Normal distributions, one for each kind, with the same covariance.

    With one feature it is a set of thresholds, each halfway between the means of two kinds but
    moved towards the rarer one.

    Parameters
    ----------
    means : numpy.ndarray
        Of each kind, shape (K, d).
    precision : numpy.ndarray
        Inverse of the covariance, shape (d, d).
    priors : numpy.ndarray
        Logarithm of the share of each kind, shape (K,); -inf for kinds without an example.
    """

    # R. A. Fisher, The use of multiple measurements in taxonomic problems, Ann. Eugen. 7 (1936)
    # 179; B. L. Welch, Note on discriminant functions, Biometrika 31 (1939) 218, for the shares.

    means: np.ndarray
    precision: np.ndarray
    priors: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, kinds: np.ndarray, number: int) -> Discriminant:
        """Fit it to examples."""
        n, d = features.shape
        count = np.bincount(kinds, minlength=number)
        there = np.count_nonzero(count)
        if n <= there + d:
            raise ValueError(
                f"There are {n} examples of {there} kinds with {d} features: expected more than "
                f"{there + d}."
            )
        means = np.zeros((number, d))
        np.add.at(means, kinds, features)
        means /= np.maximum(count, 1)[:, None]
        deviations = features - means[kinds]
        covariance = deviations.T @ deviations / (n - there)
        # Otherwise rounding errors would tell apart features that are nearly the same.
        covariance += 1e-6 * np.trace(covariance) / d * np.eye(d)
        with np.errstate(divide="ignore"):
            priors = np.log(count / n)
        return cls(means, np.linalg.pinv(covariance), priors)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the log probability of each kind (n, K), up to a constant for each site."""
        apart = features[:, None] - self.means
        return self.priors - 0.5 * np.einsum("nki,ij,nkj->nk", apart, self.precision, apart)
