# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting the package's methods on HyperSpy's images."""

from __future__ import annotations

import warnings

from hyperspy.signals import Signal2D

from hyperspy_dlatoms.signals import methods


def attach_methods(signal_class: type = Signal2D) -> None:
    """Put the methods on a signal class, and so on its subclasses.

    An attribute of the same name that another package put there stays, with a warning.

    Parameters
    ----------
    signal_class : type, default Signal2D
        The class that gets the methods.
    """
    package = __name__.partition(".")[0]
    for name in methods.__all__:
        present = getattr(signal_class, name, None)
        owner = getattr(present, "__module__", None) or ""
        if present is None or owner.partition(".")[0] == package:
            setattr(signal_class, name, getattr(methods, name))
        else:
            warnings.warn(
                f"{signal_class.__name__}.{name} already comes from {owner!r} and stays as it is; "
                f"call hyperspy_dlatoms.signals.methods.{name}(signal, ...) for ours.",
                stacklevel=3,
            )
