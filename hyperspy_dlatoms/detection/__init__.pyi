# SPDX-License-Identifier: GPL-3.0-or-later
from .detect import find_sites
from .mapping import agreement_maps, probability_maps
from .sampling import SamplingError

__all__ = [
    "SamplingError",
    "agreement_maps",
    "find_sites",
    "probability_maps",
]
