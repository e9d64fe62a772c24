# SPDX-License-Identifier: GPL-3.0-or-later
"""Models and data sets by name: those of the package and those published by others."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
