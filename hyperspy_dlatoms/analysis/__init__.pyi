# SPDX-License-Identifier: GPL-3.0-or-later
from ._events import jumps, residence
from ._pair_distances import PairDistances, pair_distances
from ._prevalence import Prevalence, Rates, prevalence
from .matching import match
from .quality import Flags, FrameQuality, flags, frame_quality, remarks

__all__ = [
    "Flags",
    "FrameQuality",
    "PairDistances",
    "Prevalence",
    "Rates",
    "flags",
    "frame_quality",
    "jumps",
    "match",
    "pair_distances",
    "prevalence",
    "remarks",
    "residence",
]
