# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of sites and features from the layers of a network, computed where the network runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, LOG_SIGMA

if TYPE_CHECKING:
    import keras

# Å, standard deviation of the Gaussian that weights a cell by its distance to its site.
REACH = 0.4


class SiteMaps(NamedTuple):
    """The output of a network for each cell, float32."""

    probability: np.ndarray  # (n, h, w, K), of a site of each class within the card's radius.
    offset: np.ndarray  # (n, h, w, 2), from the cell's centre to the site, (y, x) in working px.
    sigma: np.ndarray  # (n, h, w, 2), its standard deviation.
    height: np.ndarray | None = None  # (n, h, w, 2), atoms in the column, and sigma.
    peak: np.ndarray | None = None  # (n, h, w), see `peaks`.

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> SiteMaps:
        """Apply a function to each map that is not None."""
        parts: list[Any] = [None if part is None else function(part) for part in self]
        return SiteMaps(*parts)


def with_maps(
    model: keras.Model, n_classes: int, n_decoys: int, reach: float
) -> tuple[keras.Model, tuple[str, ...]]:
    """Return a network whose first outputs are maps in place of its raw output."""
    # Also the names of these maps in `SiteMaps`. The reach is that of `peaks`.
    import keras

    raw, *others = model.outputs
    maps = read_output(raw, n_classes, n_decoys)
    maps = maps._replace(peak=peaks(maps, reach))
    there = {name: part for name, part in maps._asdict().items() if part is not None}
    return keras.Model(model.inputs, [*there.values(), *others]), tuple(there)


def with_levels(model: keras.Model) -> keras.Model:
    """Return a network with the same weights that also returns the features of its levels."""
    # The mean of each channel of each level over the cells of the coarsest grid, float32 (n, h /
    # multiple, w / multiple, C): the finest level shows noise, the coarsest the lattice.
    # K. Lee et al., "A simple unified framework for detecting out-of-distribution samples and
    # adversarial attacks", NeurIPS (2018).
    import keras
    from keras import ops

    down = [one.input for one in model.layers if isinstance(one, keras.layers.MaxPooling2D)]
    heads = ("_merge", "maps", "wave")
    up = [one.input for one in model.layers if one.name.endswith(heads)]
    depth = len(down)
    cells = [2**level for level in (*range(depth, 0, -1), *range(depth + 1))]
    means = [
        ops.average_pool(ops.cast(x, "float32"), size, size, "valid")
        for x, size in zip(down + up, cells, strict=True)
    ]
    return keras.Model(model.input, [model.output, ops.concatenate(means, axis=-1)])


def peaks(maps: SiteMaps, reach: float) -> Any:
    """Return the scores (n, h, w) of cells that are the largest of their 3 x 3, else -1."""
    # The probability of a site of any class times a Gaussian of the length of the offset: the cell
    # nearest to a site scores highest.
    from keras import ops

    squared = ops.sum(ops.square(maps.offset), axis=-1)
    score = ops.sum(maps.probability, axis=-1) * ops.exp(-squared / (2 * reach**2))
    # Pooling a single channel would take ten times as long.
    around = ops.pad(score, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    of_rows = _largest(around[:, :-2], around[:, 1:-1], around[:, 2:])
    largest = _largest(of_rows[:, :, :-2], of_rows[:, :, 1:-1], of_rows[:, :, 2:])
    return ops.where(ops.equal(score, largest), score, -1.0)


def _largest(first: Any, second: Any, third: Any) -> Any:
    from keras import ops

    return ops.maximum(ops.maximum(first, second), third)


def read_output(raw: Any, n_classes: int, n_decoys: int = 0) -> SiteMaps:
    """Turn the raw output of a network into probabilities, offsets and standard deviations."""
    # Its channels are the logits of background, K classes and D decoys (which are no sites), the
    # offset y and x, the logarithms of sigma y and x (working px), and perhaps the height and the
    # logarithm of its sigma, in units of ``HEIGHT_UNIT`` atoms.
    from keras import ops

    end = 1 + n_classes + n_decoys
    if raw.shape[-1] not in (end + 4, end + 6):
        raise ValueError(
            f"The network's output has {raw.shape[-1]} channels, expected {end + 4} for "
            f"{n_classes} classes and {n_decoys} decoys, or two more with heights."
        )
    raw = ops.cast(raw, "float32")
    probability = ops.softmax(raw[..., :end], axis=-1)[..., 1 : n_classes + 1]
    offset = raw[..., end : end + 2]
    sigma = ops.exp(ops.clip(raw[..., end + 2 : end + 4], *LOG_SIGMA))
    if raw.shape[-1] == end + 4:
        return SiteMaps(probability, offset, sigma)
    mean, log_deviation = ops.maximum(raw[..., -2], 0), ops.clip(raw[..., -1], *LOG_SIGMA)
    height = HEIGHT_UNIT * ops.stack([mean, ops.exp(log_deviation)], axis=-1)
    return SiteMaps(probability, offset, sigma, height)
