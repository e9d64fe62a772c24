# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signal has to know of a network without loading it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from hyperspy_dlatoms.networks.card import ModelCard

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.ensemble import EnsembleHandle
    from hyperspy_dlatoms.networks.network import NetworkHandle
    from hyperspy_dlatoms.registry.catalogue import ModelLike


class Model(NamedTuple):
    """A network, or several, loaded where they are needed.

    Attributes
    ----------
    handle : NetworkHandle or EnsembleHandle
        Loads the networks, once in a process.
    card : ModelCard
        The card, the one that stands for all members of an ensemble.
    members : tuple of ModelCard
        The cards of the members; empty for one network.
    """

    handle: NetworkHandle | EnsembleHandle
    card: ModelCard
    members: tuple[ModelCard, ...] = ()


def resolve(model: ModelLike) -> Model:
    """Return the handle and the cards of a network or an ensemble without loading it.

    Parameters
    ----------
    model : str, pathlib.Path, AtomNetwork, AtomEnsemble, list or tuple
        A name in the registry, the path of a model file, a loaded network or ensemble, or several
        of them.

    Returns
    -------
    Model
        What `find_atoms` and `predict_atoms` need to know of it.
    """
    from hyperspy_dlatoms.networks.ensemble import EnsembleHandle, common_card
    from hyperspy_dlatoms.registry import catalogue

    handle = catalogue.handle(model)
    if not isinstance(handle, EnsembleHandle):
        return Model(handle, _card_of(handle))
    members = tuple(map(_card_of, handle.members))
    return Model(handle, common_card(members, handle.name, handle.threshold), members)


@lru_cache(maxsize=16)
def _card_of(handle: NetworkHandle) -> ModelCard:
    """Read a card; the handle has the hash of the file, so that a changed one is read again."""
    from hyperspy_dlatoms.networks.model_file import read_model

    return read_model(handle.path)[0]
