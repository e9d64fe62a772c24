# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing values from the ranges of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def draw(rng: np.random.Generator, spec: Any) -> Any:
    """
    Draw one value from a range as it is written in a recipe.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    spec : number, str, bool, None, list or mapping
        ``[low, high]`` draws uniformly; ``{log: [low, high]}`` uniformly in the logarithm;
        ``{choice: [...]}`` one of the list, each item itself a range, with ``weights: [...]`` if
        they are not equally likely. Everything else is returned as it is.

    Returns
    -------
    Any
        A float for the ranges.

    Raises
    ------
    ValueError
        If a range is not a pair of numbers in rising order, or has an unknown key.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.recipes.draws import draw
    >>> rng = np.random.default_rng(1)
    >>> draw(rng, 300e3)
    300000.0
    >>> 100 <= draw(rng, {"log": [100, 1e5]}) <= 1e5
    True
    >>> draw(rng, {"choice": ["Au", "Pt"], "weights": [1, 0]})
    'Au'
    """
    if isinstance(spec, Mapping):
        if set(spec) == {"log"}:
            low, high = bounds(spec)
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if {"choice"} <= set(spec) <= {"choice", "weights"}:
            options = spec["choice"]
            weights = np.asarray(spec.get("weights", np.ones(len(options))), float)
            return draw(rng, options[rng.choice(len(options), p=weights / weights.sum())])
        raise ValueError(
            f"{dict(spec)!r} is not a range; write [low, high], {{log: [low, high]}} or "
            "{choice: [...], weights: [...]}."
        )
    if isinstance(spec, (list, tuple)):
        return float(rng.uniform(*bounds(spec)))
    return spec


def bounds(spec: Any) -> tuple[float, float]:
    """
    Give the least and greatest number that a range can give.

    Parameters
    ----------
    spec : number, list or mapping
        As for :func:`draw`.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If it is not a range of numbers, or not in rising order.

    Examples
    --------
    >>> from hyperspy_dlatoms.recipes.draws import bounds
    >>> bounds({"choice": [[-2, 3], 7]})
    (-2.0, 7.0)
    """
    logarithmic = isinstance(spec, Mapping) and set(spec) == {"log"}
    if isinstance(spec, Mapping) and "choice" in spec:
        pairs = [bounds(option) for option in spec["choice"]]
        return min(low for low, _ in pairs), max(high for _, high in pairs)
    try:
        pair = spec["log"] if logarithmic else spec
        low, high = (float(v) for v in (pair if isinstance(pair, (list, tuple)) else [pair] * 2))
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{spec!r} is not a range of numbers; write [low, high] or {{log: [low, high]}}."
        ) from error
    if not low <= high or (logarithmic and low <= 0):
        raise ValueError(
            f"The range {spec!r} must rise{' and be positive' if logarithmic else ''}."
        )
    return low, high
