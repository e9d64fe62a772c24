# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions applied to the frames of positions, lazily where these are lazy."""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np


def map_blocks(function: Callable, array: da.Array, *others: da.Array, **kwargs) -> da.Array:
    """Apply a function of object arrays block by block."""
    # Without meta dask would call the function on an empty block to learn what comes out.
    meta = np.empty((0,) * array.ndim, object)
    return da.map_blocks(function, array, *others, dtype=object, meta=meta, **kwargs)


def map_frames(
    function: Callable, frames: np.ndarray | da.Array, *others: np.ndarray | da.Array, **kwargs
) -> np.ndarray | da.Array:
    """Apply a function of one frame, and of those in the same place in others, to each."""
    if isinstance(frames, da.Array):
        some = [
            one.rechunk(frames.chunks)
            if isinstance(one, da.Array)
            else da.from_array(one, chunks=frames.chunks)
            for one in others
        ]
        return map_blocks(_each, frames, *some, of_frame=function, **kwargs)
    computed = [one.compute() if isinstance(one, da.Array) else one for one in others]
    return _each(frames, *computed, of_frame=function, **kwargs)


def _each(frames: np.ndarray, *others: np.ndarray, of_frame: Callable, **kwargs) -> np.ndarray:
    results = np.empty(frames.shape, object)
    for index in np.ndindex(frames.shape):
        results[index] = of_frame(frames[index], *(one[index] for one in others), **kwargs)
    return results
