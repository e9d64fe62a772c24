# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: their cards and files, and the preparation of their input."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
