# SPDX-License-Identifier: GPL-3.0-or-later
"""What type checkers know of the public names; mypy reads this file, nothing runs it."""

from pathlib import Path
from typing import assert_type

import numpy as np

import hyperspy_dlatoms
from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry.listing import Item, Listing
from hyperspy_dlatoms.signals.atom_positions import AtomPositions


def check() -> None:
    """Say what each public name is."""
    atoms = hyperspy_dlatoms.AtomPositions.from_frames(np.zeros((1, 2)), sampling=0.1)
    assert_type(atoms, AtomPositions)
    assert_type(hyperspy_dlatoms.AtomNetwork.load("gold.safetensors"), AtomNetwork)
    assert_type(hyperspy_dlatoms.AtomNetwork.load("gold.safetensors").card, ModelCard)
    assert_type(registry.load("graphene"), AtomNetwork | AtomEnsemble)
    assert_type(registry.path("graphene"), Path)
    assert_type(registry.names(), tuple[str, ...])
    assert_type(registry.list(), Listing)
    assert_type(registry.info("graphene"), Item)

    # A name that is not there is an error, which no ignored one would be if all names were Any.
    hyperspy_dlatoms.nothing  # type: ignore[attr-defined]  # noqa: B018
    registry.nothing  # type: ignore[attr-defined]  # noqa: B018
