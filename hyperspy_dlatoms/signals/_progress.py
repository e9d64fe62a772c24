# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress bars, by HyperSpy's preference."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from dask.diagnostics import ProgressBar


def progress_bar(asked: bool | None) -> AbstractContextManager:
    """Return the context in which dask shows its progress, by HyperSpy's preference where None."""
    return ProgressBar(out=sys.stderr) if shows_progress(asked) else nullcontext()


def shows_progress(asked: bool | None) -> bool:
    """Whether progress is shown, by HyperSpy's preference where None."""
    from hyperspy.api import preferences

    return bool(preferences.General.show_progressbar) if asked is None else asked
