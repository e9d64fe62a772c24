# SPDX-License-Identifier: GPL-3.0-or-later
"""Clicks and strokes of the mouse on an image that HyperSpy shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.backend_bases import MouseEvent

_STILL = 4.0  # Screen px that the mouse may move between press and release of a click.

Points = list[tuple[float, float]]


class Mouse:
    """Calls functions for clicks and points of strokes, x and y in the units of the axes."""

    # Nothing is called while a figure is zoomed or panned with its toolbar.

    def __init__(
        self,
        axes: Any,
        on_click: Callable[[float, float, bool], None],
        on_stroke: Callable[[Points, bool], None],
        strokes: Callable[[], bool],
    ):
        self._axes, self._canvas = axes, axes.figure.canvas
        self._on_click, self._on_stroke, self._strokes = on_click, on_stroke, strokes
        self._pressed: MouseEvent | None = None
        self._points: Points | None = None
        handlers = {
            "button_press_event": self._press,
            "motion_notify_event": self._move,
            "button_release_event": self._release,
        }
        self._ids = [self._canvas.mpl_connect(name, one) for name, one in handlers.items()]

    def disconnect(self) -> None:
        """Stop calling anything."""
        for number in self._ids:
            self._canvas.mpl_disconnect(number)

    def _press(self, event: MouseEvent) -> None:
        toolbar = self._canvas.toolbar
        busy = bool(str(getattr(toolbar, "mode", "") or ""))
        self._pressed = self._points = None
        if event.inaxes is not self._axes or event.button != 1 or busy:
            return
        if self._strokes():
            self._points = _place(event)
        else:
            self._pressed = event

    def _move(self, event: MouseEvent) -> None:
        if self._points is not None and event.inaxes is self._axes:
            self._points += _place(event)
            self._on_stroke(self._points, False)

    def _release(self, event: MouseEvent) -> None:
        points, pressed = self._points, self._pressed
        self._points = self._pressed = None
        if points is not None:
            self._on_stroke(points, True)
        elif pressed is not None:
            moved = max(abs(event.x - pressed.x), abs(event.y - pressed.y))
            if moved <= _STILL:
                ((x, y),) = _place(pressed)
                self._on_click(x, y, _with_shift(pressed) or _with_shift(event))


def _place(event: MouseEvent) -> Points:
    assert event.xdata is not None and event.ydata is not None
    return [(float(event.xdata), float(event.ydata))]


def _with_shift(event: MouseEvent) -> bool:
    # Some windows report the keys that are down with the mouse, others only as they go down.
    keys: Sequence[str] = [*(getattr(event, "modifiers", None) or ()), event.key or ""]
    return any("shift" in key for key in keys)
