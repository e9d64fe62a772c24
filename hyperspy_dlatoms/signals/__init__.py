# SPDX-License-Identifier: GPL-3.0-or-later
"""The user interface: the methods of ``Signal2D`` and the signals that they return."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
