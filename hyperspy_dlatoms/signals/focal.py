# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a focal series among the images of a signal, and their defoci."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from hyperspy_dlatoms.networks.domain import ExtrapolationError
from hyperspy_dlatoms.signals.arguments import Series
from hyperspy_dlatoms.signals.sampling import axis_unit_in_angstrom

if TYPE_CHECKING:
    from hyperspy.axes import BaseDataAxis
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.networks.card import ModelCard

#: What a focal axis is called, in any case.
_NAMES = ("defocus", "focus")
#: Whose values are defoci with the sign that is meant here; of a "focus" it is anyone's guess.
_VALUES = "defocus"


class Focus(NamedTuple):
    """How the images of a signal make focal series.

    Attributes
    ----------
    axis : int
        The axis of the array along which the images of one series lie.
    defoci : tuple of float or None
        Of the images, Å, positive is underfocus; None where not known.
    align : bool
        Whether the images of a series are brought onto its middle one first.
    """

    axis: int
    defoci: tuple[float, ...] | None
    align: bool


def find_focus(signal: Signal2D, card: ModelCard, series: Series) -> Focus:
    """Find the focal axis of a signal, and what the defoci of its images are.

    Parameters
    ----------
    signal : Signal2D
        Images.
    card : ModelCard
        Of a network of focal series.
    series : Series
        What the user says of them.

    Returns
    -------
    Focus

    Raises
    ------
    ValueError
        If there is no such axis, or it is not of the length that the network expects, or there are
        not as many defoci.
    """
    axis = _focal_axis(signal, card, series.focal_axis)
    defoci = series.defoci
    if defoci is not None and len(defoci) != axis.size:
        raise ValueError(
            f"defoci has {len(defoci)} numbers: expected {axis.size}, the defocus of each image of "
            "a focal series in Å."
        )
    if defoci is None:
        defoci = axis_defoci(axis)
    return Focus(axis.index_in_array, defoci, series.align)


def images_of(card: ModelCard) -> int:
    """Return how many images of a focal series a network looks at; 1 for single images.

    Parameters
    ----------
    card : ModelCard
        Of the network.

    Returns
    -------
    int
    """
    return card.arguments.get("images", 1)


def axis_defoci(axis: BaseDataAxis) -> tuple[float, ...] | None:
    """Read defoci from an axis, if it says that it has them.

    Parameters
    ----------
    axis : hyperspy.axes.BaseDataAxis
        Navigation axis.

    Returns
    -------
    tuple of float or None
        Å, positive is underfocus; None where the axis is not called defocus, or its unit is not one
        of length.

    Examples
    --------
    >>> from hyperspy.axes import UniformDataAxis
    >>> axis_defoci(UniformDataAxis(size=3, name="defocus", scale=-4, offset=4, units="nm"))
    (40.0, 0.0, -40.0)
    >>> axis_defoci(UniformDataAxis(size=3, name="time", units="s")) is None
    True
    """
    if not _is_called(axis, (_VALUES,)):
        return None
    try:
        unit = axis_unit_in_angstrom(axis.units)
    except ValueError:
        return None
    return tuple(float(value) * unit for value in axis.axis)


