# SPDX-License-Identifier: GPL-3.0-or-later
"""Small data sets in one file: frames of counts, and the true sites of each."""

import json
import math
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write

_LARGEST = 2**31  # Most bytes that the arrays of a small data set may have.
_DAMAGES = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    # Raised by zipfile for unknown compression or encryption.
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


class DataFileError(ValueError):
    """A file that is not a data set."""


@dataclass(frozen=True, eq=False)
class Stored:
    """Content of the file of a small data set."""

    counts: np.ndarray  # Electrons per pixel, (H, W), or (n, H, W) for several frames.
    sampling: float  # Å/px
    positions: tuple[np.ndarray, ...]  # The true sites of each frame, y and x in px, (sites, 2).
    # How it was made: ``specimen``, ``energy`` (eV), ``conditions``; for several frames
    # ``navigation``, the ``name``, ``units``, ``scale`` and ``offset`` of their axis; with
    # `species` the names of the ``kinds``.
    meta: dict[str, Any] = field(default_factory=dict)
    # The kind of each site, (sites,), an index into ``meta["kinds"]``; empty if all are of one
    # kind.
    species: tuple[np.ndarray, ...] = ()


def write_stored(path: str | os.PathLike[str], data: Stored) -> None:
    """Write a small data set as ``.npz``; counts must be whole numbers below 65536."""
    frames = len(data.counts) if data.counts.ndim == 3 else 1
    if len(data.positions) != frames:
        raise ValueError(f"{len(data.positions)} lists of positions for {frames} frames.")
    kinds: dict[str, Any] = {}
    if data.species:
        kinds["species"] = np.concatenate(data.species).astype(np.int8)
    path = Path(path)
    with atomic_write(path) as draft, draft.open("wb") as file:
        np.savez_compressed(
            file,
            counts=data.counts.astype(np.uint16),
            sampling=data.sampling,
            positions=np.concatenate(data.positions).astype(np.float32),
            lengths=[len(one) for one in data.positions],
            meta=json.dumps(data.meta),
            **kinds,
        )


def read_stored(path: str | os.PathLike[str]) -> Stored:
    """Read a file from `write_stored`; DataFileError if it is something else, or damaged."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no data set {str(path)!r}.")
    try:
        with path.open("rb") as file:
            _check_sizes(file)
            file.seek(0)
            arrays = np.load(file, allow_pickle=False)
            counts, positions = arrays["counts"], arrays["positions"].astype(float)
            lengths = arrays["lengths"] if "lengths" in arrays else [len(positions)]
            sampling, meta = float(arrays["sampling"]), json.loads(str(arrays["meta"]))
            species = arrays.get("species")
    except _DAMAGES as error:
        raise DataFileError(f"{str(path)!r} is not a data set, or is damaged ({error}).") from error
    frames = len(counts) if counts.ndim == 3 else 1
    if positions.shape != (sum(lengths), 2) or len(lengths) != frames or counts.ndim not in (2, 3):
        raise DataFileError(
            f"{str(path)!r} has counts of shape {counts.shape} and {len(lengths)} lists of "
            "positions: expected one for each frame."
        )
    ends = np.cumsum(lengths)[:-1]
    kinds: tuple[np.ndarray, ...] = ()
    if species is not None:
        if species.shape != positions.shape[:1] or species.max(initial=0) >= len(meta["kinds"]):
            raise DataFileError(
                f"{str(path)!r} has species that do not match its sites, or is damaged."
            )
        kinds = tuple(np.split(species.astype(int), ends))
    return Stored(counts, sampling, tuple(np.split(positions, ends)), meta, kinds)


def _check_sizes(file: BinaryIO) -> None:
    """Raise ValueError for an array over 2 GB or larger than its file: NumPy allocates first."""
    total = 0
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                np.lib.format.read_magic(stream)
                shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
                if math.prod(shape) * dtype.itemsize > member.file_size:
                    raise ValueError(f"{member.filename} holds less than its shape {shape} says")
            total += member.file_size
    if total > _LARGEST:
        raise ValueError(f"it has {total} bytes of arrays, at most {_LARGEST} are allowed")
