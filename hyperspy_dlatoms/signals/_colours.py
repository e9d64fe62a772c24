# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of atoms, the same in every picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable

    from hyperspy_dlatoms.signals._export import Calibration

# If nothing distinguishes the atoms.
PLAIN = "#ff2d55"
# Okabe and Ito, "Color Universal Design" (2008), without black; the brightest first, since images
# are grey.
PALETTE = ("#56b4e9", "#f0e442", "#d55e00", "#cc79a7", "#009e73", "#e69f00", "#0072b2")
BY_HAND = PALETTE[1]  # Of atoms added by hand.
TINT = (0.0, 0.45, 0.9, 0.45)  # RGBA of masked pixels: the image shows through.
_NONE = (0.5, 0.5, 0.5, 0.5)  # RGBA of atoms without a value or a label.
_FRACTIONS = ("probability", "agreement")  # Columns between 0 and 1, which have fixed colours.
# Columns of numbers that are labels, which have one colour each.
LABELS = ("species", "grain", "sublattice", "coordination")
# Prefixes of columns with either sign, whose colours are white at 0.
_SIGNED = ("e_", "rotation", "u_", "offset_")
_LEAST = 1e-4  # Strain, rad or Å: colours of signed columns end no lower; less is rounding.
_LIMITS = 2.0, 98.0  # Percentiles at which the colours of other columns end.
_LISTED = 3  # Labels that a legend names for one colour.
# Names of colour maps, and the part of each that shows up on dark images.
_FRACTION = "cool", 0.0, 1.0
_NUMBER = "viridis", 0.2, 1.0
_DIFFERENCE = "RdBu_r", 0.1, 0.9
# Axis labels of columns, with the units.
_NAMES = {
    "e_xx": "strain along x",
    "e_yy": "strain along y",
    "e_xy": "shear strain",
    "rotation": "rotation (rad)",
    "height": "height (atoms)",
    "y": "y (px)",
    "x": "x (px)",
    "distance": "distance of the neighbours (Å)",
    "u_y": "displacement along y (Å)",
    "u_x": "displacement along x (Å)",
    "offset_y": "offset along y (Å)",
    "offset_x": "offset along x (Å)",
    "y_sigma": "standard deviation along y (px)",
    "x_sigma": "standard deviation along x (px)",
}


class Colouring(NamedTuple):
    """How a column colours atoms: labels by the palette, numbers between two limits."""

    by: str
    column: int
    limits: tuple[float, float] | None  # None for labels.
    known: bool = True  # Whether the limits are given, or come from values.

    @classmethod
    def of(
        cls,
        calibration: Calibration,
        by: str,
        frames: Iterable[np.ndarray],
        limits: tuple[float, float] | None = None,
    ) -> Colouring:
        """Return the colouring by a column; without limits, they come from some frames."""
        there = [name for name in calibration.columns if name not in ("y", "x")]
        if by not in there:
            raise ValueError(f"by is {by!r}: expected {' or '.join(map(repr, there))}, or None.")
        column = calibration.columns.index(by)
        if by in LABELS:
            return cls(by, column, None)
        if limits is None and by in _FRACTIONS:
            limits = (0.0, 1.0)
        if limits is not None:
            return cls(by, column, limits)
        values = np.concatenate([frame[:, column] for frame in frames] or [np.empty(0)])
        values = values[np.isfinite(values)]
        return cls(by, column, _limits(values, by), len(values) > 0)

    def colours(self, frame: np.ndarray) -> np.ndarray:
        """Return the RGBA colours of the atoms of a frame, shape (n, 4), grey and faint for NaN."""
        values = frame[:, self.column]
        if self.limits is None:
            return colours_of_labels(np.where(np.isfinite(values), values, -1))
        known = np.isfinite(values)[:, None]
        return np.where(known, self.scale().to_rgba(values), _NONE)

    def scale(self) -> ScalarMappable:
        """Return what a colour bar shows: blue to white to red for signed numbers."""
        # Fractions go from cyan to magenta, others from dark blue to yellow.
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        assert self.limits is not None
        part = _FRACTION if self.by in _FRACTIONS else _NUMBER
        if _signed(self.by):
            part = _DIFFERENCE
        return ScalarMappable(Normalize(*self.limits), colour_map(*part))

    def labels(self, frames: Iterable[np.ndarray], species: list[str]) -> dict[int, str]:
        """Return what a legend shows: the names of the labels in some frames, by their colour."""
        if self.by == "species":
            return dict(enumerate(species))
        values = np.concatenate([frame[:, self.column] for frame in frames] or [np.empty(0)])
        alike: dict[int, list[str]] = {}
        for one in np.unique(values[np.isfinite(values)]).astype(int):
            alike.setdefault(int(one) % len(PALETTE) if one >= 0 else -1, []).append(str(one))
        return {
            colour: f"{self.by} {', '.join(some[:_LISTED])}{', …' * (len(some) > _LISTED)}"
            if colour >= 0
            else f"no {self.by}"
            for colour, some in alike.items()
        }


def colour_map(name: str = _NUMBER[0], low: float = _NUMBER[1], high: float = _NUMBER[2]) -> Any:
    """Return a part of a Matplotlib colour map, by default the one for numbers."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    colours = matplotlib.colormaps[name](np.linspace(low, high, 256))
    return LinearSegmentedColormap.from_list(name, colours)


def name_of(column: str) -> str:
    """Return the axis label of a column."""
    of = column.removesuffix("_sigma")
    if column not in _NAMES and of != column:
        return f"standard deviation of {_NAMES.get(of, of)}"
    return _NAMES.get(column, column)


def colours_of_labels(labels: np.ndarray) -> np.ndarray:
    """Return RGBA (n, 4) of labels, colour-blind safe; repeats after 7, grey for -1."""
    from matplotlib.colors import to_rgba_array

    labels = np.asarray(labels, int)
    colours = to_rgba_array(PALETTE)[labels % len(PALETTE)]
    return np.where(labels[..., None] >= 0, colours, _NONE)


def _signed(by: str) -> bool:
    return by.startswith(_SIGNED) and not by.endswith("_sigma")


def _limits(values: np.ndarray, by: str) -> tuple[float, float]:
    """Return the values of a column at which its colours end."""
    if not len(values):
        return (-1.0, 1.0) if _signed(by) else (0.0, 1.0)
    if _signed(by):
        end = max(float(np.percentile(np.abs(values), _LIMITS[1])), _LEAST)
        return -end, end
    low, high = (float(one) for one in np.percentile(values, _LIMITS))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
