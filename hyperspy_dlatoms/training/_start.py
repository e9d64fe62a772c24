# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that a training starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.network import AtomNetwork

if TYPE_CHECKING:
    import keras

# Weights that are initialised if the network that a training starts from lacks them.
_HEADS = ("maps/", "heights/", "wave/")


def load_start(source: str) -> AtomNetwork:
    """Load the network, of a name or a file, that a training starts from."""
    try:
        network = registry.load(source)
        if not isinstance(network, AtomNetwork):
            raise ValueError("it is an ensemble: name one of its networks.")
        return network
    except (ValueError, OSError) as error:
        raise ValueError(f"The training cannot start from {source!r}: {error}") from error


def start_from(model: keras.Model, network: AtomNetwork, dilations: int) -> None:
    """Copy the weights of another network, which need not have heights or as many classes."""
    # If it has fewer dilations than the model, the additional ones start as the identity.
    weights = {variable.path: variable for variable in network.model.weights}
    fewer = architecture.complete(network.card.arguments)["dilations"]
    added = tuple(f"{architecture.MIDDLE}{number}_" for number in range(len(fewer), dilations))
    for variable in model.weights:
        taken = weights.get(variable.path)
        if variable.path == architecture.FOCUS and taken is not None:
            # What else the model can be told of changes nothing at first; what it cannot be told of
            # any more, a material, stands after the defoci.
            more = variable.shape[0] - taken.shape[0]
            if variable.shape[1] == taken.shape[1] and more:
                kept = np.asarray(taken)[: variable.shape[0]]
                variable.assign(np.pad(kept, [(0, max(more, 0)), (0, 0)]))
                continue
        if taken is not None and tuple(taken.shape) == tuple(variable.shape):
            variable.assign(taken)
        elif variable.path.startswith(added):
            if variable.path.endswith(f"_second{architecture.NORM}/gamma"):
                variable.assign(np.zeros(variable.shape))
        elif variable.path == architecture.MATERIAL:
            variable.assign(np.zeros(variable.shape))
        elif not variable.path.startswith(_HEADS):
            raise ValueError(
                f"The training cannot start from {network.card.name!r}: its architecture is "
                f"another one, with the arguments {network.card.arguments}."
            )
