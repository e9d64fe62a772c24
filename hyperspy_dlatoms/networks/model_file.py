# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing a network as one safetensors file: arrays, and the card in the header."""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.networks.card import ModelCard, ModelCardError

_LARGEST_FLOAT16 = float(np.finfo(np.float16).max)
_LENGTH_BYTES = 8  # The length of the header comes first, see the format's description.


class ModelFileError(ValueError):
    """A file that is not a usable model file."""


class ModelFile(NamedTuple):
    """A model file as read: its card, its arrays by name, and the hash of its content (hex)."""

    card: ModelCard
    arrays: dict[str, np.ndarray]
    sha256: str


def write_model(
    path: str | os.PathLike[str], card: ModelCard, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a network to one file.

    The file appears under its name only once complete: an existing file stays intact if the disk is
    full or the process is killed.

    Parameters
    ----------
    path : str or os.PathLike
        File to write, usually ``NAME.safetensors``.
    card : ModelCard
        Its card.
    arrays : mapping of str to numpy.ndarray
        Its weights by name; floating-point arrays are stored as float16.

    Raises
    ------
    ModelFileError
        If an array does not hold numbers, or is not finite or not within the range of float16.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from hyperspy_dlatoms import ModelCard
    >>> from hyperspy_dlatoms.networks.model_file import read_model, write_model
    >>> card = ModelCard(
    ...     name="example", version="1", architecture="unet", arguments={}, classes=("C",),
    ...     sampling=0.2, radius=0.5, minimum_distance=1.0, threshold=0.5,
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "example.safetensors"
    ...     write_model(path, card, {"kernel": np.ones((3, 3), np.float32)})
    ...     again, arrays = read_model(path)
    >>> again == card, arrays["kernel"].dtype, arrays["kernel"].shape
    (True, dtype('float32'), (3, 3))
    """
    content = safetensors.numpy.save(
        {name: _to_stored(name, array) for name, array in arrays.items()},
        metadata={"card": card.to_json()},
    )
    with atomic_write(Path(path)) as draft, draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    # Time stamps are too coarse to tell two files written in quick succession.
    _read_once.cache_clear()


def read_model(path: str | os.PathLike[str]) -> tuple[ModelCard, dict[str, np.ndarray]]:
    """Read a network from a file.

    Parameters
    ----------
    path : str or os.PathLike
        File that `write_model` wrote.

    Returns
    -------
    card : ModelCard
        Its card.
    arrays : dict of str to numpy.ndarray
        Its weights by name, floating-point ones as float32.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is not a model file, or is damaged.
    """
    file = _read(_checked(path))
    return file.card, file.arrays


def open_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read a model file; one already read and since unchanged is not read again."""
    path = _checked(path)
    state = path.stat()
    return _read_once(path, state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read_once(path: Path, *_state: int) -> ModelFile:
    return _read(path)


def _checked(path: str | os.PathLike[str]) -> Path:
    path = Path(path).absolute()
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {str(path)!r}.")
    if not path.is_file():
        raise ModelFileError(f"{str(path)!r} is not a file, expected a model file (.safetensors).")
    return path


def _read(path: Path) -> ModelFile:
    content = path.read_bytes()
    try:
        arrays = safetensors.numpy.load(content)
        length = int.from_bytes(content[:_LENGTH_BYTES], "little")
        header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(
            f"{str(path)!r} is not a model file of hyperspy-dlatoms, or is cut off or damaged "
            f"({error}): fetch or copy it again."
        ) from error
    metadata = header.get("__metadata__", {})
    if "card" not in metadata:
        raise ModelFileError(
            f"{str(path)!r} is a safetensors file without a model card, so it is not a model file "
            "of hyperspy-dlatoms: make one with `dlatoms train`."
        )
    try:
        card = ModelCard.from_json(metadata["card"])
    except ModelCardError as error:
        raise ModelFileError(f"{str(path)!r}: {error}") from error
    arrays = {name: _to_working(path, name, array) for name, array in arrays.items()}
    return ModelFile(card, arrays, hashlib.sha256(content).hexdigest())


def _to_stored(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise ModelFileError(f"The array {name!r} has dtype {array.dtype}, expected numbers.")
    if array.dtype.kind != "f":
        return np.asarray(array, order="C")
    if not (np.abs(array) <= _LARGEST_FLOAT16).all():
        raise ModelFileError(
            f"The array {name!r} holds values that are not finite or beyond {_LARGEST_FLOAT16:g}, "
            "the largest of float16: did the training diverge?"
        )
    return np.asarray(array, np.float16, order="C")


def _to_working(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise ModelFileError(
            f"{str(path)!r}: the array {name!r} has dtype {array.dtype}, expected real numbers."
        )
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        working = array.astype(np.float32)
    if not np.isfinite(working).all():
        raise ModelFileError(
            f"{str(path)!r}: the array {name!r} is not finite: the file is damaged."
        )
    return working
