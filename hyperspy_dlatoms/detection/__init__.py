# SPDX-License-Identifier: GPL-3.0-or-later
"""From frames to sites, and to maps of probability and agreement: pure functions of arrays."""

from __future__ import annotations

from hyperspy_dlatoms.detection.detect import find_sites
from hyperspy_dlatoms.detection.mapping import agreement_maps, probability_maps

__all__ = ["agreement_maps", "find_sites", "probability_maps"]
