# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of the package as arrays."""

from __future__ import annotations

from importlib.resources import as_file, files

from hyperspy_dlatoms.data.stored import Stored, read_stored


def nanoparticle() -> Stored:
    """Read the image of a nanoparticle, and its true columns."""
    with as_file(files("hyperspy_dlatoms") / "data" / "nanoparticle.npz") as path:
        return read_stored(path)
