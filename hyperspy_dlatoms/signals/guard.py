# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about images that a network was not trained on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np

from hyperspy_dlatoms.networks.domain import ExtrapolationError, Verdict

if TYPE_CHECKING:
    from hyperspy.misc.utils import DictionaryTreeBrowser

_NAMED = 5


def settle(metadata: DictionaryTreeBrowser, verdicts: np.ndarray) -> None:
    """Put the scores of images into the metadata, and say or refuse what is outside.

    Parameters
    ----------
    metadata : hyperspy.misc.utils.DictionaryTreeBrowser
        With the name of the network, `model`, and with `on_extrapolation`. Its `domain` becomes a
        list of float, in the order of the data; it goes where the network does not know its domain.
    verdicts : numpy.ndarray
        Object array of Verdict or None, one an image.

    Raises
    ------
    ExtrapolationError
        That names the images and the reasons, with ``on_extrapolation="raise"``.

    Warns
    -----
    UserWarning
        That names the images and the reasons, with ``on_extrapolation="warn"``.
    """
    if any(verdict is None for verdict in verdicts.ravel()):
        del metadata.domain
        return
    text = _description(verdicts, metadata.model)
    if text and metadata.on_extrapolation == "raise":
        raise ExtrapolationError(
            f'{text} Use another network, or on_extrapolation="warn" to have the atoms in spite of '
            "it."
        )
    if text and metadata.on_extrapolation == "warn":
        warnings.warn(f"{text} Check what was found in them.", stacklevel=4)
    metadata.domain = [float(verdict.score) for verdict in verdicts.ravel()]


def pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Put two object arrays together, so that dask computes both in one pass.

    Parameters
    ----------
    first, second : numpy.ndarray
        Object arrays of one shape.

    Returns
    -------
    numpy.ndarray
        Object array of the same shape, of pairs.
    """
    pairs = np.empty(first.shape, object)
    for index in np.ndindex(first.shape):
        pairs[index] = first[index], second[index]
    return pairs


def part(pairs: np.ndarray, which: int) -> np.ndarray:
    """Take one of what was put together.

    Parameters
    ----------
    pairs : numpy.ndarray
        Object array of tuples.
    which : int
        Index into each of them.

    Returns
    -------
    numpy.ndarray
        Object array of the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> part(pair(np.array(["a", "b"], object), np.array(["c", "d"], object)), 1)
    array(['c', 'd'], dtype=object)
    """
    parts = np.empty(pairs.shape, object)
    for index in np.ndindex(pairs.shape):
        parts[index] = pairs[index][which]
    return parts


def lazily(function, *arrays: da.Array, **kwargs) -> da.Array:
    """Apply a function of object arrays block by block.

    Parameters
    ----------
    function : callable
        Takes and returns object arrays of one shape.
    *arrays : dask.array.Array
        Object arrays of one shape and chunks.
    **kwargs
        For the function.

    Returns
    -------
    dask.array.Array
    """
    # Without meta dask would call the function on an empty block to learn what comes out.
    meta = np.empty((0,) * arrays[0].ndim, object)
    return da.map_blocks(function, *arrays, dtype=object, meta=meta, **kwargs)


def _description(verdicts: np.ndarray, model: str) -> str:
    outside: dict[tuple[int, ...], Verdict] = {
        index: verdicts[index] for index in np.ndindex(verdicts.shape) if verdicts[index].score > 1
    }
    if not outside:
        return ""
    reasons = dict.fromkeys(reason for verdict in outside.values() for reason in verdict.reasons)
    first = [index[0] if len(index) == 1 else index for index in list(outside)[:_NAMED]]
    named = ", ".join(map(str, first)) + ", ..." * (len(outside) > _NAMED)
    return (
        f"{len(outside)} of {verdicts.size} images are outside what {model!r} was trained on "
        f"(index {named}): {'; '.join(reasons)}."
    )
