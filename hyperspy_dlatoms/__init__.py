# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the atoms of HRTEM images in HyperSpy with neural networks.

Importing the package puts ``find_atoms_nn``, ``predict_atoms_nn``, ``ensemble_agreement``,
``masked_pixels``, ``estimate_sampling``, ``classify_species``, ``predict_species`` and
``reconstruct_exit_wave_nn`` on :class:`hyperspy.api.signals.Signal2D` and so on its subclasses,
lazy ones included.
"""

import lazy_loader as lazy

from hyperspy_dlatoms import _moved
from hyperspy_dlatoms._version import __version__
from hyperspy_dlatoms.signals.methods import attach_methods

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
__all__ = ["__version__", *__all__]

_moved.install()
attach_methods()
