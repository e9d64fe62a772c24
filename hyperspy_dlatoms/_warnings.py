# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings of the package, by subject, at the user's line."""

import sys
import threading
import warnings
from types import FrameType

# Packages whose frames lie between the user's line and a warning: ours, those that call our code,
# and what these build on. `warnings.warn(..., skip_file_prefixes=...)` needs Python 3.12.
_BETWEEN = {
    *("hyperspy_dlatoms", "hyperspy", "dask", "distributed", "tornado", "asyncio", "concurrent"),
    *("threading", "queue", "contextlib", "functools", "importlib", "rich"),
}


class DLAtomsWarning(UserWarning):
    """Any warning of this package about images, positions or models."""


class ExtrapolationWarning(DLAtomsWarning):
    """Images or defoci are unlike the training data of a network."""


class SamplingWarning(DLAtomsWarning):
    """The calibration of images is doubtful: the network or the atoms found contradict it."""


class NothingFoundWarning(DLAtomsWarning):
    """Nothing was found in any of the images."""


class MaskedPixelsWarning(DLAtomsWarning):
    """Pixels that show no image were masked."""


class DriftWarning(DLAtomsWarning):
    """The images of a focal series are misaligned, or were aligned by uncertain shifts."""


class FocalAxisWarning(DLAtomsWarning):
    """The focal axis of a signal was chosen from several possible ones."""


class RegistryWarning(DLAtomsWarning):
    """A source of models was left out, or read from its copy in the cache."""


def warn(text: str, category: type[Warning]) -> None:
    """Warn at the line where the user called the package, HyperSpy or dask."""
    frame = _frame_of_user()
    warnings.warn_explicit(
        text,
        category,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=frame.f_globals.get("__name__", "__main__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _frame_of_user() -> FrameType:
    here = sys._getframe(2)
    frame, _ = _first_outside(here)
    if frame is not None:
        return frame
    # In a thread of dask the stack ends: the user's line is where the main thread waits for dask.
    waiting = sys._current_frames().get(threading.main_thread().ident or 0)
    frame, passed = _first_outside(waiting)
    return frame if frame is not None and "dask" in passed else here


def _first_outside(frame: FrameType | None) -> tuple[FrameType | None, set[str]]:
    """Return the first frame outwards that belongs to the user, and the packages on the way."""
    passed = set()
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _BETWEEN:
            break
        passed.add(package)
        frame = frame.f_back
    return frame, passed