def check_defocus_domain(
    defoci: Sequence[float] | None, card: ModelCard, on_extrapolation: str
) -> None:
    """Say or refuse defoci that a network was not trained on.

    Parameters
    ----------
    defoci : sequence of float or None
        Of the images, Å; None where not known.
    card : ModelCard
        Of the network. Its domain has the range of ``defocus``, of the middle image, and of
        ``defocus_step``, from one image to the next, in Å; either may be missing. A step that runs
        the other way is as good.
    on_extrapolation : {"warn", "raise", "ignore"}
        What is done.

    Raises
    ------
    ExtrapolationError
        With ``"raise"``, if they are outside.

    Warns
    -----
    UserWarning
        With ``"warn"``, if they are outside.
    """
    if defoci is None or on_extrapolation == "ignore":
        return
    reasons = []
    middle, allowed = defoci[len(defoci) // 2], card.domain.get("defocus")
    if allowed is not None and not allowed[0] <= middle <= allowed[1]:
        reasons.append(
            f"the defocus of the middle image is {middle:g} Å, expected {allowed[0]:g} to "
            f"{allowed[1]:g} Å"
        )
    allowed = card.domain.get("defocus_step")
    steps = [after - before for before, after in zip(defoci, defoci[1:], strict=False)]
    outside = [
        step
        for step in steps
        if allowed is not None and not any(allowed[0] <= s <= allowed[1] for s in (step, -step))
    ]
    if outside:
        reasons.append(
            f"the step of defocus is {', '.join(f'{step:g}' for step in outside)} Å, expected "
            f"{allowed[0]:g} to {allowed[1]:g} Å in either direction"
        )
    if not reasons:
        return
    text = f"The focal series is outside what {card.name!r} was trained on: {'; '.join(reasons)}."
    if on_extrapolation == "raise":
        raise ExtrapolationError(
            f'{text} Use another network, or on_extrapolation="warn" to have the atoms in spite of '
            "it."
        )
    warnings.warn(
        f"{text} Check the defoci, their unit and their sign (positive is underfocus).",
        stacklevel=4,
    )


def _focal_axis(signal: Signal2D, card: ModelCard, asked: str | int | None) -> BaseDataAxis:
    manager, images = signal.axes_manager, images_of(card)
    # As printed: the first one is the fastest, the last axis of the array before the image's.
    axes = manager.navigation_axes
    if not axes:
        raise ValueError(
            f"The signal has no navigation axes: {card.name!r} looks at focal series of {images} "
            "images, expected an axis along which they lie. Put single images together with "
            "hs.stack(images, new_axis_name='defocus')."
        )
    there = f"The navigation axes are {', '.join(map(_described, axes))}."
    if asked is not None:
        return _of_length(_asked_axis(manager, asked, there), card, there)
    named = [axis for axis in axes if _is_called(axis, _NAMES)]
    if len(named) > 1:
        raise ValueError(f"There are {len(named)} axes called defocus or focus: give focal_axis.")
    if named:
        return _of_length(named[0], card, there)
    fitting = [axis for axis in axes if axis.size == images]
    if not fitting:
        raise ValueError(
            f"No navigation axis has the {images} images of a focal series that {card.name!r} "
            f"looks at. {there}"
        )
    if len(fitting) > 1:
        warnings.warn(
            f"Several navigation axes are {images} long: {_described(fitting[0])} is taken for the "
            "focal axis. Give focal_axis, or call the axis 'defocus'.",
            stacklevel=5,
        )
    return fitting[0]


def _asked_axis(manager, asked: str | int, there: str) -> BaseDataAxis:
    try:
        axis = manager[asked]
    except (ValueError, IndexError) as error:
        raise ValueError(f"focal_axis is {asked!r}: there is no such axis. {there}") from error
    if not axis.navigate:
        raise ValueError(
            f"focal_axis is {asked!r}, a signal axis: expected a navigation axis. {there}"
        )
    return axis


def _of_length(axis: BaseDataAxis, card: ModelCard, there: str) -> BaseDataAxis:
    images = images_of(card)
    if axis.size != images:
        raise ValueError(
            f"The focal axis, {_described(axis)}, has {axis.size} images: {card.name!r} looks at "
            f"focal series of {images}. {there} Pick {images} images with inav, or give focal_axis."
        )
    return axis


def _is_called(axis: BaseDataAxis, names: Sequence[str]) -> bool:
    return isinstance(axis.name, str) and axis.name.strip().casefold() in names


def _described(axis: BaseDataAxis) -> str:
    name = repr(axis.name) if isinstance(axis.name, str) and axis.name else "one without a name"
    return f"{name} (index {axis.index_in_axes_manager}, {axis.size} long)"
