# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend of Keras."""

from __future__ import annotations

import os
import sys


def import_tensorflow() -> None:
    """Import TensorFlow, if it is the backend, without its log messages."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return
    # Some releases write to the file descriptor itself, whatever the level.
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow

        # Looking for devices logs too.
        tensorflow.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
