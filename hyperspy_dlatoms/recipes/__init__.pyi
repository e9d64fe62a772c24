# SPDX-License-Identifier: GPL-3.0-or-later
from .recipe import Recipe, parse_recipe, read_recipe

__all__ = [
    "Recipe",
    "parse_recipe",
    "read_recipe",
]
