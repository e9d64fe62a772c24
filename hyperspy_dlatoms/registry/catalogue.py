# SPDX-License-Identifier: GPL-3.0-or-later
"""The models of the registry: names, paths or loaded networks become a network or an ensemble."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias, cast

from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry import sources
from hyperspy_dlatoms.registry.entries import Entry, is_name
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.fetch import fetch

_SUFFIX = ".safetensors"

OneModel: TypeAlias = "str | os.PathLike[str] | AtomNetwork"
# A name, a path, a loaded network or ensemble, or several of these, which make an ensemble.
ModelLike: TypeAlias = "str | os.PathLike[str] | AtomNetwork | AtomEnsemble | Sequence[ModelLike]"


def names() -> tuple[str, ...]:
    """Return the names of the networks of the package's own catalogue, sorted.

    Returns
    -------
    tuple of str

    See Also
    --------
    ensembles : The ensembles.
    hyperspy_dlatoms.registry.list : Also the models of other sources.
    """
    return tuple(sorted(entry.name for entry in sources.own_entries() if entry.kind == "model"))


def ensembles() -> dict[str, Entry]:
    """Return the ensembles of the package's own catalogue, sorted by name.

    Returns
    -------
    dict of str to Entry

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> registry.ensembles()["graphene-ensemble"].members
    ('graphene', 'graphene-random', 'graphene-polycrystal')
    """
    found = {entry.name: entry for entry in sources.own_entries() if entry.kind == "ensemble"}
    return dict(sorted(found.items()))


def path(name: str, *, offline: bool = False, show_progressbar: bool | None = None) -> Path:
    """Return the model file of a network, downloading it if it is not on this computer.

    Parameters
    ----------
    name : str
        One of `names`, or ``source/name`` for one from another source.
    offline : bool, optional
        Whether never to use the internet.
    show_progressbar : bool, optional
        Whether to show a progress bar; by default HyperSpy's preference.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    RegistryError
        If there is no network of that name, its file cannot be obtained, or it is an ensemble,
        which has no file of its own.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> registry.path("no-such-model")
    Traceback (most recent call last):
    ...
    hyperspy_dlatoms.registry.errors.RegistryError: There is no model 'no-such-model'...
    """
    entry = _entry(str(name), offline)
    if entry.kind == "ensemble":
        raise RegistryError(
            f"{name!r} is an ensemble; each of its members has a file of its own: "
            f"{', '.join(entry.members)}."
        )
    return fetch(entry, offline=offline, show_progressbar=show_progressbar)


def load(model: ModelLike, *, offline: bool = False) -> AtomNetwork | AtomEnsemble:
    """Load a model.

    Parameters
    ----------
    model : str, os.PathLike, AtomNetwork, AtomEnsemble, list or tuple
        A name in the catalogue, ``source/name`` for one from another source, the path of a model
        file, or several of these, which make an ensemble; a network or an ensemble is returned as
        it is.
    offline : bool, optional
        Whether never to use the internet.

    Returns
    -------
    AtomNetwork or AtomEnsemble

    Raises
    ------
    RegistryError
        If it is neither a known name nor a path, its file cannot be had, or a member of an
        ensemble is missing.
    FileNotFoundError
        If it is a path and there is no such file.
    ModelFileError
        If the file is not a model file, or a damaged one.
    ValueError
        If several networks do not fit together.
    TypeError
        If `model` is something else.
    """

    def one(model: OneModel) -> AtomNetwork:
        if isinstance(model, AtomNetwork):
            return model
        return AtomNetwork.load(file_of(model, offline=offline))

    if isinstance(model, AtomEnsemble):
        return model
    networks = networks_of(model, offline)
    if isinstance(networks, list):
        return AtomEnsemble(
            [one(member) for member in networks], *name_and_threshold(model, offline)
        )
    return one(networks)


def member_name(entry: Entry, member: str) -> str:
    """Return the full name of an ensemble's member: from the same source unless it names one."""
    return f"{entry.source}/{member}" if entry.source and "/" not in member else member


