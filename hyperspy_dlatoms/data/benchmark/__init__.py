# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks of networks: specimens, their exit waves, and the conditions of the frames."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
