# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines: classical methods that networks are compared with, and the specimens to do it on."""

# Adds its sheets to the specimens that can be planned.
from peers import dichalcogenides  # noqa: F401
