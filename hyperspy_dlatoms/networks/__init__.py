# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: their card, their file, and what an image goes through on its way in."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
