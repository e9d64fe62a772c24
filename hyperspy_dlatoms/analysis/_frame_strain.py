# SPDX-License-Identifier: GPL-3.0-or-later
"""Strain of the atoms of a frame against a lattice, a region of it, or another frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.analysis import _cell_fit
from hyperspy_dlatoms.analysis._grains import find_grains
from hyperspy_dlatoms.analysis._strain import Strain, deformation, deformation_between, strain_of

if TYPE_CHECKING:
    import ase

# From `lattice_strain` and `frame_strain`: strain, displacement (Å), and the number of the grain.
COLUMNS = (*Strain._fields, "u_y", "u_x", "grain")


def lattice_strain(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    *,
    kinds: np.ndarray | None = None,
    region: np.ndarray | None = None,
    median: bool = False,
    cell: np.ndarray | None = None,
    materials: Sequence[str | ase.Atoms] = (),
) -> np.ndarray:
    """Return strain and displacement of atoms (Å) against a lattice, (n, 11), see `COLUMNS`."""
    # By default the one that fits each grain best; or the mean one in a region (n,), the median of
    # all, a cell (2, 2; y, x in Å) as oriented, or a material's, rotated. NaN for grains without
    # one.
    table = np.full((len(positions), len(COLUMNS)), np.nan)
    grains = find_grains(positions, kinds)
    table[:, -1] = grains.labels
    found = deformation(positions, sigma, grains)
    for grain, own in enumerate(grains.cells):
        members = grains.members(grain)
        covariance = None
        origin = members
        fit = _cell_fit.fit_cell(positions, sigma, grains, grain)
        reference = fit.cell
        if cell is not None:
            as_it_lies = _cell_fit.in_setting_of(fit.cell, cell)
            if as_it_lies is None:
                continue
            reference = as_it_lies
        elif materials:
            known = _cell_fit.known_cell(fit.cell, materials)
            if known is None:
                continue
            reference = known[1]
        elif region is not None:
            try:
                fit = _cell_fit.fit_cell(positions, sigma, grains, grain, region)
            except ValueError:
                continue
            reference, origin = fit.cell, members[region[members]]
            inverse = np.linalg.inv(own)
            covariance = (inverse @ fit.covariance @ inverse.T)[::-1, ::-1, ::-1]
        # The gradient by (x, y), from cells with (y, x) in rows.
        change = np.linalg.solve(own, reference).T[::-1, ::-1]
        if median:
            change = np.nanmedian(found.gradient[members], axis=0)
            reference = own @ change[::-1, ::-1].T
        if not np.isfinite(change).all():
            continue
        strain = strain_of(found.of(members).against(change, covariance))
        table[members, : len(Strain._fields)] = np.column_stack(strain)
        apart = positions - grains.indices @ reference
        for sublattice in np.unique(grains.sublattices[origin]):
            some = grains.members(grain, sublattice)
            middle = apart[origin[grains.sublattices[origin] == sublattice]].mean(axis=0)
            table[some, -3:-1] = apart[some] - middle
    return table


def frame_strain(
    positions: np.ndarray,
    sigma: np.ndarray | None,
    reference: np.ndarray,
    reference_sigma: np.ndarray | None,
) -> np.ndarray:
    """Return strain and displacement of atoms (Å) against those of another frame, see `COLUMNS`."""
    found, displacement = deformation_between(positions, sigma, reference, reference_sigma)
    grain = np.full(len(positions), -1.0)
    return np.column_stack([*strain_of(found), displacement, grain])


def without_shear(
    positions: np.ndarray, sigma: np.ndarray | None, materials: Sequence[str | ase.Atoms]
) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Remove the shear by drift from positions and sigmas (Å), using a material's largest grain."""
    # The last value says whether there was such a grain.
    grains = find_grains(positions)
    for grain in range(len(grains.cells)):
        fit = _cell_fit.fit_cell(positions, sigma, grains, grain)
        known = _cell_fit.known_cell(fit.cell, materials)
        if known is not None:
            back = _cell_fit.shear_of_drift(fit.cell, known[0].vectors)
            spread = _cell_fit.usable_sigma(sigma)
            if spread is not None:
                spread = np.sqrt(spread**2 @ back**2)
            return positions @ back, spread, True
    return positions, sigma, False
