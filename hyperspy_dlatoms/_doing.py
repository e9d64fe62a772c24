# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes a while at the moment, such as a network being loaded, and how far it is."""

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
    """Return what was begun last of what is not done, "" if there is nothing."""
    now = _now[-1:]
    return now[0][0] if now else ""


def tracker(show_progressbar: bool) -> Callable:
    """Return what shows progress through some items, of a name, on standard error."""
    from rich.console import Console
    from rich.progress import track

    def tracked(items: Iterable, name: str, total: int | None = None) -> Iterable:
        console = Console(stderr=True)
        return track(items, name.ljust(13), total, console=console, disable=not show_progressbar)

    return tracked
