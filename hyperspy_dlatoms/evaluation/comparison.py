# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing frames with the true sites: tables of true sites and of found atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.matching import match
from hyperspy_dlatoms.data.benchmark.exit_waves import Truth
from hyperspy_dlatoms.evaluation.confusion import inner

BORDER = 3.0  # Sites nearer than this to an edge (Å) are left out: their surroundings are cut off.


@dataclass(frozen=True, eq=False)
class Comparison:
    """Found atoms of one or more frames compared with the true ones."""

    # A row for each true site: ``height``, ``edge``, ``found``; if it was found, ``error_y``,
    # ``error_x``, ``sigma_y``, ``sigma_x`` (Å), ``probability`` and, if heights are known,
    # ``height_error``, ``height_sigma`` and ``scaled_height_error`` (atoms), the error that remains
    # after the best single factor for the frame; if known, the Cramér-Rao bounds ``bound_y``,
    # ``bound_x``, and ``joint_y``, ``joint_x`` with neighbours unknown (Å); NaN otherwise.
    sites: pd.DataFrame
    atoms: pd.DataFrame  # A row for each found atom: ``probability``, ``right``.
    filled: np.ndarray  # For each vacancy, whether an atom was found there, bool.
    frames: int = 1
    area: float = 0.0  # Of the frames without their border (nm²).

    @classmethod
    def join(cls, parts: list[Comparison]) -> Comparison:
        """Join the comparisons of several frames."""
        return cls(
            pd.concat([part.sites for part in parts], ignore_index=True),
            pd.concat([part.atoms for part in parts], ignore_index=True),
            np.concatenate([part.filled for part in parts]),
            sum(part.frames for part in parts),
            sum(part.area for part in parts),
        )


def compare(
    found: np.ndarray,
    truth: Truth,
    sampling: float,
    shape: tuple[int, int],
    tolerance: float = 0.5,
    bounds: np.ndarray | None = None,
) -> Comparison:
    """Match the found atoms of a frame with the true sites, one to one."""
    # `found` (n, 5 or 7) has y, x, probability, y_sigma, x_sigma in px, and perhaps height and its
    # sigma; `bounds` (sites, 4) are for y and x with neighbours known, then unknown (Å). Pairs are
    # at most `tolerance` Å apart. The ``BORDER`` is left out after matching.
    places = found[:, :2] * sampling
    pairs = match(places, truth.positions, tolerance)
    atom, site = pairs.T
    errors, sigmas = np.full((2, len(truth.positions), 2), np.nan)
    errors[site] = places[atom] - truth.positions[site]
    sigmas[site] = found[atom, 3:5] * sampling
    probability, height, height_sigma = np.full((3, len(truth.positions)), np.nan)
    probability[site] = found[atom, 2]
    if found.shape[1] == 7:
        height[site], height_sigma[site] = found[atom, 5:7].T
    told = np.isfinite(height) & (height > 0)
    square = np.sum(height[told] ** 2)
    factor = np.sum(height[told] * truth.heights[told]) / square if told.any() else np.nan
    if bounds is None:
        bounds = np.full((len(truth.positions), 4), np.nan)
    right = np.isin(np.arange(len(found)), atom)
    extent = np.array(shape) * sampling
    sites = pd.DataFrame(
        {
            "height": truth.heights,
            "edge": on_edge(truth.positions),
            "found": np.isin(np.arange(len(truth.positions)), site),
            "error_y": errors[:, 0],
            "error_x": errors[:, 1],
            "sigma_y": sigmas[:, 0],
            "sigma_x": sigmas[:, 1],
            "probability": probability,
            "height_error": height - truth.heights,
            "height_sigma": height_sigma,
            "scaled_height_error": factor * height - truth.heights,
            "bound_y": bounds[:, 0],
            "bound_x": bounds[:, 1],
            "joint_y": bounds[:, 2],
            "joint_x": bounds[:, 3],
        }
    )
    strays = np.flatnonzero(~right)
    unclear = np.isin(np.arange(len(found)), strays[_near(places[strays], truth.unclear, 1.0)])
    counted = inner(places, extent, BORDER) & ~unclear
    atoms = pd.DataFrame({"probability": found[counted, 2], "right": right[counted]})
    vacancies = truth.vacancies[inner(truth.vacancies, extent, BORDER)]
    return Comparison(
        sites[inner(truth.positions, extent, BORDER)].reset_index(drop=True),
        atoms,
        _near(vacancies, places[strays], tolerance),
        area=float(np.prod(extent - 2 * BORDER)) / 100,
    )


def on_edge(positions: np.ndarray, gap: float = 150.0) -> np.ndarray:
    """Return which sites (n, 2) border an edge, step or hole: no neighbour over an angle (°)."""
    # Neighbours lie within 1.6 times the median nearest-neighbour distance: beyond the second
    # neighbours of a square lattice, but short of those of a hexagonal one.
    if len(positions) < 3:
        return np.ones(len(positions), dtype=bool)
    tree = cKDTree(positions)
    spacing = np.median(tree.query(positions, k=2)[0][:, 1])
    result = np.ones(len(positions), dtype=bool)
    for index, around in enumerate(tree.query_ball_point(positions, 1.6 * spacing)):
        others = [k for k in around if k != index]
        if len(others) > 1:
            y, x = (positions[others] - positions[index]).T
            angles = np.sort(np.degrees(np.arctan2(y, x)))
            result[index] = np.diff(angles, append=angles[0] + 360).max() > gap
    return result


def _near(points: np.ndarray, others: np.ndarray, distance: float) -> np.ndarray:
    return np.isfinite(cKDTree(others).query(points, distance_upper_bound=distance)[0])
