# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting electrons."""

from collections.abc import Callable
from typing import Any, NamedTuple

FEW = 24
"""Electrons a pixel up to which they are drawn by their distribution, beyond by its expansion."""

TERMS = 64


class Noise(NamedTuple):
    """What draws, given a shape: electrons need a mean.

    Attributes
    ----------
    uniform, normal : callable
        Of a shape, in [0, 1) and of variance 1.
    """

    uniform: Callable[[tuple[int, ...]], Any]
    normal: Callable[[tuple[int, ...]], Any]


def draw_electrons(xp: Any, noise: Noise, mean: Any) -> Any:
    """Draw from Poisson distributions.

    Up to ``FEW`` by the inverse of the distribution, beyond by a normal number with the skew of the
    distribution (E. A. Cornish and R. A. Fisher, 1938), rounded.
    """
    few = xp.minimum(mean, FEW)
    u = noise.uniform(mean.shape)
    term = xp.exp(-few)
    below, counts = term, xp.zeros_like(mean)
    for number in range(1, TERMS):
        counts = counts + (u >= below)
        term = term * few / number
        below = below + term
    z = noise.normal(mean.shape)
    many = xp.round(mean + xp.sqrt(mean) * z + (z**2 - 1) / 6)
    return xp.where(mean < FEW, counts, xp.maximum(many, 0))


def exposed(xp: Any, noise: Noise, image: Any, value: dict[str, Any], pixel: Any) -> Any:
    """Draw the electrons of images, where their dose is finite; no readout noise yet."""
    area = pixel**2
    finite = xp.isfinite(value["dose"])
    mean = xp.maximum(image, 0) * xp.where(finite, value["dose"], 0) * area
    return xp.where(finite, draw_electrons(xp, noise, mean), image * area)


def read_out(xp: Any, noise: Noise, counts: Any, value: dict[str, Any]) -> Any:
    """Add the noise of the readout."""
    level = xp.where(xp.isfinite(value["dose"]), value["readout"], 0)
    return counts + level * noise.normal(counts.shape)
