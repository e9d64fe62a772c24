# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: the ranges and settings that define a data set and a network, and draws from them."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
