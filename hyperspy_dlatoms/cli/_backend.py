# SPDX-License-Identifier: GPL-3.0-or-later
"""The library that runs the networks."""

from __future__ import annotations

import os
import sys


def import_tensorflow() -> None:
    """Import TensorFlow, where it is the backend, without the notes that it logs."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return
    # Some releases write notes to the file itself, whatever the level.
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow

        # Looking for devices comes with notes of its own.
        tensorflow.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
