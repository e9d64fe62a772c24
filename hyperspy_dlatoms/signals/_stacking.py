# SPDX-License-Identifier: GPL-3.0-or-later
"""Several results as one, along a new navigation axis or an existing one."""

from collections.abc import Collection, Sequence
from typing import Any

import dask.array as da
import numpy as np
from hyperspy.axes import BaseDataAxis
from hyperspy.signals import BaseSignal

from hyperspy_dlatoms.signals._mapping import map_frames

# What rows of numbers mean: the same in all frames of a signal.
_SHARED = {
    "column_names": "columns",
    "species": "species",
    "sampling": "sampling (Å/px)",
    "scales": "scale of the image's axes",
    "units": "units of the image's axes",
    "offsets": "offset of the image's axes",
    "image_shape": "size of the images (px)",
}


def shared(vectors: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries of ``metadata.VectorMetadata`` that all results share."""
    # A ValueError if the columns or calibrations are not among them.
    first, *others = vectors
    for number, other in enumerate(others, start=1):
        for name, what in _SHARED.items():
            if not _same(first.get(name), other.get(name)):
                raise ValueError(
                    f"The results differ in their {what}: number 0 has {_short(first.get(name))}, "
                    f"number {number} {_short(other.get(name))}. Expected results of images of one "
                    "kind; combine those of different kinds as tables, with "
                    "pandas.concat and to_dataframe."
                )
    return {
        name: [*value] if isinstance(value, list) else value
        for name, value in first.items()
        if all(name in other and _same(value, other[name]) for other in others)
    }


def join(
    results: Sequence[BaseSignal], axis: str | int | None, new_axis_name: str
) -> tuple[Any, list[dict], int | None]:
    """Return the joint frames, their navigation axes, and the array axis along which they lie."""
    # None for a new one.
    managers = [result.axes_manager for result in results]
    axes = [list(map(_described, reversed(manager.navigation_axes))) for manager in managers]
    if axis is not None and not axes[0]:
        raise ValueError(f"axis is {axis!r}, but the results are of single images: leave axis out.")
    place = None if axis is None else managers[0][axis].index_in_array
    shapes = [manager.navigation_shape[::-1] for manager in managers]
    kept = [shape if place is None else (*shape[:place], *shape[place + 1 :]) for shape in shapes]
    if len(set(kept)) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise ValueError(
            f"The results have the navigation shapes {', '.join(map(str, dict.fromkeys(shapes)))}"
            " in the order of the array: expected the same, except for the axis along which they "
            "are joined."
        )
    data = joined([result.data for result in results], shapes[0], place)
    if isinstance(data, np.ndarray):
        # `hs.stack` copies images, too.
        data = map_frames(np.copy, data)
    if place is None:
        names = {one["name"] for one in axes[0]}
        name, number = new_axis_name, 1
        while name in names:
            name, number = f"{new_axis_name}_{number}", number + 1
        return data, [{"name": name, "size": len(results), "navigate": True}, *axes[0]], None
    axes[0][place] = _longer([own[place] for own in axes], data.shape[place])
    return data, axes[0], place


def joined(parts: Sequence[Any], shape: tuple[int, ...], place: int | None) -> Any:
    """Join arrays whose first axes have a navigation shape, () for single frames."""
    lazy = any(isinstance(part, da.Array) for part in parts)
    if lazy:
        # Dask does not work out the chunks of objects itself.
        parts = [
            part if isinstance(part, da.Array) else da.from_array(part, chunks=-1, name=False)
            for part in parts
        ]
    if place is not None or not shape:
        return (da if lazy else np).concatenate(parts, axis=place or 0)
    return (da if lazy else np).stack(parts, axis=0)


def joined_reports(
    results: Sequence[BaseSignal], names: Collection[str], place: int | None
) -> dict[str, Any]:
    """Join the entries of ``metadata.VectorMetadata`` that have a value for each frame."""
    reports = {}
    for name in names:
        items = [result.metadata.get_item(f"VectorMetadata.{name}") for result in results]
        if any(item is None for item in items):
            continue
        if len({isinstance(item, da.Array) for item in items}) > 1:
            raise ValueError("Some of the results are not computed yet: compute() them first.")
        shape = results[0].data.shape if results[0].axes_manager.navigation_dimension else ()
        if not isinstance(items[0], list):
            reports[name] = joined(items, shape, place)
            continue
        parts = [
            np.reshape(item, result.data.shape) for item, result in zip(items, results, strict=True)
        ]
        reports[name] = joined(parts, shape, place).ravel().tolist()
    return reports


def _described(axis: BaseDataAxis) -> dict:
    """Return the dictionary of an axis; one given by a formula, without values, by its values."""
    described = axis.get_axis_dictionary()
    if "expression" not in described:
        return described
    return {name: described[name] for name in ("name", "units", "navigate")} | {"axis": axis.axis}


def _longer(axes: list[dict], size: int) -> dict:
    """Return the first axis, extended by those that follow; evenly, if they start anew."""
    first = axes[0]
    for number, other in enumerate(axes[1:], start=1):
        for name in ("units", "scale"):
            if not _same(first.get(name), other.get(name)):
                raise ValueError(
                    f"The axis along which the results are joined has different {name}: "
                    f"number 0 has {first.get(name)}, number {number} {other.get(name)}."
                )
    values = np.concatenate([_values(axis) for axis in axes])
    if "axis" in first:
        return first | {"axis": values}
    steps = np.diff(values) / first["scale"]
    if (steps > 0).all() and not np.allclose(steps, 1.0):
        # Parts of one movie without the frames between them, which keep their values.
        return {name: first[name] for name in ("name", "units", "navigate")} | {"axis": values}
    return first | {"size": size}


def _values(axis: dict) -> np.ndarray:
    if "axis" in axis:
        return np.asarray(axis["axis"])
    return axis["offset"] + axis["scale"] * np.arange(axis["size"])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple | np.ndarray) and isinstance(other, list | tuple | np.ndarray):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and bool(np.isclose(one, other, 1e-9, 1e-12))
    return bool(one == other)


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value) or "none"
