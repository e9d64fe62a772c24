# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole numbers drawn from a range."""

from __future__ import annotations

import numpy as np


def draw_count(rng: np.random.Generator, value: float | tuple[float, float]) -> int:
    """Draw a whole number from a range with both ends included, or pass a single one through.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    value : float or tuple of float
        The number (rounded to a whole one), or the range (low, high) that it is drawn from, each
        whole number in it equally likely.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If it can be negative, or the range does not rise.

    Examples
    --------
    >>> import numpy as np
    >>> draw_count(np.random.default_rng(1), 3)
    3
    >>> draw_count(np.random.default_rng(1), (1, 4)) in (1, 2, 3, 4)
    True
    """
    low, high = (round(float(v)) for v in np.broadcast_to(np.asarray(value, float), 2))
    if not 0 <= low <= high:
        raise ValueError(f"{value!r} is no number to draw: expected 0 <= low <= high.")
    return low if low == high else int(rng.integers(low, high, endpoint=True))
