# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def eager():
    """Have TensorFlow run operations as they come, which is faster for a training of a step."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
