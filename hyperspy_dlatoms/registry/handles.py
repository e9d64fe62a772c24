# SPDX-License-Identifier: GPL-3.0-or-later
"""Handles of models for other processes: small, picklable, loaded once per process."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeAlias

from hyperspy_dlatoms.networks._precision import PRECISION, precision
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble, common_card
from hyperspy_dlatoms.networks.model_file import ModelFileError, open_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import ENGINE, engine
from hyperspy_dlatoms.registry import catalogue, sources
from hyperspy_dlatoms.registry.catalogue import ModelLike, OneModel
from hyperspy_dlatoms.registry.entries import PACKAGE
from hyperspy_dlatoms.registry.errors import RegistryError

_loading = threading.RLock()  # Threads that ask for the same network at once share one.


@dataclass(frozen=True)
class NetworkHandle:
    """A network, given by the path and hash of its file, and its registry name if it has one."""

    path: str
    sha256: str
    precision: str  # Chosen where the signal is prepared, so that all workers use the same.
    # By this a machine without the file gets it. The content makes the network, not its name.
    name: str | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls, path: str | os.PathLike[str], name: str | None = None, chosen: str | None = None
    ) -> NetworkHandle:
        """Return the handle of a model file, in its precision here or a `chosen` one."""
        path = Path(path).absolute()
        file = open_model(path)
        return cls(str(path), file.sha256, chosen or precision(file.card), name)

    def __reduce__(self):
        return NetworkHandle, (self.path, self.sha256, self.precision, self.name)

    @cached_property
    def card(self) -> ModelCard:
        """The card, read without building the network; it does not travel with the handle."""
        return open_model(self.path).card

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of all networks that are applied to an image."""
        return (self.card,)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that the networks run in."""
        return (self.precision,)

    def get(self) -> AtomNetwork:
        """Load the network, or take the one that this process has already."""
        with _loading:
            return _get(self, engine())


@dataclass(frozen=True)
class EnsembleHandle:
    """An ensemble, given by the handles of its members, with its own name and threshold if any."""

    members: tuple[NetworkHandle, ...]
    name: str | None = None
    threshold: float | None = None

    @property
    def card(self) -> ModelCard:
        """The card that stands for all members."""
        return common_card(self.cards, self.name, self.threshold)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of all networks that are applied to an image."""
        return tuple(member.card for member in self.members)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that the networks run in."""
        return tuple(member.precision for member in self.members)

    def get(self) -> AtomEnsemble:
        """Load the members, or take those that this process has already."""
        return AtomEnsemble([member.get() for member in self.members], self.name, self.threshold)


Handle: TypeAlias = NetworkHandle | EnsembleHandle


def handle(model: ModelLike, *, offline: bool = False) -> Handle:
    """Return a small picklable handle of a model, for work spread over processes.

    Parameters
    ----------
    model : str, os.PathLike, AtomNetwork, AtomEnsemble, list or tuple
        As for `load`; networks must have been read from a file.
    offline : bool, optional
        Whether never to use the internet.

    Returns
    -------
    NetworkHandle or EnsembleHandle

    Raises
    ------
    RegistryError
        As for `load`, and for a network that is only in memory.
    FileNotFoundError, TypeError
        As for `load`.
    """
    if isinstance(model, str) and (
        packaged := _packaged(model, tuple(map(os.environ.get, (PRECISION, ENGINE))))
    ):
        return packaged

    def one(model: OneModel) -> NetworkHandle:
        if not isinstance(model, AtomNetwork):
            file = catalogue.file_of(model, offline=offline)
            known = not offline and isinstance(model, str) and catalogue.is_registered(model)
            return NetworkHandle.of(file, str(model) if known else None)
        if model.path is None:
            raise RegistryError(
                f"The network {model.card.name!r} is only in memory: save it to a file with `save` "
                "and give the path of that file."
            )
        return NetworkHandle.of(model.path, chosen=model.precision)

    networks = catalogue.networks_of(model, offline)
    if isinstance(networks, list):
        return EnsembleHandle(
            tuple(map(one, networks)), *catalogue.name_and_threshold(model, offline)
        )
    return one(networks)


# What comes with the package does not change while it runs.
@lru_cache(maxsize=32)
def _packaged(name: str, requested: tuple[str | None, ...]) -> Handle | None:
    """Return the handle of a model whose files come with the package, None for others."""
    # This depends on the precision and engine that the environment requests.
    known = {entry.name: entry for entry in sources.own_entries()}
    entry = known.get(name)
    if entry is None or entry.kind not in ("model", "ensemble"):
        return None
    if entry.kind == "ensemble":
        found = (_packaged(member, requested) for member in entry.members)
        members = tuple(member for member in found if isinstance(member, NetworkHandle))
        complete = len(members) == len(entry.members)
        return EnsembleHandle(members, name, entry.threshold) if complete else None
    if not entry.where[0].startswith(PACKAGE):
        return None
    path = entry.places()[0]
    handle = NetworkHandle.of(path, name) if Path(path).is_file() else None
    # If the file is missing or another one, fetching it says what to do.
    return handle if handle and handle.sha256 == entry.sha256 else None


@lru_cache(maxsize=8)
def _get(handle: NetworkHandle, _engine: str) -> AtomNetwork:
    path = Path(handle.path)
    if handle.name is not None and not (path.is_file() and _is(path, handle)):
        path = catalogue.path(handle.name, show_progressbar=False)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model file {handle.path!r} on this machine: all workers need it at the "
            "same place."
        )
    if not _is(path, handle):
        raise ModelFileError(
            f"The model file {str(path)!r} has changed since the signal was prepared, or differs "
            "between machines: start again, with one file."
        )
    return AtomNetwork.load(path, handle.precision)


def _is(path: Path, handle: NetworkHandle) -> bool:
    try:
        return open_model(path).sha256 == handle.sha256
    except ModelFileError:
        return False
