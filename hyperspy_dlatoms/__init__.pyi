# SPDX-License-Identifier: GPL-3.0-or-later
from . import data, registry
from ._warnings import (
    DLAtomsWarning,
    DriftWarning,
    ExtrapolationWarning,
    FocalAxisWarning,
    MaskedPixelsWarning,
    NothingFoundWarning,
    RegistryWarning,
    SamplingWarning,
)
from .analysis import jumps, residence
from .detection.sampling import SamplingError
from .networks.card import ModelCard
from .networks.domain import ExtrapolationError
from .networks.ensemble import AtomEnsemble
from .networks.network import AtomNetwork
from .registry.errors import RegistryError
from .signals.atom_positions import AtomPositions, LazyAtomPositions

__version__: str
__all__ = [
    "AtomEnsemble",
    "AtomNetwork",
    "AtomPositions",
    "DLAtomsWarning",
    "DriftWarning",
    "ExtrapolationError",
    "ExtrapolationWarning",
    "FocalAxisWarning",
    "LazyAtomPositions",
    "MaskedPixelsWarning",
    "ModelCard",
    "NothingFoundWarning",
    "RegistryError",
    "RegistryWarning",
    "SamplingError",
    "SamplingWarning",
    "__version__",
    "data",
    "jumps",
    "registry",
    "residence",
]
