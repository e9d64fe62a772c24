# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown when atoms are printed, without computing lazy ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions

_NAMED = 5  # Frames that are named.


def rows_of(atoms: AtomPositions) -> list[tuple[str, str]]:
    """Return names and values: the atoms, the network that found them, and how sure it is."""
    vectors = atoms._vectors()
    rows = [("atoms", _atoms(atoms, vectors)), *_of_species(atoms, vectors)]
    if "model" in vectors:
        rows.append(("network", _network(vectors)))
    if threshold := _threshold(vectors):
        rows.append(("threshold", threshold))
    if domain := _domain(atoms, vectors):
        rows.append(("domain", domain))
    masked = vectors.get("masked")
    if isinstance(masked, list) and max(masked, default=0) >= 0.001:
        rows.append(("masked", f"up to {max(masked):.1%} of an image"))
    if "sampling" in vectors:
        rows.append(("sampling", f"{float(np.mean(vectors['sampling'])):.4g} Å/px"))
    return [*rows, ("columns", ", ".join(vectors.get("column_names", [])))]


def _atoms(atoms: AtomPositions, vectors: Mapping[str, Any]) -> str:
    number = atoms.data.size
    shape = vectors.get("image_shape")
    # In the order in which HyperSpy prints dimensions, x first.
    size = f" of {shape[1]} x {shape[0]} px" if shape is not None else ""
    images = f"1 image{size}" if number == 1 else f"{number} images{size}"
    if atoms._lazy:
        return f"not computed yet, in {images}: call compute()"
    counts = [len(frame) for frame in atoms.data.flat]
    text = f"{sum(counts)} in {images}"
    if number < 2:
        return text
    low, high = min(counts), max(counts)
    return f"{text}, {low} in each" if low == high else f"{text}, {low} to {high} in each"


def _of_species(atoms: AtomPositions, vectors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    columns, names = vectors.get("column_names", []), vectors.get("species", [])
    if atoms._lazy or "species" not in columns or len(names) < 2:
        return
    at = list(columns).index("species")
    kinds = np.concatenate([frame[:, at] for frame in atoms.data.flat]).astype(int)
    counts = np.bincount(kinds[kinds >= 0], minlength=len(names))
    pairs = zip(counts, names, strict=False)
    yield "species", ", ".join(f"{count} {name}" for count, name in pairs)


def _network(vectors: Mapping[str, Any]) -> str:
    members = vectors.get("members")
    if members:
        return f"{vectors['model']}, of {', '.join(members)}"
    return f"{vectors['model']} {vectors.get('model_version', '')}".rstrip()


def _threshold(vectors: Mapping[str, Any]) -> str:
    if "threshold_of_mean" in vectors:
        return f"{vectors['threshold_of_mean']:g}, of the mean of the members"
    if "threshold" not in vectors:
        return ""
    text = _numbers(vectors["threshold"])
    text += f", hysteresis {_numbers(vectors['anchor'])}" if "anchor" in vectors else ""
    agreement = vectors.get("minimum_agreement")
    return text + (f", agreement {agreement:g} or more" if agreement is not None else "")


def _numbers(value: Any) -> str:
    values = value if isinstance(value, list | tuple | np.ndarray) else [value]
    return " and ".join(f"{one:g}" for one in dict.fromkeys(float(one) for one in values))


def _domain(atoms: AtomPositions, vectors: Mapping[str, Any]) -> str:
    scores = vectors.get("domain")
    if scores is None or isinstance(scores, da.Array):
        return ""
    known = np.array([np.nan if one is None else float(one) for one in np.ravel(scores)])
    if not np.isfinite(known).any():
        return ""
    low, high = np.nanmin(known), np.nanmax(known)
    text = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    outside = np.flatnonzero(known > 1)
    if not len(outside):
        return f"{text}: like the training images (up to 1)"
    if atoms.data.size == 1:
        return f"{text}: unlike the training images (above 1)"
    named = ", ".join(map(str, outside[:_NAMED])) + ", ..." * (len(outside) > _NAMED)
    return f"{text}: unlike the training images (above 1) at index {named}"
