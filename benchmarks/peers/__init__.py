# SPDX-License-Identifier: GPL-3.0-or-later
"""What networks are compared with: classical methods, and specimens for these comparisons."""

# Adds its sheets to the specimens that can be planned.
from peers import dichalcogenides  # noqa: F401
