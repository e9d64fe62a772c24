# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taking a while, such as loading a network, and how far it has got."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

_now: list[list[str]] = []


@contextmanager
def doing(text: str) -> Iterator[None]:
    """Let `current` return a text, from any thread, within the context."""
    # A list of its own, since two threads may do the same.
    entry = [text]
    _now.append(entry)
    try:
        yield
    finally:
        _now[:] = [one for one in _now if one is not entry]


def current() -> str:
    """Return the most recently begun unfinished task, "" if there is none."""
    now = _now[-1:]
    return now[0][0] if now else ""


def tracker(show_progressbar: bool) -> Callable:
    """Return a function that shows progress through items of a given name on standard error."""
    from rich.console import Console
    from rich.progress import track

    def tracked(items: Iterable, name: str, total: int | None = None) -> Iterable:
        console = Console(stderr=True)
        return track(items, name.ljust(13), total, console=console, disable=not show_progressbar)

    return tracked
