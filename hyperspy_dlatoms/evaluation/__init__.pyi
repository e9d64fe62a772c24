# SPDX-License-Identifier: GPL-3.0-or-later
from .bound import fisher, site_bounds
from .calibration import reliability
from .confusion import confusion, counts_by_kind
from .evaluate import Evaluation, evaluate

__all__ = [
    "Evaluation",
    "confusion",
    "counts_by_kind",
    "evaluate",
    "fisher",
    "reliability",
    "site_bounds",
]
