# SPDX-License-Identifier: GPL-3.0-or-later
"""What the raw output of a network means: worked out where the network runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, LOG_SIGMA

if TYPE_CHECKING:
    import keras

REACH = 0.4
"""Å, standard deviation of the Gaussian by which a cell farther from its site counts less."""


class SiteMaps(NamedTuple):
    """What a network says of each cell of its output, float32 unless told otherwise.

    Attributes
    ----------
    probability : numpy.ndarray
        Probability of a site of each class within the card's radius of the centre of the cell,
        shape (n, h, w, K).
    offset : numpy.ndarray
        From the centre of the cell to the site, (y, x) in working px, shape (n, h, w, 2).
    sigma : numpy.ndarray
        Predicted standard deviation of the site, (y, x) in working px, shape (n, h, w, 2).
    height : numpy.ndarray or None
        Number of atoms in the column and its predicted standard deviation, shape (n, h, w, 2); None
        of a network that does not tell.
    peak : numpy.ndarray or None
        Whether the `score` of the cell is the largest of the 3 x 3 cells around it, bool, shape
        (n, h, w); None where nobody has looked.
    """

    probability: np.ndarray
    offset: np.ndarray
    sigma: np.ndarray
    height: np.ndarray | None = None
    peak: np.ndarray | None = None

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> SiteMaps:
        """Apply a function to each of the maps that are there."""
        return SiteMaps(*(None if part is None else function(part) for part in self))


def with_maps(
    model: keras.Model, n_classes: int, n_decoys: int, reach: float
) -> tuple[keras.Model, tuple[str, ...]]:
    """Let a network give what its output means in place of the output.

    Parameters
    ----------
    model : keras.Model
        Its first output is that of a network of sites, see `read_output`.
    n_classes, n_decoys : int
        As for `read_output`.
    reach : float
        As for `score`, working px.

    Returns
    -------
    keras.Model
        With the same weights; gives the maps, then the other outputs of `model`.
    tuple of str
        Which of the `SiteMaps` these maps are.
    """
    import keras

    raw, *others = model.outputs
    maps = read_output(raw, n_classes, n_decoys)
    maps = maps._replace(peak=peaks(maps, reach))
    there = {name: part for name, part in maps._asdict().items() if part is not None}
    return keras.Model(model.inputs, [*there.values(), *others]), tuple(there)


def score(probability: Any, offset: Any, reach: float) -> Any:
    """Tell how much a cell speaks for a site: of the cells around a site the nearest the most.

    Parameters
    ----------
    probability : tensor
        Of a site of any class, shape (...).
    offset : tensor
        From the centre of the cell to the site, shape (..., 2).
    reach : float
        Standard deviation of the Gaussian by which the probability falls off, in the unit of
        `offset`.

    Returns
    -------
    tensor
        Shape (...).

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.maps import score
    >>> round(float(score(np.float32(0.5), np.array([0.0, 2.0], np.float32), reach=2.0)), 3)
    0.303
    """
    from keras import ops

    return probability * ops.exp(-ops.sum(ops.square(offset), axis=-1) / (2 * reach**2))


def peaks(maps: SiteMaps, reach: float) -> Any:
    """Find the cells whose score is the largest of the 3 x 3 around them.

    Parameters
    ----------
    maps : SiteMaps
        Of probability (n, h, w, K) and offset (n, h, w, 2).
    reach : float
        As for `score`, working px.

    Returns
    -------
    tensor
        Bool, shape (n, h, w).
    """
    from keras import ops

    here = score(ops.sum(maps.probability, axis=-1), maps.offset, reach)
    # A pooling takes ten times as long of a single channel.
    around = ops.pad(here, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    of_rows = _largest(around[:, :-2], around[:, 1:-1], around[:, 2:])
    largest = _largest(of_rows[:, :, :-2], of_rows[:, :, 1:-1], of_rows[:, :, 2:])
    return ops.equal(here, largest)


def _largest(first: Any, second: Any, third: Any) -> Any:
    from keras import ops

    return ops.maximum(ops.maximum(first, second), third)


def read_output(raw: Any, n_classes: int, n_decoys: int = 0) -> SiteMaps:
    """Turn the raw output of a network into probabilities, offsets and standard deviations.

    Parameters
    ----------
    raw : tensor
        Output of shape (..., K + D + 1 + 4): logits, background first and decoys last, then offset
        y and x, then the natural logarithm of sigma y and x (working px); (..., K + D + 1 + 6) with
        the height and the natural logarithm of its sigma, in units of ``HEIGHT_UNIT`` atoms.
    n_classes : int
        K, the number of classes without the background.
    n_decoys : int
        D, the number of decoys, which take their share of the probability and are no sites.

    Returns
    -------
    SiteMaps
        Of tensors.

    Raises
    ------
    ValueError
        If the last axis of `raw` is neither K + D + 5 nor K + D + 7 long.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.maps import read_output
    >>> maps = read_output(np.zeros((1, 8, 8, 6), np.float32), n_classes=1)
    >>> round(float(maps.probability[0, 0, 0, 0]), 6), float(maps.sigma[0, 0, 0, 0])
    (0.5, 1.0)
    """
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
