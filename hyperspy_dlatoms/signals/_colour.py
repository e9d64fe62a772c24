# SPDX-License-Identifier: GPL-3.0-or-later
"""Images stored in colour that are grey."""

import dask.array as da
import numpy as np


def as_grey(data: np.ndarray | da.Array) -> np.ndarray | da.Array:
    """Return one channel of images with equal channels, and other images unchanged."""
    # Lazy images are checked when they are computed.
    if data.dtype.names is None:
        return data
    if data.dtype.names[:3] != ("R", "G", "B"):
        raise TypeError(f"The images have dtype {data.dtype}: expected one real number per pixel.")
    if not isinstance(data, da.Array):
        return one_channel(data)
    dtype = data.dtype["R"]
    return da.map_blocks(one_channel, data, dtype=dtype, meta=np.empty((0,) * data.ndim, dtype))


def one_channel(image: np.ndarray) -> np.ndarray:
    """Return the red channel of a structured array with R, G, B and perhaps A, all alike."""
    red = image["R"]
    if not ((red == image["G"]).all() and (red == image["B"]).all()):
        raise TypeError(
            "The images are in colour: red, green and blue differ, expected grey images. "
            "Convert them first, for example with Image > Type > 8-bit of ImageJ, or use the file "
            "that the microscope wrote, without coloured marks."
        )
    if "A" in (image.dtype.names or ()) and (image["A"] != np.iinfo(image.dtype["A"]).max).any():
        raise TypeError(
            "The images are partly transparent: expected opaque ones. Flatten them first, or "
            "remove their alpha channel."
        )
    return np.ascontiguousarray(red)
