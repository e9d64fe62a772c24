# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of networks: scores against the true sites and the Cramér-Rao bound."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
