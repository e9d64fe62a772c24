# SPDX-License-Identifier: GPL-3.0-or-later
"""Linear interpolation along one axis, for slowly varying maps on a coarse grid."""

from __future__ import annotations

import numpy as np


def interpolate(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate an array linearly along its first axis.

    Parameters
    ----------
    values : numpy.ndarray
        Array of shape (n, ...), n >= 1.
    index : numpy.ndarray
        Fractional positions along the first axis, shape (m,); those outside [0, n - 1] take the
        first or last value.

    Returns
    -------
    numpy.ndarray
        Array of shape (m, ...), of the dtype of `values` if that is floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.interpolation import interpolate
    >>> interpolate(np.array([0.0, 10.0, 30.0]), np.array([-1.0, 0.5, 2.0]))
    array([ 0.,  5., 30.])
    """
    index = np.clip(index, 0, len(values) - 1)
    lower = np.minimum(index.astype(np.intp), max(len(values) - 2, 0))
    upper = np.minimum(lower + 1, len(values) - 1)
    fraction = (index - lower).astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1))
    below = values[lower]
    return below + (values[upper] - below) * fraction
