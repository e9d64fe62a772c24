# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of models: from a name, a path or a loaded network to a network."""

from __future__ import annotations

import difflib
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from hyperspy_dlatoms.registry.errors import RegistryError

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork, NetworkHandle

_SUFFIX = ".safetensors"


def names() -> tuple[str, ...]:
    """Return the names of the models that there are, sorted.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(file.stem for file in _folder().glob(f"*{_SUFFIX}")))


def path(name: str) -> Path:
    """Return the model file of a name.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RegistryError
        If there is no model of that name.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> registry.path("no-such-model")
    Traceback (most recent call last):
    ...
    hyperspy_dlatoms.registry.errors.RegistryError: There is no model 'no-such-model'...
    """
    known = names()
    if name in known:
        return _folder() / f"{name}{_SUFFIX}"
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    meant = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise RegistryError(
        f"There is no model {name!r}.{meant} Known are: {', '.join(known) or 'none'}; "
        f"or give the path of a model file (*{_SUFFIX})."
    )


def load(model: str | os.PathLike[str] | AtomNetwork) -> AtomNetwork:
    """Load a model.

    Parameters
    ----------
    model : str, os.PathLike or AtomNetwork
        A name of the catalogue, the path of a model file, or a network, which is returned as it is.

    Returns
    -------
    AtomNetwork

    Raises
    ------
    RegistryError
        If it is neither a known name nor a path.
    FileNotFoundError
        If it is a path and there is no such file.
    ModelFileError
        If the file is not a model file, or a damaged one.
    TypeError
        If `model` is something else.
    """
    from hyperspy_dlatoms.networks.network import AtomNetwork

    if isinstance(model, AtomNetwork):
        return model
    return AtomNetwork.load(_file(model))


def handle(model: str | os.PathLike[str] | AtomNetwork) -> NetworkHandle:
    """Return the small picklable handle of a model, for work spread over processes.

    Parameters
    ----------
    model : str, os.PathLike or AtomNetwork
        As for `load`; a network must have been read from a file.

    Returns
    -------
    NetworkHandle

    Raises
    ------
    RegistryError
        If it is neither a known name nor a path, or a network that is only in memory.
    FileNotFoundError
        If it is a path and there is no such file.
    TypeError
        If `model` is something else.
    """
    from hyperspy_dlatoms.networks.network import AtomNetwork, NetworkHandle

    if not isinstance(model, AtomNetwork):
        return NetworkHandle.of(_file(model))
    if model.path is None:
        raise RegistryError(
            f"The network {model.card.name!r} is only in memory: save it to a file with `save` and "
            "give the path of that file."
        )
    return NetworkHandle.of(model.path)


def _file(model: str | os.PathLike[str]) -> Path:
    if isinstance(model, os.PathLike):
        return Path(model)
    if not isinstance(model, str):
        raise TypeError(
            f"The model is a {type(model).__name__}, expected a name, the path of a model file, or "
            "a loaded network."
        )
    if model not in names() and _looks_like_path(model):
        return Path(model)
    return path(model)


def _looks_like_path(model: str) -> bool:
    return model.endswith(_SUFFIX) or "/" in model or os.sep in model or Path(model).is_file()


def _folder() -> Path:
    return Path(str(files("hyperspy_dlatoms.registry") / "weights"))
