# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a signal by its axes: sampling, and focal series."""

import math
import re
import unicodedata
import uuid
from collections.abc import Sequence
from numbers import Integral, Real
from typing import NamedTuple

import dask.array as da
import numpy as np
from hyperspy.axes import BaseDataAxis
from hyperspy.signals import Signal2D

from hyperspy_dlatoms._warnings import FocalAxisWarning, warn
from hyperspy_dlatoms.detection.masking import unmasked
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.signals._colour import as_grey
from hyperspy_dlatoms.signals._unreadable import read_image

# Frames are grouped into blocks of about this many bytes; a frame is never split.
_BLOCK_SIZE = 32 * 2**20
_RANGE = (0.001, 2.0)  # Å/px: at these atoms can be seen at all, with some margin.
# Relative difference between the samplings along y and x; the calibrated axes of one camera agree
# better.
_TOLERANCE = 0.01
_REMEDY = (
    "Set the axis (for example signal.axes_manager[-1].scale = 0.02 and .units = 'nm', for both "
    "signal axes), give sampling in Å/px, or, for single images, sampling='estimate'."
)
# Channels of pictures in colour, without and with opacity: images this narrow hold no atoms.
_COLOURS = (3, 4)
# Images that are looked at, for each one wanted, where some are blank.
_READ = 4
_FOCAL_NAMES = ("defocus", "focus")
_DEFOCUS = "defocus"  # The values of a "focus" axis may have either sign.
# As users of DigitalMicrograph type it; to pint, A is ampere, which no axis of an image has.
_ANGSTROM = re.compile(r"\b(A|AA|Ang|ang|Angs|angs|Angstroem|angstroem)\b")


class AxesError(ValueError):
    """The axes do not tell the sampling of an image: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str = _REMEDY):
        super().__init__(problem, remedy)
        self.problem = problem

    def __str__(self) -> str:
        return " ".join(self.args)


class _FrequencyError(ValueError):
    """An axis belongs to a Fourier transform or a diffraction pattern."""


class Sampling(NamedTuple):
    """Sampling along the rows and along the columns of an image, Å/px."""

    y: float
    x: float

    @property
    def mean(self) -> float:
        """Geometric mean, Å/px."""
        return self.y if self.y == self.x else math.sqrt(self.y * self.x)


class Series(NamedTuple):
    """The user's arguments about the focal series of a signal; None for those still to be found."""

    focal_axis: str | int | None
    defoci: Sequence[float] | None
    align: bool


class Focus(NamedTuple):
    """The focal series of a signal: their axis of the array, and their defoci."""

    axis: int
    defoci: Sequence[float] | None  # Å, positive is underfocus; None where not known.
    align: bool


class Images(NamedTuple):
    """The images of a signal as a network takes them."""

    frames: da.Array
    """(*navigation, [images of a focal series,] y, x), one navigation axis at least."""
    read: da.Array
    """The same in the chunks in which they are read."""
    navigation: int
    """Number of navigation axes."""
    sampling: Sampling
    pixel_size: float
    """Å/px, the mean of the two samplings."""
    focus: Focus | None
    navigation_axes: list[dict]
    """In the order of the array, without the focal axis; empty for a single image."""
    signal_axes: tuple[BaseDataAxis, BaseDataAxis]
    """y and x."""
    mode: str | None
    """See `acquisition_mode`."""


def read_images(
    signal: Signal2D,
    sampling: float | str | None,
    card: ModelCard | None = None,
    series: Series | None = None,
    *,
    lazy: bool = False,
) -> Images:
    """Return the images of a signal, or its focal series for a network, in blocks."""
    # For a lazy result they are copied, so that it stays right if the signal is changed in place.
    check_images(signal)
    x, y = signal.axes_manager.signal_axes
    focus = None if series is None or card is None else find_focus(signal, card, series)
    focal_axis = None if focus is None else focus.axis
    data = as_grey(signal.data)
    frames, read, navigation = _frames(data.copy() if lazy else data, focal_axis)
    axes = reversed(signal.axes_manager.navigation_axes)
    kept = [axis.get_axis_dictionary() for axis in axes if axis.index_in_array != focal_axis]
    both = frame_sampling((y, x), sampling)
    mode = acquisition_mode(signal)
    return Images(frames, read, navigation, both, both.mean, focus, kept, (y, x), mode)


def acquisition_mode(signal: Signal2D) -> str | None:
    """Return how the images were made, according to their metadata."""
    return signal.metadata.get_item("Acquisition_instrument.TEM.acquisition_mode")


def some_images(signal: Signal2D, number: int) -> np.ndarray:
    """Read a few images, evenly spread and in grey, shape (n, H, W); blank ones if all are."""
    check_images(signal)
    shape = signal.data.shape[:-2]
    count = int(np.prod(shape))
    places = [
        np.linspace(0, count - 1, min(one, count)).round() for one in (number, _READ * number)
    ]
    some: dict[int, np.ndarray] = {}
    shown: list[np.ndarray] = []
    for place in map(int, np.concatenate(places)):
        if place in some or len(shown) == number:
            continue
        index = np.unravel_index(place, shape) if shape else ()
        some[place] = np.asarray(as_grey(unmasked(read_image(signal.data, index))))
        if (some[place] != some[place].flat[0]).any():
            shown.append(some[place])
    return np.stack(shown or list(some.values())[:number])


