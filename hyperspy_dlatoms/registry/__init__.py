# SPDX-License-Identifier: GPL-3.0-or-later
"""Models and data sets by name: those of the package, and those that others publish."""

from __future__ import annotations

import importlib

from hyperspy_dlatoms.registry._publishing import publish
from hyperspy_dlatoms.registry.catalogue import ensembles, handle, load, names, path
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.listing import info
from hyperspy_dlatoms.registry.listing import listing as list
from hyperspy_dlatoms.registry.sources import add_source

__all__ = [
    "RegistryError",
    "add_source",
    "ensembles",
    "handle",
    "info",
    "list",
    "load",
    "load_dataset",
    "names",
    "path",
    "publish",
]


def __getattr__(name):
    # Signals and simulations are no part of the registry: only who asks for data gets them.
    if name != "load_dataset":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("hyperspy_dlatoms.data.datasets").load_dataset
