# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress on the screen: what is being done, how many frames are done, and the time left."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO

import dask.array as da
from dask.callbacks import Callback
from hyperspy.defaults_parser import preferences

from hyperspy_dlatoms._doing import current

_BAR = 24  # Letters.
_PERIOD = 0.25  # s: a line that changes four times a second is still readable.


def is_shown(asked: bool | None) -> bool:
    """Whether progress is shown, by default as HyperSpy's preferences say."""
    return bool(preferences.General.show_progressbar if asked is None else asked)


def progress_of(
    asked: bool | None,
    what: str,
    array: da.Array,
    chunks: Sequence[Sequence[int]] | None = None,
    done: int = 0,
) -> Progress:
    """Return the context that shows progress while the frames of an array are computed."""
    # `chunks` are the frames of its blocks along the navigation axes, by default all axes; `done`
    # is how many frames are done already.
    chunks = array.chunks if chunks is None else chunks
    progress = Progress(what, math.prod(map(sum, chunks)), shown=is_shown(asked))
    progress.done, progress.name, progress.chunks = done, array.name, chunks
    return progress


class Progress(Callback):
    """A line on standard error about frames done, and before the first about the current step."""

    def __init__(self, what: str, total: int, unit: str = "frame", *, shown: bool = True) -> None:
        self.what, self.total, self.unit, self.shown, self.done = what, total, unit, shown, 0
        # For a dask array, and the frames of its blocks along the navigation axes: they are counted
        # as they are computed, except on the workers of a cluster.
        self.name = ""
        self.chunks: Sequence[Sequence[int]] = ()
        self._first: tuple[int, float] | None = None
        self._end: float | None = None

    def step(self, number: int = 1) -> None:
        """Count the work done."""
        self.done = min(self.done + number, self.total)
        if not self.shown:
            return
        # The first took longer, as a network was loaded for it.
        now = time.monotonic()
        if self._first is None:
            self._first = (self.done, now)
        elif self.done > self._first[0]:
            begun, then = self._first
            self._end = now + (now - then) * (self.total - self.done) / (self.done - begun)

    def _posttask(self, key: Any, *_: Any) -> None:
        if isinstance(key, tuple) and key[0] == self.name:
            sizes = zip(self.chunks, key[1:], strict=False)
            self.step(math.prod(chunk[at] for chunk, at in sizes))

    def __enter__(self) -> Progress:
        if not self.shown:
            return self
        self._began, self._length = time.monotonic(), 0
        self._out = _screen()
        # In a notebook it is not a terminal, but it can restart a line like one.
        self._live = self._out.isatty() or type(self._out).__module__.startswith("ipykernel")
        self._ended = threading.Event()
        self._drawing = threading.Thread(target=self._draw_until_ended, daemon=True)
        if self._live:
            self._write(self._line())
            self._drawing.start()
        super().__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        if not self.shown:
            return
        super().__exit__(kind, *error)
        self._ended.set()
        if self._live:
            self._drawing.join()
        if kind is None:
            passed = _duration(time.monotonic() - self._began)
            self._write(f"{self.what}: {_number(self.total, self.unit)}, {passed}")
        if kind is None or self._live:
            self._out.write("\n")
        self._out.flush()
        if self._out is not sys.stderr:
            self._out.close()

    def _draw_until_ended(self) -> None:
        while not self._ended.wait(_PERIOD):
            self._write(self._line())

    def _line(self) -> str:
        passed = time.monotonic() - self._began
        if not self.done:
            return f"{current() or self.what} ... {_duration(passed)}"
        full = _BAR * self.done // self.total
        left = None if self._end is None else max(self._end - time.monotonic(), 1.0)
        rest = f", {_duration(left)} left" if left and self.done < self.total else ""
        return (
            f"{self.what} [{'#' * full}{' ' * (_BAR - full)}] "
            f"{self.done} of {_number(self.total, self.unit)}{rest}"
        )

    def _write(self, line: str) -> None:
        self._out.write(f"\r{line:{self._length}}" if self._live else line)
        self._out.flush()
        self._length = len(line)


def _screen() -> TextIO:
    """Return standard error, a terminal even while the messages of a backend are held back."""
    if sys.stderr is sys.__stderr__ and sys.stderr is not None and sys.stderr.isatty():
        return open(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding)
    return sys.stderr


def _number(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
