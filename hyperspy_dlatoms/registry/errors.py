# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the registry."""


class RegistryError(ValueError):
    """A model, data set or source that is not in the registry, or cannot be obtained."""
