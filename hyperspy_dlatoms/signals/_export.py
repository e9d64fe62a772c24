# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions of atoms as tables, markers, ASE structures and files.

`frames` are object arrays of (n, k) arrays, whose shape is the navigation shape, (1,) for one
frame.
"""

from __future__ import annotations
