# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling of large frames where the network runs, for a GPU that would wait for the CPU."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hyperspy_dlatoms.networks.resampling import Grid, axis_matrix


def resample_on_device(
    frame: np.ndarray, sampling: float, target: float
) -> tuple[np.ndarray, Grid]:
    """Resample an image as `resample` does, as two products of matrices by the backend of Keras.

    Parameters
    ----------
    frame : numpy.ndarray
        Image of shape (H, W), float32, its background about zero.
    sampling, target : float
        As for :func:`hyperspy_dlatoms.networks.resampling.resample`.

    Returns
    -------
    frame : numpy.ndarray
        Float32 image at the new pixel size.
    grid : hyperspy_dlatoms.networks.resampling.Grid
        Where its pixels lie on the original image.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.on_device import resample_on_device
    >>> from hyperspy_dlatoms.networks.resampling import resample
    >>> frame = np.random.default_rng(0).normal(size=(60, 90)).astype(np.float32)
    >>> there, grid = resample_on_device(frame, sampling=0.05, target=0.16)
    >>> here, _ = resample(frame, sampling=0.05, target=0.16)
    >>> there.shape, bool(np.abs(there - here).max() < 1e-3)
    ((19, 29), True)
    """
    from keras import ops

    (rows, grid), (columns, _) = (_matrix(side, sampling, target) for side in frame.shape)
    resampled = ops.matmul(ops.matmul(rows, frame), columns.T)
    return ops.convert_to_numpy(resampled), grid


_matrix = lru_cache(maxsize=8)(axis_matrix)
