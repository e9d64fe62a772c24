# SPDX-License-Identifier: GPL-3.0-or-later
from .draws import bounds, draw
from .recipe import (
    Curriculum,
    Images,
    NetworkSettings,
    Recipe,
    TrainingSettings,
    Waves,
    parse_recipe,
    read_recipe,
)

__all__ = [
    "Curriculum",
    "Images",
    "NetworkSettings",
    "Recipe",
    "TrainingSettings",
    "Waves",
    "bounds",
    "draw",
    "parse_recipe",
    "read_recipe",
]
