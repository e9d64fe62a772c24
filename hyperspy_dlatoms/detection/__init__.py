# SPDX-License-Identifier: GPL-3.0-or-later
"""From frames to sites, and to maps of probability and agreement: pure functions of arrays."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
