# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of a comparison: recall, precision and errors."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from hyperspy_dlatoms.evaluation.comparison import Comparison

PM = 100.0  # Picometres in 1 Å.
# Atoms in a column: fewest and most in each group.
HEIGHTS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 99))
MOST = 16  # The calibration of heights covers columns of up to this many atoms, each separately.
# Larger bounds are not compared with errors (Å), which end at the matching tolerance.
LARGEST = 0.25
_MEDIAN = 0.6745  # Median absolute value of a normal variable with unit deviation.


def scores(comparison: Comparison) -> dict[str, Any]:
    """Score a comparison of frames; errors in pm, heights in atoms, None if unknown."""
    # ``rms`` is along an axis. Bounds are root mean squares of Cramér-Rao bounds; ``times_bound``
    # is the median of error / bound, divided by 0.6745, so 1 for normal errors at the bound.
    # ``recall_single`` is for one-atom columns among others, ``filled`` the share of vacancies with
    # a false atom, ``scaled_height_error`` the error that remains after one factor per frame.
    # Intervals are 95 % Wilson intervals.
    sites, atoms = comparison.sites, comparison.atoms
    right, found = int(atoms.right.sum()), int(sites.found.sum())
    result: dict[str, Any] = {"frames": comparison.frames, "sites": len(sites), "atoms": len(atoms)}
    result |= share("precision", right, len(atoms))
    result |= share("recall", found, len(sites))
    missed, false = len(sites) - found, len(atoms) - right
    whole = 2 * found + missed + false
    result["f1"] = 2 * found / whole if whole else None
    errors = sites[["error_y", "error_x"]].to_numpy()
    result["rms_y"], result["rms_x"] = (_rms(PM * errors[:, axis]) for axis in (0, 1))
    result["rms"] = _rms(PM * errors)
    for name, columns in (
        ("bound", ("bound_y", "bound_x")),
        ("joint_bound", ("joint_y", "joint_x")),
    ):
        bound = sites[list(columns)].to_numpy()
        bound = np.where(np.isfinite(bound) & np.isfinite(errors), bound, np.nan)
        result[name] = _rms(PM * bound)
        ratios = np.abs(errors / np.where(bound <= LARGEST, bound, np.nan))
        ratios = ratios[np.isfinite(ratios)]
        result[f"times_{name}"] = float(np.median(ratios)) / _MEDIAN if ratios.size else None
    # In a sheet all columns are single atoms; they form a group only among taller columns.
    single = sites[sites.height == 1] if (sites.height > 1).any() else sites[:0]
    result |= share("recall_single", int(single.found.sum()), len(single))
    edge = sites[sites.edge]
    result |= share("recall_edge", int(edge.found.sum()), len(edge))
    result |= _heights(sites)
    result["vacancies"] = len(comparison.filled)
    return result | share("filled", int(comparison.filled.sum()), len(comparison.filled))


def by_height(sites: pd.DataFrame) -> list[dict[str, Any]]:
    """Score sites, as in `Comparison`, for each group of ``HEIGHTS`` (atoms in the column)."""
    rows = []
    for lowest, highest in HEIGHTS:
        group = sites[sites.height.between(lowest, highest)]
        if len(group):
            row: dict[str, Any] = {"lowest": lowest, "highest": highest, "sites": len(group)}
            row |= share("recall", int(group.found.sum()), len(group))
            row["rms"] = _rms(PM * group[["error_y", "error_x"]].to_numpy())
            rows.append(row | _heights(group))
    return rows


def calibration_of_heights(sites: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare found with true heights, up to ``MOST`` atoms, for sites as in `Comparison`."""
    rows = []
    known = sites[np.isfinite(sites.height_error) & (sites.height <= MOST)]
    for height, group in known.groupby("height"):
        errors = group.height_error.to_numpy(float)
        row: dict[str, Any] = {"height": int(height), "columns": len(group)}
        row |= {"found": float(height + errors.mean()), "spread": float(errors.std())}
        row |= {"sigma": float(group.height_sigma.mean()), "error": float(np.abs(errors).mean())}
        rows.append(row)
    return rows


def share(name: str, part: int, whole: int) -> dict[str, Any]:
    """Return a share and its 95 % Wilson interval, both None if the whole is 0."""
    # E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    if whole == 0:
        return {name: None, f"{name}_interval": None}
    low, high = binomtest(part, whole).proportion_ci(method="wilson")
    return {name: part / whole, f"{name}_interval": [float(low), float(high)]}


def _heights(sites: pd.DataFrame) -> dict[str, Any]:
    sites = sites[np.isfinite(sites.height_error)]
    errors = sites.height_error.abs()
    result: dict[str, Any] = {"height_error": float(errors.mean()) if len(errors) else None}
    result |= share("heights_right", int((errors < 0.5).sum()), len(errors))
    for k in (1, 2):
        within = float((errors <= k * sites.height_sigma).mean()) if len(errors) else None
        result[f"heights_within_{k}"] = within
    scaled = float(sites.scaled_height_error.abs().mean()) if len(errors) else None
    return result | {"scaled_height_error": scaled}


def _rms(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(values**2))) if values.size else None
