# SPDX-License-Identifier: GPL-3.0-or-later
from .bound import fisher, site_bounds
from .calibration import reliability
from .confusion import confusion, counts_by_kind
from .evaluate import Evaluation, evaluate
from .finder import Finder, model_finder
from .report import write_report

__all__ = [
    "Evaluation",
    "Finder",
    "confusion",
    "counts_by_kind",
    "evaluate",
    "fisher",
    "model_finder",
    "reliability",
    "site_bounds",
    "write_report",
]
