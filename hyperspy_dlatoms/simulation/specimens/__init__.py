# SPDX-License-Identifier: GPL-3.0-or-later
"""Specimens: atoms in a box, and their columns."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
