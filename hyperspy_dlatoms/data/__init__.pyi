# SPDX-License-Identifier: GPL-3.0-or-later
from .datasets import LabelledImages, load_dataset
from .examples import focal_series, graphene, mos2_series, movie, nanoparticle

__all__ = [
    "LabelledImages",
    "focal_series",
    "graphene",
    "load_dataset",
    "mos2_series",
    "movie",
    "nanoparticle",
]
