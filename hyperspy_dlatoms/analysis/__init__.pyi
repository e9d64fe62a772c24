# SPDX-License-Identifier: GPL-3.0-or-later
from ._events import jumps, residence
from ._pair_distances import PairDistances, pair_distances
from ._prevalence import Prevalence, Rates, prevalence
from .matching import match

__all__ = [
    "PairDistances",
    "Prevalence",
    "Rates",
    "jumps",
    "match",
    "pair_distances",
    "prevalence",
    "residence",
]
