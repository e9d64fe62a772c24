# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions applied to the frames of positions, lazily if these are lazy."""

from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
import numpy as np


def map_frames(
    function: Callable, frames: np.ndarray | da.Array, *others: np.ndarray | da.Array
) -> Any:
    """Apply a function to each frame, and to the entries of others (*navigation, ...) there."""

    def of_block(block: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        results = np.empty(block.shape, object)
        for index in np.ndindex(block.shape):
            results[index] = function(block[index], *(part[index] for part in parts))
        return results

    if not isinstance(frames, da.Array):
        return of_block(frames, *map(np.asarray, others))
    navigation = tuple(range(frames.ndim))
    arguments = [frames, navigation]
    for one in others:
        array = one if isinstance(one, da.Array) else da.from_array(one, chunks=-1, name=False)
        whole = dict.fromkeys(range(frames.ndim, array.ndim), -1)
        arguments += [array.rechunk(dict(enumerate(frames.chunks)) | whole), range(array.ndim)]
    # Without meta dask would call the function on an empty block to infer the result.
    meta = np.empty((0,) * frames.ndim, object)
    return da.blockwise(of_block, navigation, *arguments, dtype=object, concatenate=True, meta=meta)


def block_of(index: Sequence[int], chunks: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the block of a dask array that contains a frame."""
    both = zip(index, chunks, strict=True)
    return tuple(int(np.searchsorted(np.cumsum(sizes), at, side="right")) for at, sizes in both)
