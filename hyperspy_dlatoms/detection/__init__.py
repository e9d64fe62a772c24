# SPDX-License-Identifier: GPL-3.0-or-later
"""From frames to sites, and to maps of probability: pure functions of arrays."""

from __future__ import annotations

from hyperspy_dlatoms.detection.detect import find_sites, probability_maps

__all__ = ["find_sites", "probability_maps"]