def is_focal_series(signal: Signal2D) -> bool:
    """Whether images lie along an axis called defocus or focus."""
    return any(_is_called(axis, _FOCAL_NAMES) for axis in signal.axes_manager.navigation_axes)


def check_images(signal: Signal2D) -> None:
    """Raise for complex images, images without pixels, and colours taken for images."""
    # Colours with a data type of their own are left to `as_grey`.
    height, width = signal.data.shape[-2:]
    if 0 in (height, width):
        raise ValueError(f"The images have {height} by {width} pixels: expected one or more.")
    if signal.data.ndim > 2 and width in _COLOURS and height > max(_COLOURS):
        raise ValueError(
            f"The images have {height} by {width} pixels, as if the last axis held red, green and "
            "blue: take one of them, or their mean (data.mean(axis=-1)), for a Signal2D."
        )
    dtype = signal.data.dtype
    if dtype.names is None and dtype.kind not in "biuf":
        remedy = "Take the amplitude, phase or real part of complex images."
        if dtype.kind != "c":
            remedy = "Convert them first, for example with signal.change_dtype('float32')."
        raise TypeError(f"The images have dtype {dtype}: expected real numbers. {remedy}")


def frame_sampling(axes: Sequence[BaseDataAxis], sampling: float | str | None = None) -> Sampling:
    """Return the sampling given, or that of the signal axes y and x, whichever way they run."""
    if sampling is not None:
        if isinstance(sampling, bool) or not isinstance(sampling, Real):
            raise TypeError(
                f'sampling is {sampling!r}: expected a number in Å/px, "estimate", or None.'
            )
        _check_range(float(sampling), "sampling")
        return Sampling(float(sampling), float(sampling))
    y, x = (_axis_sampling(axis) for axis in axes)
    if abs(y - x) > _TOLERANCE * max(y, x):
        raise AxesError(
            f"The signal axes have unequal samplings, {y:.6g} Å/px along y and {x:.6g} Å/px along "
            "x: expected square pixels.",
            "Correct the axes, resample the image, or give sampling in Å/px.",
        )
    return Sampling(y, x)


def axis_unit_in_angstrom(units: object) -> float:
    """Return one unit of an axis in Å; a ValueError continues "The axis ..."."""
    import pint

    if not isinstance(units, str) or not units.strip():
        raise ValueError("has no units")
    registry = pint.get_application_registry()
    written = unicodedata.normalize("NFC", units.strip())
    try:
        unit = _parse(registry, _ANGSTROM.sub("angstrom", written))
    except Exception as error:
        # Pint raises errors of many kinds, its tokenizer's among them.
        raise ValueError(f"has units {units!r}, which are not understood") from error
    # To pint, px is CSS's, 1/96 of an inch.
    if str(unit) in ("css_pixel", "pixel"):
        raise ValueError(f"is in pixels ({units!r})")
    try:
        return float(registry.Quantity(1, unit).to("angstrom").magnitude)
    except pint.DimensionalityError as error:
        text = f"has units {units!r}, which are not a length"
        if registry.Quantity(1, unit).check("1/[length]"):
            raise _FrequencyError(
                f"{text} but a spatial frequency: this is a Fourier transform or a diffraction "
                "pattern"
            ) from error
        raise ValueError(text) from error


def find_focus(signal: Signal2D, card: ModelCard, series: Series) -> Focus:
    """Find the focal axis of a signal, and the defoci of its images."""
    defoci = _checked_defoci(series.defoci)
    axis = _focal_axis(signal, card, series.focal_axis)
    if defoci is not None and len(defoci) != axis.size:
        raise ValueError(
            f"defoci has {len(defoci)} numbers: expected {axis.size}, the defocus of each image of "
            "a focal series in Å."
        )
    return Focus(axis.index_in_array, axis_defoci(axis) if defoci is None else defoci, series.align)


def axis_defoci(axis: BaseDataAxis) -> tuple[float, ...] | None:
    """Return the defoci (Å) of an axis called defocus with a unit of length, else None."""
    if not _is_called(axis, (_DEFOCUS,)):
        return None
    try:
        unit = axis_unit_in_angstrom(axis.units)
    except ValueError:
        return None
    return tuple(float(value) * unit for value in axis.axis)


def _checked_defoci(defoci: Sequence[float] | None) -> tuple[float, ...] | None:
    if defoci is None:
        return None
    expected = "expected a number in Å for each image, or None."
    try:
        array = np.asarray(defoci, float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"defoci is {defoci!r}: {expected}") from error
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"defoci is {defoci!r}: {expected.replace('a ', 'a finite ', 1)}")
    return tuple(array.tolist())


