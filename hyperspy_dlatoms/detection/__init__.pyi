# SPDX-License-Identifier: GPL-3.0-or-later
from .exit_waves import exit_waves
from .mapping import agreement_maps, probability_maps
from .pipeline import Detection, Search, detect, find_sites
from .sampling import SamplingError
from .sites import Sites

__all__ = [
    "Detection",
    "SamplingError",
    "Search",
    "Sites",
    "agreement_maps",
    "detect",
    "exit_waves",
    "find_sites",
    "probability_maps",
]
