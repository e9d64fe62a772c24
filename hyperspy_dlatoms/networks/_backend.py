# SPDX-License-Identifier: GPL-3.0-or-later
"""Import of Keras and its backend, without TensorFlow's messages about itself."""

import importlib
import logging
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from hyperspy_dlatoms._doing import doing

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Lines of C++ logs of some kinds, as glog and older releases write them.
_LOGGED = (
    r"(?:WARNING: All log messages before absl::"
    r"|[{kinds}]\d{{4}} \d\d:\d\d:[\d.]+ +\d+ "
    r"|\d{{4}}-\d\d-\d\d \d\d:\d\d:[\d.]+: [{kinds}] "
    r"|To enable the following instructions: )[^\n]*\n?"
)
# By level: information, warnings, and errors such as a missing GPU driver, but not fatal ones.
_KINDS = {"1": "I", "2": "IW", "3": "IWE"}
X86 = ("x86_64", "amd64")  # As Linux and macOS call it, and as Windows does.
_lock = threading.RLock()
_ready = False


def import_backend() -> None:
    """Import Keras and its backend, and look for devices, once."""
    # TensorFlow's logs are dropped as ``TF_CPP_MIN_LOG_LEVEL`` says, all if it is not set. What
    # others write is shown; if the import fails, everything is.
    global _ready
    # A second thread waits.
    with _lock:
        if _ready:
            return
        logging.getLogger("tensorflow").addFilter(_is_not_about_tracing)
        # TensorFlow itself heeds the level only once it is imported.
        kinds = _KINDS.get(os.environ.get(_LEVEL, "3"), "")
        # From now on only errors, such as running out of memory.
        os.environ.setdefault(_LEVEL, "2")
        quiet = without_logs(kinds) if kinds and not _stops_tensorflow() else nullcontext()
        with doing("Loading Keras"), quiet:
            _import()
        _ready = True


def _import() -> None:
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        # Looking for devices logs too.
        tensorflow.config.list_physical_devices()


@contextmanager
def without_logs(kinds: str = "IWE") -> Iterator[None]:
    """Hold back what is written to standard error, and drop C++ logs of some kinds."""
    # Some releases of TensorFlow write there whatever the level.
    try:
        kept = os.dup(2)
    except OSError:
        # A program without standard error.
        yield
        return
    failed = True
    with tempfile.TemporaryFile() as held:
        _flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            # A Windows console takes nothing while this is redirected, so only now.
            _flush()
            held.seek(0)
            text = held.read()
            logged = re.compile(_LOGGED.format(kinds=kinds).encode())
            os.write(2, text if failed else logged.sub(b"", text))


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


def _stops_tensorflow() -> bool:
    """Whether the processor lacks AVX, so that TensorFlow ends the program with a message."""
    return platform.machine().lower() in X86 and "avx" not in instructions()


def instructions() -> set[str]:
    """Return the instructions of the processor, named as on Linux, elsewhere as in NumPy."""
    # Not public, but no other installed package knows.
    numpy = importlib.import_module("numpy._core._multiarray_umath")
    known = {name.lower() for name, there in numpy.__cpu_features__.items() if there}
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return known
    return known | {name for line in lines if line.startswith("flags") for name in line.split()}


def _is_not_about_tracing(record: logging.LogRecord) -> bool:
    """Whether a message is not about `running` retracing its function for another network."""
    text = record.getMessage()
    return "retracing" not in text or "_by_tensorflow" not in text
