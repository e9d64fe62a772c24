# SPDX-License-Identifier: GPL-3.0-or-later
"""Image formation: from an exit wave to the counts of a camera."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
