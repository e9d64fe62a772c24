# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines: classical methods that networks are compared with, and specimens for it."""

# Adds its sheets to the specimens that can be planned.
from peers import dichalcogenides  # noqa: F401
