# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration of probabilities and standard deviations."""

from typing import Any

import numpy as np

from hyperspy_dlatoms.evaluation.scores import share

WITHIN = {1: 0.683, 2: 0.954}  # Fraction of normal errors within 1 and 2 standard deviations.


def reliability(probability: np.ndarray, right: np.ndarray, bins: int = 10) -> list[dict[str, Any]]:
    """Compare stated probabilities with the fraction of atoms that are right.

    Parameters
    ----------
    probability : numpy.ndarray
        Probability of each found atom, shape (n,).
    right : numpy.ndarray
        Whether it really is an atom, bool, shape (n,).
    bins : int, optional
        Number of equal bins from 0 to 1.

    Returns
    -------
    list of dict
        For each bin that holds an atom: its ends ``low`` and ``high``, the number of ``atoms``,
        the mean ``probability``, and the fraction that is ``right`` with its interval.

    References
    ----------
    M. H. DeGroot and S. E. Fienberg, The comparison and evaluation of forecasters, J. R. Stat.
    Soc. D 32 (1983) 12.

    Examples
    --------
    >>> (one,) = reliability(np.array([0.72, 0.78]), np.array([True, False]))
    >>> one["atoms"], round(one["probability"], 2), one["right"]
    (2, 0.75, 0.5)
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, bins - 1)
    rows = []
    for one in np.unique(place):
        inside = place == one
        row = {"low": float(edges[one]), "high": float(edges[one + 1]), "atoms": int(inside.sum())}
        row["probability"] = float(probability[inside].mean())
        rows.append(row | share("right", int(right[inside].sum()), int(inside.sum())))
    return rows


def expected_calibration_error(probability: np.ndarray, right: np.ndarray) -> float | None:
    """Return the mean gap between probability and the share that is right; None if empty."""
    # Averaged over the bins of `reliability`, weighted by their atoms.
    # M. P. Naeini, G. F. Cooper, M. Hauskrecht, Proc. AAAI 29 (2015) 2901.
    if len(probability) == 0:
        return None
    rows = reliability(probability, right)
    gaps = [row["atoms"] * abs(row["probability"] - row["right"]) for row in rows]
    return sum(gaps) / len(probability)


def coverage(errors: np.ndarray, sigmas: np.ndarray) -> dict[str, float | None]:
    """Compare errors with their stated standard deviations, of the same shape and unit."""
    # Returns the shares within one and two deviations (0.683 and 0.954 if right), and the rms of
    # the errors over that of the deviations, for finite pairs; None without errors.
    known = np.isfinite(errors) & np.isfinite(sigmas)
    errors, sigmas = np.abs(errors[known]), sigmas[known]
    if errors.size == 0:
        return {"within_1": None, "within_2": None, "rms_ratio": None}
    return {
        **{f"within_{k}": float(np.mean(errors <= k * sigmas)) for k in WITHIN},
        "rms_ratio": float(np.sqrt(np.mean(errors**2) / np.mean(sigmas**2))),
    }
