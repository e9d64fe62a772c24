# SPDX-License-Identifier: GPL-3.0-or-later
"""What the methods of `Physics` compute of one frame."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis import _cell_fit, _frame_strain
from hyperspy_dlatoms.analysis._column_map import column_map
from hyperspy_dlatoms.analysis._grains import find_grains
from hyperspy_dlatoms.analysis._neighbours import bonds, neighbourhoods
from hyperspy_dlatoms.analysis._offsets import offsets_from_neighbours
from hyperspy_dlatoms.signals import _export

_SIGMAS = ("y_sigma", "x_sigma")
# A column of many atoms is less certain than one of few: weights would make the mean too low.
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
        if all(name in columns for name in _SIGMAS):
            sigma = self.frame[:, [columns.index(name) for name in _SIGMAS]]
            sigma = _cell_fit.usable_sigma(sigma * self.calibration.sampling)
        return self.calibration.in_angstrom(self.frame), sigma

    @property
    def kinds(self) -> np.ndarray | None:
        """The element of each atom, vacancies as the atom that is missing; None for one species."""
        names = self.calibration.species
        if "species" not in self.calibration.columns or len(names) < 2:
            return None
        elements = [name.removesuffix(_VACANCY) for name in names]
        numbers = np.array([elements.index(one) for one in elements])
        return numbers[self.frame[:, self.calibration.columns.index("species")].astype(int)]

    @property
    def in_axis_units(self) -> np.ndarray:
        return self.calibration.in_axis_units(self.frame)


def extended(
    frame: np.ndarray,
    *others,
    compute: Callable,
    kept: list[int],
    calibration: _export.Calibration,
    **kwargs,
) -> np.ndarray:
    """Return a frame with the columns that a function of its sites gives."""
    added = compute(Sites(frame, calibration), *others, **kwargs)
    return np.column_stack([frame[:, kept], added])


def strain_in_frame(sites: Sites, region: Callable | None = None, **settings) -> np.ndarray:
    inside = None if region is None else region(sites.frame)
    return _frame_strain.lattice_strain(*sites.places, kinds=sites.kinds, region=inside, **settings)


def strain_against_frame(sites: Sites, reference: tuple) -> np.ndarray:
    return _frame_strain.frame_strain(*sites.places, *reference)


def grains_in_frame(sites: Sites) -> np.ndarray:
    grains = find_grains(sites.places[0], sites.kinds)
    return np.column_stack([grains.labels, grains.sublattices])


def neighbours_in_frame(sites: Sites, cutoff: float | None, voronoi: bool) -> np.ndarray:
    positions, sigma = sites.places
    pairs = bonds(positions, cutoff, voronoi=voronoi)
    return np.column_stack(neighbourhoods(positions, sigma, pairs, sites.calibration.window))


def offsets_in_frame(sites: Sites, column: int, ranges: list[tuple[float, float]]) -> np.ndarray:
    value = sites.frame[:, column]
    centres, among = ((value >= low) & (value <= high) for low, high in ranges)
    return np.column_stack(offsets_from_neighbours(*sites.places, centres, among))


def frame_without_shear(
    frame: np.ndarray, calibration: _export.Calibration, materials: Sequence
) -> tuple[np.ndarray, bool]:
    positions, sigma = Sites(frame, calibration).places
    positions, sigma, known = _frame_strain.without_shear(positions, sigma, materials)
    if not known:
        return frame, False
    moved = frame.copy()
    moved[:, :2] = positions / calibration.sampling
    if sigma is not None:
        columns = [calibration.columns.index(name) for name in _SIGMAS]
        moved[:, columns] = sigma / calibration.sampling
    return moved, True


def map_of_frame(
    frame: np.ndarray, calibration: _export.Calibration, by: str, grid: tuple, resolution: float
) -> np.ndarray:
    values, sigma = frame[:, calibration.at(by)], calibration.values(frame, f"{by}_sigma")
    in_angstrom = tuple(one * unit for one, unit in zip(grid, calibration.sampling, strict=True))
    return column_map(calibration.in_angstrom(frame), values, sigma, in_angstrom, resolution)


def weighted(
    frame: np.ndarray, columns: list[str], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return some columns of a frame, and the weights of their means: inverse variance, else 1."""
    values = frame[:, [columns.index(name) for name in names]]
    weights = np.ones_like(values)
    for at, name in enumerate(names):
        spread = f"{name}_sigma"
        if spread in columns and name not in _UNWEIGHTED:
            # At the edges of an image strains are far less certain, and biased.
            sigma = _cell_fit.usable_sigma(frame[:, columns.index(spread)])
            weights[:, at] = 1.0 if sigma is None else sigma**-2.0
    known = np.isfinite(values)
    return np.where(known, values, 0.0), np.where(known, weights, 0.0)


def means(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted means and their standard errors by the scatter; NaN where none is known."""
    number, total = (weights > 0).sum(axis=0), weights.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights * values).sum(axis=0) / total
        scatter = (weights**2 * (values - mean) ** 2).sum(axis=0)
        error = np.sqrt(scatter * number / np.where(number > 1, number - 1.0, np.nan)) / total
    return mean, error


def stacked_maps(frames: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an object array of maps as one array."""
    return np.array(list(frames.flat), float).reshape(*frames.shape, *shape)


def distance_edges(max_distance: float, bin_width: float) -> np.ndarray:
    """Return the ends of ranges of distances from 0 on (Å)."""
    if not (bin_width > 0 and max_distance >= bin_width and np.isfinite(max_distance)):
        raise ValueError(
            f"bin_width is {bin_width} and max_distance {max_distance}: expected a positive "
            "width in Å, and a distance that is no less."
        )
    return bin_width * np.arange(int(np.floor(max_distance / bin_width + 1e-9)) + 1)


def range_of(value: Any, by: str, species: list[str]) -> tuple[float, float]:
    """Return the lowest and highest value of a column that a sublattice has."""
    if isinstance(value, str):
        if by != "species" or value not in species:
            raise ValueError(
                f"{value!r} is not known: expected a species, one of "
                f"{', '.join(species) or 'none'}; of another column, a value or its lowest and "
                "highest one."
            )
        return species.index(value), species.index(value)
    low, high = value if isinstance(value, tuple | list) else (value, value)
    if not low <= high:
        raise ValueError(f"There is the range {value}: expected the lowest value first.")
    return low, high
