# SPDX-License-Identifier: GPL-3.0-or-later
"""Example images, simulated, as HyperSpy signals.

Examples
--------
>>> import hyperspy_dlatoms
>>> hyperspy_dlatoms.data.nanoparticle()
<Signal2D, title: Nanoparticle, dimensions: (|512, 512)>
"""

from __future__ import annotations

from hyperspy_dlatoms.data.examples import focal_series, graphene, movie, nanoparticle

__all__ = ["focal_series", "graphene", "movie", "nanoparticle"]
