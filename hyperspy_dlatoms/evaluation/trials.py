# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the benchmark curves were before they moved to `hyperspy_dlatoms.data.benchmark`."""

from hyperspy_dlatoms.data.benchmark.curves import Point, Trial, has_trial, material_of, trial

__all__ = ["Point", "Trial", "has_trial", "material_of", "trial"]
