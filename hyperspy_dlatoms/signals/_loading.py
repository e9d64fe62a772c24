# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from a file."""

import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hyperspy.signals import BaseSignal, Signal2D

from hyperspy_dlatoms import _warnings
from hyperspy_dlatoms.signals._colour import as_grey, one_channel


def load_images(path: str | os.PathLike[str]) -> tuple[Signal2D, str]:
    """Load the images of any file that RosettaSciIO reads, lazily if its reader can."""
    # If there are several signals, the first with real images is taken, one in colour only if there
    # is no other; the remark says which, and is empty if there was no choice.
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        with _noticing_cut(path):
            signals = _load(path)
    except Exception as error:
        # Readers of foreign files fail in every possible way.
        raise ValueError(
            f"{str(path)!r} could not be read ({type(error).__name__}: {error}). If it is "
            "intact, save it as a grey TIFF first, for example with ImageJ."
        ) from error
    for number, signal in sorted(enumerate(signals, start=1), key=lambda one: _in_colour(one[1])):
        images = _as_images(signal)
        if images is not None:
            _check_colours(path, signal)
            remark = (
                f"The file holds {len(signals)} signals: taking number {number}, "
                f"{images.metadata.General.title!r}."
            )
            return images, remark if len(signals) > 1 else ""
    instead = ", ".join(map(repr, signals)) or "nothing"
    raise ValueError(f"{str(path)!r} holds {instead}: expected images of real numbers.")


def load_series(paths: Sequence[str | os.PathLike[str]], sampling_known: bool = False) -> Signal2D:
    """Load files of one image each as a focal series, in the order given."""
    import hyperspy.api as hs

    images = [load_images(path)[0] for path in paths]
    for path, one in zip(paths, images, strict=True):
        if one.data.shape != images[0].data.shape:
            raise ValueError(
                f"{str(path)!r} has {_size(one)}, {str(paths[0])!r} {_size(images[0])}: expected "
                "images of one size for a focal series."
            )
        if not (sampling_known or _is_calibrated_as(one, images[0])):
            raise ValueError(
                f"{str(path)!r} has a different scale or unit from {str(paths[0])!r}: expected the "
                "same throughout a focal series. Give sampling in Å/px."
            )
    return hs.stack(images, new_axis_name="defocus", show_progressbar=False)


def are_single(paths: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether files hold one image each, as far as they can be read."""
    for path in paths:
        try:
            images, _ = load_images(path)
        except (ValueError, OSError):
            continue
        if images.axes_manager.navigation_dimension:
            return False
    return True


def _size(image: Signal2D) -> str:
    return f"{' x '.join(map(str, image.data.shape))} px"


def _is_calibrated_as(image: Signal2D, first: Signal2D) -> bool:
    axes = zip(image.axes_manager.signal_axes, first.axes_manager.signal_axes, strict=True)
    # Samplings of one camera, compared as `_axes` compares those along y and x.
    return all(a.units == b.units and math.isclose(a.scale, b.scale, rel_tol=0.01) for a, b in axes)


def _load(path: Path) -> list[BaseSignal]:
    """Return the signals of a file, lazy."""
    import hyperspy.api as hs

    if path.suffix.lower() in (".tif", ".tiff") and (stack := _stack_of_planes(path)) is not None:
        return [stack]
    if path.suffix.lower() == ".npy":
        # RosettaSciIO would take Fortran order for C.
        data = np.load(path, mmap_mode="r", allow_pickle=False)
        kind = Signal2D if data.ndim > 1 else BaseSignal
        return [kind(data, metadata={"General": {"title": path.stem}}).as_lazy()]
    try:
        loaded = hs.load(path, lazy=True)
    except Exception:
        # Pictures, and whatever else can only be read as a whole.
        loaded = hs.load(path, lazy=False)
    signals = loaded if isinstance(loaded, list) else [loaded]
    return [signal if signal._lazy else signal.as_lazy() for signal in signals]


@contextmanager
def _noticing_cut(path: Path) -> Iterator[None]:
    """Warn of a TIFF that ends too early, whose reader leaves out images and only logs it."""
    cut = []

    def is_other(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        about_cut = "invalid page offset" in text or "corrupted file" in text
        cut.extend([text] * about_cut)
        return not about_cut

    logger = logging.getLogger("tifffile")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
    if cut:
        _warnings.warn(
            f"{str(path)!r} ends too early, or is damaged: it may hold more images than could be "
            "read. Copy it again.",
            _warnings.DLAtomsWarning,
        )


def _stack_of_planes(path: Path) -> BaseSignal | None:
    """Return three or four images that tifffile wrote as colour planes, or None."""
    # It does so with any array (..., 3 or 4, H, W) unless told that it is grey, and RosettaSciIO
    # does not read planes. Planes from other programs belong to a colour picture.
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            written = file.series[0] if file.series else None
            if written is None or written.kind != "shaped" or not written.axes.endswith("SYX"):
                return None
            data = file.asarray(out="memmap")
    except tifffile.TiffFileError:  # Not a TIFF, as its reader will say.
        return None
    return Signal2D(data, metadata={"General": {"title": path.stem}}).as_lazy()


def _check_colours(path: Path, signal: BaseSignal) -> None:
    """Raise for a picture in colour; its reader compares only two of the three channels."""
    from PIL import Image, UnidentifiedImageError

    if signal.metadata.get_item("General.FileIO.0.io_plugin") != "rsciio.image":
        return
    try:
        with Image.open(path) as picture:
            if picture.mode[0] in "1LIF" and picture.mode != "LA":
                return
            pixels = np.asarray(picture.convert("RGBA"))
    except UnidentifiedImageError:
        return
    names = [(name, "u1") for name in "RGBA"]
    one_channel(np.ascontiguousarray(pixels).view(names)[..., 0])


def _in_colour(signal: BaseSignal) -> bool:
    return (signal.data.dtype.names or ())[:3] == ("R", "G", "B")


def _as_images(signal: BaseSignal) -> Signal2D | None:
    if _in_colour(signal):
        signal.data = as_grey(signal.data)
    if signal.data.dtype.kind not in "biuf" or signal.axes_manager.signal_dimension < 2:
        return None
    if signal.axes_manager.signal_dimension > 2:
        signal = signal.transpose(signal_axes=2)
    return signal
