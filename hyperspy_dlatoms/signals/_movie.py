# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie of images with their atoms, for talks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.signals import _export, _picture
from hyperspy_dlatoms.signals._colours import Colouring
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._figures import image_shape

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions

_RARE = 1  # Pillow's `Image.Quantize.MAXCOVERAGE`: colours of few pixels count as well.
_CONTRAST = 8  # Frames that set the contrast of all, so that it does not flicker.


@filled
def save_movie(
    self: AtomPositions,
    path: str | os.PathLike[str],
    signal: Signal2D | None = None,
    by: str | None = None,
    *,
    limits: tuple[float, float] | None = None,
    fps: float = 10.0,
    dpi: int = 120,
) -> None:
    """Save a movie of the images with their atoms, with a scale bar and the time.

    Parameters
    ----------
    path : str or os.PathLike
        A ``.gif`` file, which holds all frames in memory until it is written, or ``.mp4``, which
        needs the program ffmpeg.
    {IMAGES}
    by, limits
        The column that colours the atoms, as in :meth:`to_markers`.
    fps : float, default 10
        Frames per second.
    dpi : int, default 120
        Pixels per inch; images are 5.2 inches wide, tall ones at most 7.8 inches high.

    Raises
    ------
    ValueError
        For a file of another type, a single image, or a number that is not positive; and as for
        :meth:`plot_on`.
    FileNotFoundError
        If ffmpeg is not installed.

    Examples
    --------
    >>> atoms.save_movie("particle.gif", movie, by="probability")  # doctest: +SKIP
    """
    path = Path(path)
    if not self.axes_manager.navigation_dimension:
        raise ValueError("There is only one image: expected several frames.")
    writer = _writer(path, fps)
    if dpi <= 0:
        raise ValueError(f"dpi is {dpi}: expected a positive number.")
    atoms = self._on(signal)
    calibration, navigation = atoms._calibration, atoms._navigation
    frames = atoms._some_frames(_CONTRAST)
    colouring = None if by is None else Colouring.of(calibration, by, frames, limits)
    sampling, shape = float(calibration.sampling[1]), image_shape(atoms)
    size = _picture.ring_size(frames, sampling)
    contrast = None
    if signal is not None:
        flat = np.linspace(0, atoms.data.size - 1, _CONTRAST).round().astype(int)
        some = [_picture.image_at(signal, np.unravel_index(one, atoms.data.shape)) for one in flat]
        contrast = _picture.contrast(np.stack(some))
    figure, axes = _figure(shape, colouring, frames, calibration.species)
    labels = navigation.titles()
    number = 0
    with writer.saving(figure, os.fspath(path), dpi):
        for block in _export.slabs(atoms.data):
            for at in np.ndindex(block.shape):
                # Blocks are cut along the first axis.
                index = (at[0] + number, *at[1:])
                axes.clear()
                image = None if signal is None else _picture.image_at(signal, index)
                _picture.draw_image(axes, image, shape, sampling, contrast)
                along = zip(labels, navigation.values, navigation.units, index, strict=True)
                said = [
                    f"{name} {values[i]:.{_digits(values)}g} {unit}".strip()
                    for name, values, unit, i in along
                ]
                axes.set_title(", ".join(said), fontsize=10, loc="left")
                if not any(index):
                    # The first layouts still differ from those of the other frames.
                    for _ in range(2):
                        figure.draw_without_rendering()
                colours = None if colouring is None else colouring.colours(block[at])
                _picture.draw_rings(axes, block[at], sampling, colours, size)
                writer.grab_frame()
            number += len(block)


def _digits(values: np.ndarray) -> int:
    """Return the digits, 4 to 12, that distinguish values along an axis without an exponent."""
    step = min([1.0, *np.abs(np.diff(values))])
    return int(np.clip(np.log10(np.abs(values).max() / step + 1) + 1, 4, 12)) if step else 4


def _writer(path: Path, fps: Any) -> Any:
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps is {fps}: expected a positive number of frames per second.")
    if path.suffix.lower() == ".gif":

        class GifWriter(PillowWriter):
            _frames: list[Any]

            def grab_frame(self, **kwargs: Any) -> None:
                # The 256 colours of a frame would nearly all be the greys of its image.
                super().grab_frame(**kwargs)
                self._frames[-1] = self._frames[-1].convert("RGB").quantize(method=_RARE)

        return GifWriter(fps=fps)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"The movie is {path.name!r}: expected a file .mp4 or .gif.")
    if not FFMpegWriter.isAvailable():
        raise FileNotFoundError(
            "The program ffmpeg, which writes .mp4, is missing: install it (conda install ffmpeg, "
            "apt install ffmpeg), or save a .gif."
        )
    # Players expect this colour format, and even side lengths.
    even = ["-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p"]
    return FFMpegWriter(fps=fps, extra_args=even)


def _figure(
    shape: tuple[int, int],
    colouring: Colouring | None,
    frames: list[np.ndarray],
    species: list[str],
) -> tuple[Any, Any]:
    """Return a figure for an image of a shape, with a key to its colours."""
    from matplotlib.figure import Figure

    width, height = _picture.panel_of(shape)
    size = (width + (colouring is not None), height + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    if colouring is not None and colouring.limits is not None:
        _picture.add_colour_bar(axes, colouring)
    elif colouring is not None and (labels := colouring.labels(frames, species)):
        _picture.add_legend(figure, labels)
    return figure, axes
