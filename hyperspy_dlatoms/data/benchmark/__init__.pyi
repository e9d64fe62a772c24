# SPDX-License-Identifier: GPL-3.0-or-later
from .curves import Benchmark, benchmark

__all__ = ["Benchmark", "benchmark"]
