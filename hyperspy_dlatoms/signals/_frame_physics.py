# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of one frame in Å, with their weights."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis._cell_fit import usable_sigma
from hyperspy_dlatoms.signals import _export

SIGMAS = ("y_sigma", "x_sigma")
# A column of many atoms is less certain than one of few: weighting would bias the mean low.
_UNWEIGHTED = ("height",)
_VACANCY = " vacancy"  # Ends the name of a species that is the empty site of another one.


class Sites(NamedTuple):
    """The atoms of a frame and their calibration."""

    frame: np.ndarray
    calibration: _export.Calibration

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Positions and their standard deviations, (y, x) in Å, None where these are not known."""
        columns = self.calibration.columns
        sigma = None
        if all(name in columns for name in SIGMAS):
            sigma = self.frame[:, [columns.index(name) for name in SIGMAS]]
            sigma = usable_sigma(sigma * self.calibration.sampling)
        return self.calibration.in_angstrom(self.frame), sigma

    @property
    def kinds(self) -> np.ndarray | None:
        """The element of each atom, vacancies as the missing atom; None for one species."""
        names = self.calibration.species
        if "species" not in self.calibration.columns or len(names) < 2:
            return None
        elements = [name.removesuffix(_VACANCY) for name in names]
        numbers = np.array([elements.index(one) for one in elements])
        return numbers[self.frame[:, self.calibration.columns.index("species")].astype(int)]

    @property
    def in_axis_units(self) -> np.ndarray:
        return self.calibration.in_axis_units(self.frame)


def weighted(
    frame: np.ndarray, columns: list[str], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return some columns of a frame, and weights for their means: inverse variance, else 1."""
    values = frame[:, [columns.index(name) for name in names]]
    weights = np.ones_like(values)
    for at, name in enumerate(names):
        spread = f"{name}_sigma"
        if spread in columns and name not in _UNWEIGHTED:
            # At the edges of an image strains are far less certain, and biased.
            sigma = usable_sigma(frame[:, columns.index(spread)])
            weights[:, at] = 1.0 if sigma is None else sigma**-2.0
    known = np.isfinite(values)
    return np.where(known, values, 0.0), np.where(known, weights, 0.0)


def means(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted means and their standard errors from the scatter; NaN if none is known."""
    number, total = (weights > 0).sum(axis=0), weights.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights * values).sum(axis=0) / total
        scatter = (weights**2 * (values - mean) ** 2).sum(axis=0)
        error = np.sqrt(scatter * number / np.where(number > 1, number - 1.0, np.nan)) / total
    return mean, error


def distance_edges(max_distance: float, bin_width: float) -> np.ndarray:
    """Return the edges of ranges of distances from 0 on (Å)."""
    if not (bin_width > 0 and max_distance >= bin_width and np.isfinite(max_distance)):
        raise ValueError(
            f"bin_width is {bin_width} and max_distance {max_distance}: expected a positive "
            "width in Å, and a distance that is no less."
        )
    return bin_width * np.arange(int(np.floor(max_distance / bin_width + 1e-9)) + 1)
