# SPDX-License-Identifier: GPL-3.0-or-later
"""Check of a stated calibration by the sites that were found with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.analysis.lattice import SHEETS, best_fit, lattices_of
from hyperspy_dlatoms.detection.sampling import CONTRADICTION, Estimate

if TYPE_CHECKING:
    from hyperspy_dlatoms.analysis.lattice import Lattice, Spacing

# Column of the tables of sites, see `sites.column_names`.
_PROBABILITY = 2
# Sites of a frame that counts, five rows of a small particle; and frames of a long movie that are
# compared, since a whole movie has one calibration.
_FEWEST = 30
_MOST_FRAMES = 10
# Least mean probability of the sites, and likeness to a lattice, at which its size is believed; of
# a lattice that may be another one, as those of metals, and of sheets. Measured at 0.85 to 1.25
# times the true sampling: half of the contradicted calibrations are warned of, and no right one.
_SURE = 0.8
_LIKENESS = 0.9
_LIKENESS_OF_A_SHEET = 0.8
# Where the calibration is right, sheets are more than 0.85 like their lattice, where it is a fourth
# too coarse less than 0.65. Of fewer sites the likeness is a matter of chance.
_NO_LATTICE = 0.65
_FEWEST_OF_A_SHEET = 60


def describe_contradiction(
    found: Sequence[np.ndarray], sampling: float, materials: Sequence[str], model: str
) -> str:
    """Describe how the sites that a network found contradict the sampling (Å/px); empty if not."""
    lattices = lattices_of(materials)
    estimate = contradiction(found, sampling, lattices)
    if estimate is not None:
        suggested = _listed(estimate.samplings)
        return (
            f"The atoms that {model!r} found make a lattice, {estimate.zone}, that suggests a "
            f"sampling of {suggested}, not of {sampling:.4g} Å/px as is stated: either the "
            "calibration is wrong, or it is another material."
        )
    if is_no_sheet(found, lattices):
        return (
            f"The sites that {model!r} found do not make the lattice of {', '.join(materials)}: "
            f"either the calibration of {sampling:.4g} Å/px is wrong, or it is another material. "
            "`estimate_sampling` may find the calibration."
        )
    return ""


def contradiction(
    found: Sequence[np.ndarray], sampling: float, lattices: Sequence[Lattice]
) -> Estimate | None:
    """Return the lattice that contradicts the sampling (Å/px) at which sites were found, or None.

    A network also finds atoms if the sampling is somewhat wrong, at their true positions, so that
    their lattice gives the right sampling. It contradicts the stated one if most of the frames that
    clearly show a lattice suggest a sampling more than ``CONTRADICTION`` off in each material. The
    sites of each frame are a table (n, k) of y and x (px), probability and so on.
    """
    least = _LIKENESS_OF_A_SHEET if _are_sheets(lattices) else _LIKENESS
    fits = [fit for fit in _fits(found, lattices, _FEWEST) if fit[1].likeness >= least]
    against = [
        (lattice, spacing)
        for lattice, spacing in fits
        if lattice.mismatch(spacing.nearest, sampling) > math.log(CONTRADICTION)
    ]
    if 2 * len(against) <= len(fits):
        return None
    lattice, spacing = sorted(against, key=lambda fit: fit[1].nearest)[len(against) // 2]
    return Estimate(lattice.zone, spacing.nearest, lattice.samplings(spacing.nearest))


def is_no_sheet(found: Sequence[np.ndarray], lattices: Sequence[Lattice]) -> bool:
    """Whether the sites of most frames do not form the lattice of any of the sheets.

    With too coarse a calibration a network finds many sites in a sheet, but not those of the atoms.
    Metal particles need not form a lattice, so the check is for sheets only.
    """
    if not _are_sheets(lattices):
        return False
    fits = list(_fits(found, lattices, _FEWEST_OF_A_SHEET))
    return 2 * sum(spacing.likeness < _NO_LATTICE for _, spacing in fits) > len(fits)


def _listed(samplings: dict[str, float]) -> str:
    values = sorted(samplings.values())
    text = f"{values[0]:.4g}"
    if len(values) > 1:
        text += f" to {values[-1]:.4g}"
    return f"{text} Å/px for {', '.join(samplings)}"


def _are_sheets(lattices: Sequence[Lattice]) -> bool:
    return all(lattice.nearest.keys() <= SHEETS.keys() for lattice in lattices)


def _fits(
    found: Sequence[np.ndarray], lattices: Sequence[Lattice], fewest: int
) -> Iterator[tuple[Lattice, Spacing]]:
    """Yield the lattice that the sites of a frame are most like, of those that are sure enough."""
    telling = [sites for sites in found if len(sites) >= fewest]
    number = min(len(telling), _MOST_FRAMES)
    for chosen in np.unique(np.linspace(0, len(telling) - 1, number).astype(int)):
        sites = telling[chosen]
        if sites[:, _PROBABILITY].mean() < _SURE:
            continue
        if (fit := best_fit(sites[:, :2], lattices)) is not None:
            yield fit
