# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting electrons: by NumPy's generator, or by array functions that JAX can compile."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.simulation.imaging._arrays import Array

FEW = 24  # Up to this many electrons per pixel, counts are drawn by inverting the distribution.
TERMS = 64  # Terms of that inverse: a Poisson number of mean 24 exceeds 64 once in 10^11 draws.


class Noise(NamedTuple):
    """Draws electrons of a given mean per pixel, and readout noise of a given deviation."""

    electrons: Callable[[Array], Array]
    readout: Callable[[Array, tuple[int, ...]], Array]


def generator_noise(rng: np.random.Generator) -> Noise:
    """Return noise drawn by NumPy's generator; no readout noise draws no numbers."""

    def readout(level: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if not np.any(level):
            return np.zeros((), np.float32)
        return level * rng.standard_normal(shape, np.float32)

    return Noise(lambda mean: np.asarray(rng.poisson(mean), np.float32), readout)


def jax_noise(key: Any) -> Noise:
    """Return noise that JAX draws from a key, inside a compiled function or outside one."""
    import jax
    import jax.numpy as jnp

    # An image needs three draws; its batch is recorded in two parts at most.
    keys = iter(jax.random.split(key, 16))
    return array_noise(
        jnp,
        lambda shape: jax.random.uniform(next(keys), shape),
        lambda shape: jax.random.normal(next(keys), shape),
    )


def array_noise(xp: Any, uniform: Callable[..., Array], normal: Callable[..., Array]) -> Noise:
    """Return noise from functions that draw a shape, uniform in [0, 1) and normal of variance 1."""
    return Noise(
        lambda mean: poisson(xp, mean, uniform, normal), lambda level, shape: level * normal(shape)
    )


def poisson(
    xp: Any, mean: Array, uniform: Callable[..., Array], normal: Callable[..., Array]
) -> Array:
    """Draw from Poisson distributions without a loop of unknown length."""
    # Up to ``FEW`` by inverting the distribution; above, by a rounded normal number corrected for
    # the skewness of the distribution (E. A. Cornish and R. A. Fisher, 1938).
    few = xp.minimum(mean, FEW)
    u = uniform(mean.shape)
    term = xp.exp(-few)
    below, counts = term, xp.zeros_like(mean)
    for number in range(1, TERMS):
        counts = counts + (u >= below)
        term = term * few / number
        below = below + term
    z = normal(mean.shape)
    many = xp.round(mean + xp.sqrt(mean) * z + (z**2 - 1) / 6)
    return xp.where(mean < FEW, counts, xp.maximum(many, 0))
