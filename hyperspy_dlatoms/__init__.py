# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the atoms of TEM and STEM images in HyperSpy with neural networks.

Importing the package puts ``find_atoms_nn``, ``suggest_model``, ``predict_atoms_nn``,
``ensemble_agreement``, ``masked_pixels``, ``estimate_sampling``, ``classify_species``,
``predict_species`` and ``reconstruct_exit_wave_nn`` on :class:`hyperspy.api.signals.Signal2D` and
thus on its subclasses, lazy ones included.

Without the import they are missing. HyperSpy reads only an extension's list of signal types, and
imports the extension when it makes a signal of one of them: loading saved atoms imports the
package; loading images, which have no type of their own, does not. Only code that runs whenever
Python starts could change that, which an installed package should not add. To have the methods in
every session, put the import into a file in IPython's startup folder,
``~/.ipython/profile_default/startup``.
"""

import lazy_loader as lazy

from hyperspy_dlatoms import _moved
from hyperspy_dlatoms._version import __version__
from hyperspy_dlatoms.signals.methods import attach_methods

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
__all__ = ["__version__", *__all__]

_moved.install()
attach_methods()
