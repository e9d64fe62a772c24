# SPDX-License-Identifier: GPL-3.0-or-later
from .fit import train

__all__ = [
    "train",
]
