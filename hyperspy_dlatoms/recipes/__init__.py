# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: the ranges and settings that make a data set and a network, and their draws."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
