# SPDX-License-Identifier: GPL-3.0-or-later
"""Narrowing of a trained network: of the channels of each layer those that matter most are kept."""

# H. Li et al., "Pruning Filters for Efficient ConvNets", ICLR (2017), for the norms of kernels as a
# measure of importance, and for choosing channels that a shortcut adds up together.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.architecture import NORM

_WHOLE = ("frame", "told", "maps")  # Groups that stay as they are: inputs and outputs.


def can_narrow(wide: Sequence[int], narrow: Sequence[int]) -> bool:
    """Whether a network of widths `wide` has all that one of widths `narrow` needs."""
    # Where the width of a level changes there is a shortcut that others lack.
    return (
        len(wide) == len(narrow)
        and bool(np.all(np.subtract(wide, narrow) >= 0))
        and np.array_equal(np.diff(wide) != 0, np.diff(narrow) != 0)
    )


def narrowed(
    arrays: Mapping[str, np.ndarray], wide: dict[str, Any], widths: list[int]
) -> dict[str, np.ndarray]:
    """Return the weights of the network of arguments `wide`, cut down to smaller `widths`."""
    # `arrays` as of a network that was trained. A group of channels is what layers that are added
    # up write, and others read.
    wide = architecture.complete(wide)
    layers = list(_layers(wide))
    kept: dict[str, Any] = dict.fromkeys(_WHOLE, slice(None))
    written: dict[str, Any] = {}
    read: dict[str, Any] = {}
    for name, reads, writes in layers:
        squares = arrays[f"{name}/kernel"].astype(float) ** 2
        squares = squares.reshape(-1, *squares.shape[-2:])
        power = squares.sum((0, 1))
        if f"{name}{NORM}/gamma" in arrays:
            power = arrays[f"{name}{NORM}/gamma"].astype(float) ** 2
            squares = squares * power / arrays[f"{name}{NORM}/moving_variance"]
        if writes not in kept:
            written[writes] = written.get(writes, 0) + power
        read[reads] = read.get(reads, 0) + squares.sum((0, 2))
    for group, strength in written.items():
        number = widths[int(group.rpartition(" ")[2])]
        kept[group] = np.sort(np.argsort(-strength * read[group])[:number])
    cut = dict(arrays)
    for name, reads, writes in layers:
        kernel = arrays[f"{name}/kernel"]
        cut[f"{name}/kernel"] = kernel[..., kept[reads], :][..., kept[writes]]
        for path in arrays:
            if path.startswith((f"{name}{NORM}/", f"{name}/bias")):
                cut[path] = arrays[path][kept[writes]]
    return cut


def _layers(arguments: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name the layers with weights, with the groups of channels that each reads and writes."""
    # See `architecture.build`; a group's name ends in its level.
    widths = arguments["widths"]
    last = len(widths) - 1
    levels = ["level 0"]
    for level in range(1, len(widths)):
        # Where the width stays the same there is no shortcut: the sums are of the same channels.
        same = widths[level] == widths[level - 1]
        levels.append(levels[-1] if same else f"level {level}")

    def residual(name: str, before: str, level: int) -> Iterator[tuple[str, str, str]]:
        inner, after = f"{name} {level}", levels[level]
        yield f"{name}_first", before, inner
        yield f"{name}_second", inner, after
        if before != after:
            yield f"{name}_shortcut", before, after

    yield "stem", "frame", levels[0]
    if arguments["images"] > 1:
        yield "focus", "told", levels[0]
    for level in range(last):
        yield from residual(f"down{level}", levels[max(level - 1, 0)], level)
    if arguments["material"]:
        yield "material", "told", levels[last - 1]
    for number in range(len(arguments["dilations"])):
        name = f"{architecture.MIDDLE}{number}"
        yield from residual(name, levels[last if number else last - 1], last)
    for level in reversed(range(last)):
        yield f"up{level}_merge", levels[level + 1], levels[level]
        yield from residual(f"up{level}", levels[level], level)
    if arguments["wave"]:
        yield "wave", levels[0], "maps"
        return
    yield "maps", levels[0], "maps"
    if arguments["heights"]:
        yield "heights", levels[0], "maps"
