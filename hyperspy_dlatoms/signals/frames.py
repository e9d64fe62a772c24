# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a signal, in blocks that cut none of them."""

from __future__ import annotations

import dask.array as da
import numpy as np
from hyperspy.signals import Signal2D

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
