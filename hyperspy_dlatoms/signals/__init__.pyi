# SPDX-License-Identifier: GPL-3.0-or-later
from .atom_positions import AtomPositions, LazyAtomPositions

__all__ = ["AtomPositions", "LazyAtomPositions"]
