# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing a network as one safetensors file: arrays, and the card in the header."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hyperspy_dlatoms.networks.card import ModelCard, ModelCardError

_LARGEST_FLOAT16 = float(np.finfo(np.float16).max)


class ModelFileError(ValueError):
    """A file that is not a usable model file."""


def write_model(
    path: str | os.PathLike[str], card: ModelCard, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a network to one file.

    The file appears under its name only when it is complete: a file that was there before stays
    whole if the disk is full or the process is killed.

    Parameters
    ----------
    path : str or os.PathLike
        File to write, by custom ``NAME.safetensors``.
    card : ModelCard
        Its card.
    arrays : mapping of str to numpy.ndarray
        Its weights by name; floating-point arrays are stored as float16.

    Raises
    ------
    ModelFileError
        If an array is neither of numbers, nor finite, nor within the range of float16.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from hyperspy_dlatoms.networks.card import ModelCard
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
    path = Path(path)
    content = save(
        {name: _to_stored(name, array) for name, array in arrays.items()},
        metadata={"card": card.to_json()},
    )
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes a private file, a model file is to be read by others.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
        If it is not a model file, or a damaged one.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {str(path)!r}.")
    if not path.is_file():
        raise ModelFileError(f"{str(path)!r} is not a file, expected a model file (.safetensors).")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(
            f"{str(path)!r} is not a model file of hyperspy-dlatoms, or is cut off or damaged "
            f"({error}): fetch or copy it again."
        ) from error
    if "card" not in metadata:
        raise ModelFileError(
            f"{str(path)!r} is a safetensors file without a model card, so not a model file of "
            "hyperspy-dlatoms: make one with `dlatoms train`."
        )
    try:
        card = ModelCard.from_json(metadata["card"])
    except ModelCardError as error:
        raise ModelFileError(f"{str(path)!r}: {error}") from error
    arrays = {name: _to_working(path, name, array) for name, array in arrays.items()}
    return card, arrays


def _to_stored(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise ModelFileError(f"The array {name!r} has dtype {array.dtype}, expected numbers.")
    if array.dtype.kind != "f":
        return np.ascontiguousarray(array)
    if not (np.abs(array) <= _LARGEST_FLOAT16).all():
        raise ModelFileError(
            f"The array {name!r} holds values that are not finite or beyond {_LARGEST_FLOAT16:g}, "
            "the largest of float16: did the training diverge?"
        )
    return np.ascontiguousarray(array, dtype=np.float16)


def _to_working(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        return array
    if not np.isfinite(array).all():
        raise ModelFileError(
            f"{str(path)!r}: the array {name!r} is not finite: the file is damaged."
        )
    return array.astype(np.float32)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
