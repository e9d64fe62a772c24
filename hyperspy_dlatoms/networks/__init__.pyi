# SPDX-License-Identifier: GPL-3.0-or-later
from .architecture import build
from .card import ModelCard, ModelCardError
from .domain import Domain, DomainScore, ExtrapolationError
from .ensemble import AtomEnsemble
from .model_file import ModelFileError, read_model, write_model
from .network import AtomNetwork

__all__ = [
    "AtomEnsemble",
    "AtomNetwork",
    "Domain",
    "DomainScore",
    "ExtrapolationError",
    "ModelCard",
    "ModelCardError",
    "ModelFileError",
    "build",
    "read_model",
    "write_model",
]
