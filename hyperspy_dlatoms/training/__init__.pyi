# SPDX-License-Identifier: GPL-3.0-or-later
from .calibrate import calibrate_ensemble, calibrate_network
from .fit import train

__all__ = [
    "calibrate_ensemble",
    "calibrate_network",
    "train",
]
