# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulation: specimens, their exit waves, and their images."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
