# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from a file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from hyperspy.signals import BaseSignal, Signal2D


def load_images(path: str | os.PathLike[str]) -> tuple[Signal2D, str]:
    """Load the images of any file that RosettaSciIO reads, lazily where it can.

    Of several signals the first one with real images is taken; the remark says which, and is empty
    where there was no choice.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        loaded = _load(path)
    except Exception as error:
        # Readers of foreign files fail in all the ways that there are.
        raise ValueError(
            f"{str(path)!r} could not be read ({type(error).__name__}: {error})."
        ) from error
    signals = loaded if isinstance(loaded, list) else [loaded]
    for number, signal in enumerate(signals, start=1):
        images = _as_images(signal)
        if images is not None:
            remark = (
                f"The file holds {len(signals)} signals: taking number {number}, "
                f"{images.metadata.General.title!r}."
            )
            return images, remark if len(signals) > 1 else ""
    in_colour = any(signal.data.dtype.names for signal in signals)
    raise ValueError(
        f"{str(path)!r} holds no real images, but {', '.join(map(repr, signals))}."
        + " Convert colours to grey values first." * in_colour
    )


def _load(path: Path) -> BaseSignal | list[BaseSignal]:
    import hyperspy.api as hs

    if path.suffix.lower() != ".npy":
        try:
            return hs.load(path, lazy=True)
        except (TypeError, NotImplementedError):
            # Some readers cannot, RosettaSciIO's of .png and .jpg among them.
            return hs.load(path)
    # RosettaSciIO would take Fortran order for C.
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    kind = Signal2D if data.ndim > 1 else BaseSignal
    return kind(data, metadata={"General": {"title": path.stem}}).as_lazy()


def _as_images(signal: BaseSignal) -> Signal2D | None:
    if signal.data.dtype.kind not in "biuf" or signal.axes_manager.signal_dimension < 2:
        return None
    if signal.axes_manager.signal_dimension > 2:
        signal = signal.transpose(signal_axes=2)
    return signal if signal._lazy else signal.as_lazy()
