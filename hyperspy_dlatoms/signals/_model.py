# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signal has to know of a network without loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hyperspy_dlatoms.networks.card import ModelCard

if TYPE_CHECKING:
    from hyperspy_dlatoms.registry.catalogue import ModelLike
    from hyperspy_dlatoms.registry.handles import Handle


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

    handle: Handle
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
    from hyperspy_dlatoms.registry import catalogue
    from hyperspy_dlatoms.registry.handles import EnsembleHandle

    handle = catalogue.handle(model)
    members = handle.cards if isinstance(handle, EnsembleHandle) else ()
    return Model(handle, handle.card, members)
