# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about images that a network was not trained on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np

from hyperspy_dlatoms.networks.domain import DomainScore, ExtrapolationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hyperspy.misc.utils import DictionaryTreeBrowser

    from hyperspy_dlatoms.detection.alignment import Drift

#: What is known of each frame besides its atoms, by its name in the metadata.
REPORTS = ("domain", "drift")

_NAMED = 5
# Å
_TOLERATED_DRIFT = 1.0


def settle(metadata: DictionaryTreeBrowser, reports: dict[str, np.ndarray]) -> None:
    """Put what is known of frames into the metadata, and say or refuse what is wrong with them.

    Parameters
    ----------
    metadata : hyperspy.misc.utils.DictionaryTreeBrowser
        Of the positions.
    reports : dict of str to numpy.ndarray
        Object arrays, one value a frame, by their names in `REPORTS`.

    Raises
    ------
    ExtrapolationError
        See `settle_domain`.

    Warns
    -----
    UserWarning
        See `settle_domain` and `settle_drift`.
    """
    if "domain" in reports:
        settle_domain(metadata, reports["domain"])
    if "drift" in reports:
        settle_drift(metadata, reports["drift"])


def settle_domain(metadata: DictionaryTreeBrowser, verdicts: np.ndarray) -> None:
    """Put the scores of images into the metadata, and say or refuse what is outside.

    Parameters
    ----------
    metadata : hyperspy.misc.utils.DictionaryTreeBrowser
        With the name of the network, `model`, and with `on_extrapolation`. Its `domain` becomes a
        list of float, in the order of the data; it goes where the network does not know its domain.
    verdicts : numpy.ndarray
        Object array of DomainScore or None, one an image.

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
        if metadata.has_item("domain"):
            del metadata.domain
        return
    text = _description(verdicts, metadata.model)
    if text and metadata.on_extrapolation == "raise":
        raise ExtrapolationError(
            f'{text} Use another network, or on_extrapolation="warn" to have the atoms in spite of '
            "it."
        )
    if text and metadata.on_extrapolation == "warn":
        warnings.warn(f"{text} Check what was found in them.", stacklevel=5)
    metadata.domain = [float(verdict.score) for verdict in verdicts.ravel()]


def settle_drift(metadata: DictionaryTreeBrowser, drifts: np.ndarray) -> None:
    """Put the drift of focal series into the metadata, and say where images are misaligned.

    Parameters
    ----------
    metadata : hyperspy.misc.utils.DictionaryTreeBrowser
        With `sampling` (Å/px), `align` and `on_extrapolation`. Its `drift` becomes an array of
        shape (..., images, 2): where each image lies against the middle one, y and x in px.
    drifts : numpy.ndarray
        Object array of Drift, of the shape of the data.

    Warns
    -----
    UserWarning
        See `warn_of_drift`, unless it is ignored.
    """
    flat = list(drifts.ravel())
    offsets = np.stack([drift.offsets for drift in flat])
    metadata.drift = offsets.reshape(*drifts.shape, *offsets.shape[1:])
    if metadata.on_extrapolation != "ignore":
        sampling = float(np.mean(metadata.sampling))
        warn_of_drift(flat, sampling, align=metadata.align, stacklevel=4)


def warn_of_drift(
    drifts: Sequence[Drift], sampling: float, *, align: bool, stacklevel: int = 1
) -> None:
    """Warn of images that are misaligned, or were aligned by shifts that are not sure.

    Parameters
    ----------
    drifts : sequence of Drift
        Of the series.
    sampling : float
        Å/px.
    align : bool
        Whether the images were aligned.
    stacklevel : int
        Of the warning.

    Warns
    -----
    UserWarning
        If an image is known to lie more than 1 Å from the middle one; of images that were aligned,
        if shifts are known up to the lattice only.
    """
    if align:
        unsure = sum(not drift.certain for drift in drifts)
        if unsure:
            warnings.warn(
                f"The shifts between the images of {unsure} of {len(drifts)} focal series are not "
                "sure: of what fits about as well, at other places of the lattice, the least shift "
                "was taken. Check them in metadata.VectorMetadata.drift.",
                stacklevel=stacklevel + 1,
            )
        return
    farthest = np.array([sampling * np.hypot(*drift.offsets.T).max() for drift in drifts])
    # What is known up to the lattice only may well be no drift at all.
    far = (farthest > _TOLERATED_DRIFT) & [drift.certain for drift in drifts]
    if far.any():
        warnings.warn(
            f"The images of {np.count_nonzero(far)} of {len(drifts)} focal series seem to be "
            f"misaligned, by up to {farthest[far].max():.1f} Å: use align=True, or align them "
            "first.",
            stacklevel=stacklevel + 1,
        )


def together(*arrays: np.ndarray) -> np.ndarray:
    """Put object arrays together, so that dask computes all in one pass.

    Parameters
    ----------
    *arrays : numpy.ndarray
        Object arrays of one shape.

    Returns
    -------
    numpy.ndarray
        Object array of the same shape, of tuples.
    """
    tuples = np.empty(arrays[0].shape, object)
    for index in np.ndindex(tuples.shape):
        tuples[index] = tuple(array[index] for array in arrays)
    return tuples


def part(tuples: np.ndarray, which: int) -> np.ndarray:
    """Take one of what was put together.

    Parameters
    ----------
    tuples : numpy.ndarray
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
    >>> part(together(np.array(["a", "b"], object), np.array(["c", "d"], object)), 1)
    array(['c', 'd'], dtype=object)
    """
    parts = np.empty(tuples.shape, object)
    for index in np.ndindex(tuples.shape):
        parts[index] = tuples[index][which]
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
    outside: dict[tuple[int, ...], DomainScore] = {
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