def name_and_threshold(model: ModelLike, offline: bool) -> tuple[str | None, float | None]:
    """Return the name and the threshold of an ensemble, if it has its own."""
    if isinstance(model, AtomEnsemble):
        return model.card.name, model.threshold
    if not isinstance(model, str):
        return None, None
    entry = _entry(model, offline)
    # Its own name, without the source: cards have no slashes in theirs.
    return entry.name, entry.threshold


def networks_of(model: ModelLike, offline: bool) -> OneModel | list[OneModel]:
    """Return a network as given, or those of an ensemble and of the ensembles in it."""
    if isinstance(model, AtomEnsemble):
        return list(model.members)
    if isinstance(model, list | tuple):
        parts = [networks_of(one, offline) for one in model]
        return [one for part in parts for one in (part if isinstance(part, list) else [part])]
    if isinstance(model, str) and is_registered(model):
        entry = _entry(model, offline)
        if entry.kind == "ensemble":
            return list(_members_of(entry, offline))
    return cast("OneModel", model)


def _members_of(entry: Entry, offline: bool) -> Iterator[str]:
    missing = []
    for member in entry.members:
        name = member_name(entry, member)
        try:
            sources.find(name, offline=offline)
        except RegistryError:
            missing.append(member)
        else:
            yield name
    if missing:
        raise RegistryError(
            f"The ensemble {entry.full_name!r} lacks {', '.join(missing)} of its members "
            f"{', '.join(entry.members)}: install a release of hyperspy-dlatoms that has them, or "
            "give a list of models of your own."
        )


def _entry(name: str, offline: bool) -> Entry:
    """Return the entry of a model or an ensemble."""
    if "/" in name:
        entry = sources.find(name, offline=offline)
    else:
        known = {entry.name: entry for entry in sources.own_entries()}
        entry = known.get(name) or _unknown(name)
    if entry.kind not in ("model", "ensemble"):
        raise RegistryError(
            f"{name!r} is of the kind {entry.kind}, not a model: load it with "
            "hyperspy_dlatoms.registry.load_dataset."
        )
    return entry


def _unknown(name: str) -> Entry:
    known, together = names(), ensembles()
    parts = [one for one in re.split(r"[\s,;+]+", name) if one]
    if len(parts) > 1 and all(one in known for one in parts):
        raise RegistryError(
            f"There is no model {name!r}. Give several networks as a list, {parts}: they are "
            "applied together as an ensemble."
        )
    meant = sources.did_you_mean(name, [*known, *together])
    raise RegistryError(
        f"There is no model {name!r}.{meant} Known models: {', '.join(known) or 'none'}; "
        f"ensembles: {', '.join(together) or 'none'}; or give the path of a model file "
        f"(*{_SUFFIX})."
    )


def file_of(model: str | os.PathLike[str], *, offline: bool = False) -> Path:
    """Return the file of a model given by name or by path."""
    if isinstance(model, os.PathLike):
        return _path_of(model)
    if not isinstance(model, str):
        raise TypeError(
            f"The model is a {type(model).__name__}, expected a name, the path of a model file, a "
            "loaded network, or a list of these."
        )
    if is_registered(model):
        return path(model, offline=offline)
    if "://" in model or model.startswith("doi:"):
        raise RegistryError(
            f"{model!r} is an address, expected a name or the path of a model file: download it "
            "and give its path, or use a registry at an address by "
            "hyperspy_dlatoms.registry.add_source."
        )
    return _path_of(model)


def _path_of(model: str | os.PathLike[str]) -> Path:
    # Unlike `Path.expanduser`, this leaves the folder of an unknown user as it is.
    return Path(os.path.expanduser(model))


def is_registered(model: str) -> bool:
    """Whether a text is a name, not a path; a known name takes precedence over a file."""
    if any(entry.name == model for entry in sources.own_entries()):
        return True
    source, separator, name = model.partition("/")
    if separator and is_name(source) and sources.has_source(source):
        return True
    if model.endswith(_SUFFIX) or Path(model).is_file():
        return False
    return is_name(source) and is_name(name) if separator else os.sep not in model