def _frames(data: np.ndarray | da.Array, focal_axis: int | None) -> tuple[da.Array, da.Array, int]:
    """Return frames in blocks, as they are read, and the number of navigation axes."""
    if not isinstance(data, da.Array):
        data = unmasked(data)
        # One chunk first and named without hashing, which would read the whole array; nor copied,
        # as `da.from_array` would.
        name, chunks = f"images-{uuid.uuid4().hex}", tuple((size,) for size in data.shape)
        data = da.Array({(name, *(0,) * data.ndim): data}, name, chunks, meta=data)
    if isinstance(data._meta, np.ma.MaskedArray):
        # The type of the numbers is the same for all blocks, whether any are masked or not.
        data = data.astype(np.promote_types(data.dtype, np.float32)).map_blocks(unmasked)
    if focal_axis is not None:
        data = da.moveaxis(data, focal_axis, -3)
    whole = 2 if focal_axis is None else 3
    if data.ndim == whole:
        data = data[np.newaxis]
    navigation = data.ndim - whole
    chunks = {axis: "auto" if axis < navigation else -1 for axis in range(data.ndim)}
    frame_size = data.dtype.itemsize * int(np.prod(data.shape[-whole:]))
    blocks = data.rechunk(chunks, block_size_limit=max(_BLOCK_SIZE, frame_size))
    return blocks, data, navigation


def _parse(registry, units: str):
    import pint

    try:
        return registry.parse_units(units)
    except pint.UndefinedUnitError:
        return registry.parse_units(units.casefold())


def _axis_sampling(axis) -> float:
    name = f"The signal axis {axis.name!s}"
    if not axis.is_uniform:
        raise AxesError(
            f"{name} is non-uniform: expected one sampling for the whole axis.",
            "First use signal.interpolate_on_axis with a uniform axis, or give sampling in Å/px.",
        )
    try:
        sampling = abs(float(axis.scale)) * axis_unit_in_angstrom(axis.units)
    except _FrequencyError as error:
        raise ValueError(
            f"{name} {error}. Find atoms in the image itself; if this is an image, correct the "
            "units of its axes."
        ) from error
    except ValueError as error:
        raise AxesError(f"{name} {error}, so its sampling is unknown.") from error
    _check_range(sampling, f"{name} (scale {axis.scale:.6g} {axis.units})")
    return sampling


def _check_range(sampling: float, what: str) -> None:
    low, high = _RANGE
    if not low <= sampling <= high:
        raise AxesError(
            f"{what} is {sampling:.6g} Å/px: expected {low} to {high} Å/px, where atoms can be "
            "seen."
        )


def _focal_axis(signal: Signal2D, card: ModelCard, asked: str | int | None) -> BaseDataAxis:
    manager, images = signal.axes_manager, card.images
    # As printed: fastest first, which is the last axis of the array before the image axes.
    axes = manager.navigation_axes
    if not axes:
        raise ValueError(
            f"The signal has no navigation axes: {card.name!r} takes focal series of {images} "
            "images, expected an axis along which they lie. Put single images together with "
            "hs.stack(images, new_axis_name='defocus')."
        )
    there = f"The navigation axes are {', '.join(map(_described, axes))}."
    if asked is not None:
        return _of_length(_asked_axis(manager, asked, there), card, there)
    named = [axis for axis in axes if _is_called(axis, _FOCAL_NAMES)]
    if len(named) > 1:
        raise ValueError(f"There are {len(named)} axes called defocus or focus: give focal_axis.")
    if named:
        return _of_length(named[0], card, there)
    fitting = [axis for axis in axes if axis.size == images]
    if not fitting:
        raise ValueError(
            f"No navigation axis has the {images} images of a focal series that {card.name!r} "
            f"takes. {there}"
        )
    if len(fitting) > 1:
        warn(
            f"Several navigation axes are {images} long: {_described(fitting[0])} is taken as the "
            "focal axis. Give focal_axis, or call the axis 'defocus'.",
            FocalAxisWarning,
        )
    return fitting[0]


def _asked_axis(manager, asked: str | int, there: str) -> BaseDataAxis:
    if isinstance(asked, bool) or not isinstance(asked, str | Integral):
        raise TypeError(
            f"focal_axis is {asked!r}: expected the name or the index of an axis, or None."
        )
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
    images = card.images
    if axis.size != images:
        raise ValueError(
            f"The focal axis, {_described(axis)}, has {axis.size} images: {card.name!r} takes "
            f"focal series of {images}. {there} Pick {images} images with inav, or give focal_axis."
        )
    return axis


def _is_called(axis: BaseDataAxis, names: Sequence[str]) -> bool:
    return isinstance(axis.name, str) and axis.name.strip().casefold() in names


def _described(axis: BaseDataAxis) -> str:
    name = repr(axis.name) if isinstance(axis.name, str) and axis.name else "one without a name"
    return f"{name} (index {axis.index_in_axes_manager}, {axis.size} long)"
