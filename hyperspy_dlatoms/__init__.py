# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the atoms of HRTEM images in HyperSpy with neural networks.

Importing the package puts ``find_atoms_nn``, ``predict_atoms_nn``, ``ensemble_agreement``,
``estimate_sampling``, ``classify_species``, ``predict_species`` and ``reconstruct_exit_wave_nn`` on
:class:`hyperspy.api.signals.Signal2D` and so on its subclasses, lazy ones included.

Examples
--------
>>> import hyperspy.api as hs
>>> import hyperspy_dlatoms
>>> callable(hs.signals.Signal2D.find_atoms_nn)
True
"""

from __future__ import annotations

import importlib

from hyperspy_dlatoms.signals.methods import attach_methods

__version__ = "0.1.0"

_PUBLIC = {
    "AtomEnsemble": "hyperspy_dlatoms.networks.ensemble",
    "AtomNetwork": "hyperspy_dlatoms.networks.network",
    "AtomPositions": "hyperspy_dlatoms.signals",
    "ExtrapolationError": "hyperspy_dlatoms.networks.domain",
    "LazyAtomPositions": "hyperspy_dlatoms.signals",
    "ModelCard": "hyperspy_dlatoms.networks.card",
    "RegistryError": "hyperspy_dlatoms.registry",
    "SamplingError": "hyperspy_dlatoms.detection.sampling",
    "data": None,
    "jumps": "hyperspy_dlatoms.analysis.events",
    "registry": None,
    "residence": "hyperspy_dlatoms.analysis.events",
}

__all__ = ["__version__", *_PUBLIC]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _PUBLIC[name]
    if module is None:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(module), name)


attach_methods()
