# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that come with the package, by name."""

from __future__ import annotations

from hyperspy_dlatoms.registry.catalogue import handle, load, names, path
from hyperspy_dlatoms.registry.errors import RegistryError

__all__ = ["RegistryError", "handle", "load", "names", "path"]
