# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of all levels of a network, gathered on its coarsest grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def with_levels(model: keras.Model) -> keras.Model:
    """Return a network of the same weights that returns the features of its levels as well."""
    # The mean of each channel of each level over the cells of the coarsest grid, float32 (n, h /
    # multiple, w / multiple, C): noise in the finest level, the lattice in the coarsest.
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
