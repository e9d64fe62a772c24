# SPDX-License-Identifier: GPL-3.0-or-later
"""HyperSpy's operations that cut or reorder frames, applied to all results for each frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from hyperspy.signals import BaseSignal

from hyperspy_dlatoms.signals._quality import REPORTS

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions

# Which frames of the images they are, along each axis.
_NUMBERS = ("first_frames", "frame_steps")


def crop(
    self: AtomPositions,
    axis: Any,
    start: float | None = None,
    end: float | None = None,
    convert_units: bool = False,
) -> None:
    """Crop a navigation axis in place; see ``hyperspy.api.signals.BaseSignal.crop``.

    Parameters
    ----------
    axis : int or str
        The axis.
    start, end : int, float or None
        An index, or a float for a value on the axis; None for the end of the axis.
    convert_units : bool, default False
        Whether to convert the unit of the axis.
    """
    within = [slice(None)] * self.axes_manager.navigation_dimension
    within[self.axes_manager[axis].index_in_axes_manager] = slice(start, end)
    part = self.inav[tuple(within)]
    if part.metadata.has_item("VectorMetadata"):
        self.metadata.VectorMetadata = part.metadata.VectorMetadata
    BaseSignal.crop(self, axis, start, end, convert_units)


def split(
    self: AtomPositions,
    axis: Any = "auto",
    number_of_parts: int | str = "auto",
    step_sizes: Any = "auto",
) -> list[AtomPositions]:
    """Split along a navigation axis; see ``hyperspy.api.signals.BaseSignal.split``.

    Parameters
    ----------
    axis : int or str, default "auto"
        The axis.
    number_of_parts : int, default "auto"
        Into how many parts of equal size.
    step_sizes : int or list of int, default "auto"
        The sizes of the parts.

    Returns
    -------
    list of AtomPositions
        The parts.
    """
    return _followed(self, BaseSignal.split, axis, number_of_parts, step_sizes)


def squeeze(self: AtomPositions) -> AtomPositions:
    """Drop navigation axes of length one; see ``hyperspy.api.signals.BaseSignal.squeeze``.

    Returns
    -------
    AtomPositions
        A new signal.
    """
    axes = self.axes_manager.navigation_axes
    if not axes:
        return BaseSignal.squeeze(self)
    part: AtomPositions = self.inav[tuple(0 if one.size == 1 else slice(None) for one in axes)]
    return part


def swap_axes(self: AtomPositions, axis1: Any, axis2: Any, optimize: bool = False) -> AtomPositions:
    """Swap two navigation axes; see ``hyperspy.api.signals.BaseSignal.swap_axes``.

    Parameters
    ----------
    axis1, axis2 : int or str
        The axes.
    optimize : bool, default False
        Whether to make the data contiguous.

    Returns
    -------
    AtomPositions
        A copy with the axes swapped.
    """
    (swapped,) = _followed(self, BaseSignal.swap_axes, axis1, axis2, optimize)
    return swapped


def rollaxis(self: AtomPositions, axis: Any, to_axis: Any, optimize: bool = False) -> AtomPositions:
    """Move a navigation axis before another; see ``hyperspy.api.signals.BaseSignal.rollaxis``.

    Parameters
    ----------
    axis, to_axis : int or str
        The axes.
    optimize : bool, default False
        Whether to make the data contiguous.

    Returns
    -------
    AtomPositions
        A copy with the axis moved.
    """
    (rolled,) = _followed(self, BaseSignal.rollaxis, axis, to_axis, optimize)
    return rolled


def get_current_signal(
    self: AtomPositions,
    auto_title: bool = True,
    auto_filename: bool = True,
    as_numpy: bool = False,
) -> AtomPositions:
    """Return the atoms of the image at the current indices, as when looping over the signal.

    Parameters
    ----------
    auto_title, auto_filename : bool, default True
        Whether to add the indices to the title, and to the file name.
    as_numpy : bool, default False
        Without effect, since atoms are NumPy arrays.

    Returns
    -------
    AtomPositions
        Without navigation axes, computed.
    """
    indices = self.axes_manager.indices
    one = (self.inav[indices] if indices else self.deepcopy())._computed()
    if auto_title:
        one.metadata.General.title = f"{self.metadata.General.title} {indices}"
    if auto_filename and self.tmp_parameters.has_item("filename"):
        one.tmp_parameters.add_dictionary(self.tmp_parameters.as_dictionary())
        one.tmp_parameters.filename = f"{self.tmp_parameters.filename}_{indices}"
    return one


def _followed(
    atoms: AtomPositions, operation: Callable[..., Any], *arguments: Any
) -> list[AtomPositions]:
    """Return the frames, and the results for each, in the order that HyperSpy puts them."""
    # The operation is applied to the numbers of the frames.
    numbers = BaseSignal(
        np.arange(atoms.data.size).reshape(atoms.data.shape),
        axes=atoms.axes_manager._get_navigation_axes_dicts(),
        metadata={"_HyperSpy": atoms.metadata._HyperSpy.as_dictionary()},
    )
    results = operation(numbers, *arguments)
    return [_picked(atoms, one) for one in (results if isinstance(results, list) else [results])]


def _picked(atoms: AtomPositions, numbers: BaseSignal) -> AtomPositions:
    """Return the frames with some numbers, along the axes of these numbers."""
    order = numbers.data

    def picked(values: Any) -> Any:
        of_frame = values.shape[atoms.data.ndim :]
        return values.reshape(-1, *of_frame)[order.ravel()].reshape(*order.shape, *of_frame)

    made: AtomPositions = atoms._like(
        picked(atoms.data), axes=numbers.axes_manager._get_navigation_axes_dicts()
    )
    vectors = made.metadata.VectorMetadata
    for name in _NUMBERS:
        # The axes have them.
        if vectors.has_item(name):
            delattr(vectors, name)
    for name in REPORTS:
        values = vectors.get_item(name)
        if isinstance(values, list):
            vectors[name] = np.take(values, order.ravel()).tolist()
        elif values is not None:
            vectors[name] = picked(values)
    return made
