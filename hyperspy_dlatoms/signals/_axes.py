# SPDX-License-Identifier: GPL-3.0-or-later
"""What the axes of a signal say: its frames, their sampling, and where focal series lie."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import dask.array as da
import numpy as np
from hyperspy.signals import Signal2D

from hyperspy_dlatoms.networks.domain import ExtrapolationError
from hyperspy_dlatoms.signals._arguments import Series

if TYPE_CHECKING:
    from hyperspy.axes import BaseDataAxis

    from hyperspy_dlatoms.networks.card import ModelCard

#: Frames are grouped into blocks of about so many bytes; one frame is never cut.
_BLOCK_SIZE = 32 * 2**20


def check_images(signal: Signal2D) -> None:
    """Refuse images that are not of real numbers.

    Parameters
    ----------
    signal : Signal2D
        Images.

    Raises
    ------
    TypeError
        If they are complex or in colour.
    """
    dtype = signal.data.dtype
    if dtype.names is not None:
        raise TypeError(
            f"The images are in colour (dtype {dtype}): expected one real number a pixel. "
            "Use signal.change_dtype('uint8') and pick or add up the channels."
        )
    if dtype.kind not in "biuf":
        raise TypeError(
            f"The images have dtype {dtype}: expected real numbers. "
            "Take the amplitude, phase or real part of complex images."
        )


def frames_of(signal: Signal2D, focal_axis: int | None = None) -> da.Array:
    """Return the images as a dask array, whose chunks cut no image and no focal series.

    Parameters
    ----------
    signal : Signal2D
        Images.
    focal_axis : int, optional
        The axis of its array along which the images of a focal series lie.

    Returns
    -------
    dask.array.Array
        The navigation axes in the order of the array, at least one, which is of length 1 where the
        signal has none; then the focal axis if there is one; then y and x.
    """
    data = signal.data
    if not isinstance(data, da.Array):
        # One chunk first and named without hashing, which would read the whole array.
        data = da.from_array(data, chunks=-1, name=False)
    if focal_axis is not None:
        data = da.moveaxis(data, focal_axis, -3)
    whole = 2 if focal_axis is None else 3
    if data.ndim == whole:
        data = data[np.newaxis]
    navigation = data.ndim - whole
    chunks = {axis: "auto" if axis < navigation else -1 for axis in range(data.ndim)}
    frame_size = data.dtype.itemsize * int(np.prod(data.shape[-whole:]))
    return data.rechunk(chunks, block_size_limit=max(_BLOCK_SIZE, frame_size))


def image_axes(signal: Signal2D) -> tuple:
    """Return the signal axes y and x.

    Parameters
    ----------
    signal : Signal2D
        Images.

    Returns
    -------
    tuple of hyperspy.axes.DataAxis
    """
    x, y = signal.axes_manager.signal_axes
    return y, x


def navigation_axes(signal: Signal2D, focal_axis: int | None = None) -> list[dict]:
    """Describe the navigation axes in the order of the array, the focal axis left out.

    Parameters
    ----------
    signal : Signal2D
        Images.
    focal_axis : int, optional
        The axis of its array along which the images of a focal series lie.

    Returns
    -------
    list of dict
        What HyperSpy makes axes from.
    """
    axes = reversed(signal.axes_manager.navigation_axes)
    return [axis.get_axis_dictionary() for axis in axes if axis.index_in_array != focal_axis]


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
    return card.images


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
