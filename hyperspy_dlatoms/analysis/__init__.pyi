# SPDX-License-Identifier: GPL-3.0-or-later
from .events import jumps, residence
from .matching import match
from .pair_distances import PairDistances, pair_distances
from .prevalence import Prevalence, Rates, prevalence

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
