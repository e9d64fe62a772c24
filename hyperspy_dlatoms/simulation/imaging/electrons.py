# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting electrons: by NumPy's generator, or by array functions that JAX can compile."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.simulation.imaging._arrays import Array

FEW = 24  # Electrons a pixel up to which they are drawn by the inverse of their distribution.
TERMS = 64  # Of that inverse: a Poisson number of mean 24 exceeds 64 once in 10^11 draws.


class Noise(NamedTuple):
    """What draws: electrons of an expected number a pixel, and readout noise of a deviation."""

    electrons: Callable[[Array], Array]
    readout: Callable[[Array, tuple[int, ...]], Array]


def generator_noise(rng: np.random.Generator) -> Noise:
    """Return the noise that NumPy's generator draws; without readout noise it draws none."""

    def readout(level: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if not np.any(level):
            return np.zeros((), np.float32)
        return level * rng.standard_normal(shape, np.float32)

    return Noise(lambda mean: np.asarray(rng.poisson(mean), np.float32), readout)


def jax_noise(key: Any) -> Noise:
    """Return the noise that JAX draws from a key, within a compiled function or outside."""
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
    """Return the noise of draws of a shape, uniform in [0, 1) and normal of variance 1."""
    return Noise(
        lambda mean: poisson(xp, mean, uniform, normal), lambda level, shape: level * normal(shape)
    )


def poisson(
    xp: Any, mean: Array, uniform: Callable[..., Array], normal: Callable[..., Array]
) -> Array:
    """Draw from Poisson distributions without a loop of unknown length."""
    # Up to ``FEW`` by the inverse of the distribution, beyond by a normal number with the skew of
    # the distribution (E. A. Cornish and R. A. Fisher, 1938), rounded.
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
