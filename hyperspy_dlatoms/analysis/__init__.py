# SPDX-License-Identifier: GPL-3.0-or-later
"""Analysis of positions of atoms: arrays in, arrays and tables out."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
