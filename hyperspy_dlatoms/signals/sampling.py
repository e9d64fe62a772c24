# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampling of an image, from its signal axes."""

from __future__ import annotations

import math
from numbers import Real
from typing import NamedTuple

#: The sampling (Å/px) at which atoms can be seen at all, with room on both sides.
_RANGE = (0.001, 2.0)
#: The largest relative difference between the sampling along y and along x.
_TOLERANCE = 0.01
_REMEDY = (
    "Set the axis (for example signal.axes_manager[-1].scale = 0.02 and .units = 'nm', for both "
    "signal axes), give sampling in Å/px, or have it found with sampling='estimate'."
)


class Sampling(NamedTuple):
    """Sampling along the two directions of an image.

    Attributes
    ----------
    y, x : float
        Å/px along the rows' direction and along the columns' direction.

    Examples
    --------
    >>> Sampling(0.1, 0.1).mean
    0.1
    """

    y: float
    x: float

    @property
    def mean(self) -> float:
        """Geometric mean of the two, Å/px."""
        return self.y if self.y == self.x else math.sqrt(self.y * self.x)


def frame_sampling(axes, sampling: float | None = None) -> Sampling:
    """Return the sampling of an image in Å/px.

    Parameters
    ----------
    axes : sequence of hyperspy.axes.DataAxis
        The signal axes y and x.
    sampling : float, optional
        Å/px; used instead of the axes where it is given.

    Returns
    -------
    Sampling
        Å/px along y and x. The sign of an axis that runs backwards is dropped, since pixels are
        counted from the array's first in any case.

    Raises
    ------
    ValueError
        For axes without a length unit, unequal or non-uniform ones, and for a sampling at which
        no atom can be seen.
    TypeError
        For a `sampling` that is not a number.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> import numpy as np
    >>> image = hs.signals.Signal2D(np.zeros((8, 8)))
    >>> for axis in image.axes_manager.signal_axes:
    ...     axis.scale, axis.units = 0.02, "nm"
    >>> frame_sampling(image.axes_manager.signal_axes[::-1]).mean
    0.2
    """
    if sampling is not None:
        if isinstance(sampling, bool) or not isinstance(sampling, Real):
            raise TypeError(
                f'sampling is {sampling!r}: expected a number in Å/px, "estimate", or None.'
            )
        _check_range(float(sampling), "sampling")
        return Sampling(float(sampling), float(sampling))
    y, x = (_axis_sampling(axis) for axis in axes)
    if abs(y - x) > _TOLERANCE * max(y, x):
        raise ValueError(
            f"The signal axes have unequal samplings, {y:.6g} Å/px along y and {x:.6g} Å/px along "
            "x: expected square pixels. Correct the axes, resample the image, or give sampling in "
            "Å/px."
        )
    return Sampling(y, x)


def axis_unit_in_angstrom(units: object) -> float:
    """Return the length of an axis's unit in Å.

    Parameters
    ----------
    units : str or object
        The units of an axis, as HyperSpy stores them.

    Returns
    -------
    float
        Å in one unit.

    Raises
    ------
    ValueError
        Where the unit is missing or not a length.

    Examples
    --------
    >>> axis_unit_in_angstrom("nm")
    10.0
    """
    import pint

    if not isinstance(units, str) or not units.strip():
        raise ValueError("has no units")
    registry = pint.get_application_registry()
    try:
        unit = _parse(registry, units.strip())
    except Exception as error:
        # Pint raises errors of many kinds, its tokenizer's among them.
        raise ValueError(f"has units {units!r}, which are not understood") from error
    if str(unit) == "ampere":
        raise ValueError(f"has units {units!r}, which is ampere; ångström is written 'Å'")
    # To pint, px is CSS's, 1/96 of an inch.
    if str(unit) in ("css_pixel", "pixel"):
        raise ValueError(f"is in pixels ({units!r})")
    try:
        return float(registry.Quantity(1, unit).to("angstrom").magnitude)
    except pint.DimensionalityError as error:
        raise ValueError(f"has units {units!r}, which are not a length") from error


def _parse(registry, units: str):
    import pint

    try:
        return registry.parse_units(units)
    except pint.UndefinedUnitError:
        return registry.parse_units(units.casefold())


def _axis_sampling(axis) -> float:
    name = f"The signal axis {axis.name!s}"
    if not axis.is_uniform:
        raise ValueError(
            f"{name} is non-uniform: expected one sampling for the whole axis. Use "
            "signal.interpolate_on_axis with a uniform axis first, or give sampling in Å/px."
        )
    try:
        sampling = abs(float(axis.scale)) * axis_unit_in_angstrom(axis.units)
    except ValueError as error:
        raise ValueError(f"{name} {error}, so its sampling is unknown. {_REMEDY}") from error
    _check_range(sampling, f"{name} (scale {axis.scale:.6g} {axis.units})")
    return sampling


def _check_range(sampling: float, what: str) -> None:
    low, high = _RANGE
    if not low <= sampling <= high:
        raise ValueError(
            f"{what} is {sampling:.6g} Å/px: expected {low} to {high} Å/px, where atoms can be "
            f"seen. {_REMEDY}"
        )
