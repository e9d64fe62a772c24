# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of commands that read a few images."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from hyperspy_dlatoms.networks._precision import PRECISION
from hyperspy_dlatoms.networks.running import ENGINE

# TensorFlow starts 4 s later than ONNX Runtime, and in half precision takes 0.05 s less for 512²
# working px (docs, Speed): with this many images it never catches up, with a movie it does.
_FEW = 10


@contextmanager
def quick_engine(images: int) -> Iterator[None]:
    """Run networks in ONNX Runtime if it is installed and there are only a few images to read."""
    # The user's choices stand, and Keras is used if it is loaded already.
    chosen = any(map(os.environ.get, (ENGINE, PRECISION, "KERAS_BACKEND")))
    installed = find_spec("onnx") and find_spec("onnxruntime")
    if images > _FEW or chosen or "keras" in sys.modules or not installed:
        yield
        return
    os.environ[ENGINE] = "onnx"
    try:
        yield
    finally:
        del os.environ[ENGINE]
