# SPDX-License-Identifier: GPL-3.0-or-later
"""What users touch: the methods of ``Signal2D`` and the signals that they return."""

from __future__ import annotations

import importlib

__all__ = ["AtomPositions", "LazyAtomPositions"]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    # HyperSpy's signal classes and dask take a while to import: only who asks for them pays.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.atom_positions"), name)
