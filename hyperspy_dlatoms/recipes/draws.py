# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing values from the ranges of a recipe."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def draw(rng: np.random.Generator, spec: Any) -> Any:
    """Draw one value from a range as written in a recipe.

    ``[low, high]`` draws uniformly; ``{log: [low, high]}`` uniformly in the logarithm; ``{choice:
    [...]}`` draws from one item of the list, each itself a range, with ``weights: [...]`` if they
    are not equally likely. Anything else is returned unchanged.
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
    """Return the least and greatest number that a range can give, see `draw`."""
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


def draw_count(rng: np.random.Generator, value: Any) -> int:
    """Draw a whole number: the one given, or one from a range (low, high), all equally likely."""
    low, high = (round(float(v)) for v in ((value, value) if np.ndim(value) == 0 else value))
    if not 0 <= low <= high:
        raise ValueError(f"{value!r} cannot be drawn from: expected 0 <= low <= high.")
    return low if low == high else int(rng.integers(low, high, endpoint=True))


def check_shares(**shares: Any) -> None:
    """Check that named numbers, or ranges (low, high), are shares from 0 to 1."""
    for name, value in shares.items():
        if np.min(value) < 0 or np.max(value) > 1:
            raise ValueError(f"{name} is {value}: expected a share between 0 and 1.")
