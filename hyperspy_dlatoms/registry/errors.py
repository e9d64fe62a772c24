# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the registry."""

from __future__ import annotations


class RegistryError(ValueError):
    """A model that the registry does not know or cannot give."""
