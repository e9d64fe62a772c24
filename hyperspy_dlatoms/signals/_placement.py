# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pixels in which atoms were found lie in images as they are now.

Positions belong to pixels. Images of unchanged size are the same pixels, however they are
calibrated; for images cropped or binned since, the axes tell where they lie.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from hyperspy.axes import BaseDataAxis

from hyperspy_dlatoms._warnings import DLAtomsWarning, SamplingWarning, warn
from hyperspy_dlatoms.analysis._time import is_time
from hyperspy_dlatoms.signals._axes import axis_unit_in_angstrom
from hyperspy_dlatoms.signals._export import Calibration

# Relative difference of equal scales, even after converting units back and forth.
_SAME = 1e-4
_MOST_FRAMES = 1e7  # Beyond, an offset is a date or a clock, not the start of a part.
_WHOLE = 0.01  # px, by which an offset may differ from a whole number.


class Placement(NamedTuple):
    """Pixels of the current images in terms of the searched ones; y and x, shape (2,)."""

    calibration: Calibration  # Of the current images.
    binning: np.ndarray  # Searched pixels along the side of a current pixel.
    start: np.ndarray  # Of the current images, in their pixels from the first searched pixel.
    crop: bool  # Whether they are a part of the images, so atoms may lie outside.
    sure: bool  # Whether they are known to be the same images; if not, an atom outside is an error.

    def of(self, frame: np.ndarray) -> np.ndarray:
        """Return the atoms of a frame in current pixels, without those outside."""
        frame = np.array(frame)
        frame[:, :2] = (frame[:, :2] + 0.5) / self.binning - 0.5 - self.start
        for name, binning in zip(("y_sigma", "x_sigma"), self.binning, strict=True):
            if name in self.calibration.columns:
                frame[:, self.calibration.columns.index(name)] /= binning
        if self.sure and not self.crop:
            return frame
        size = np.array(self.calibration.image_shape)
        inside = ((frame[:, :2] >= -0.5) & (frame[:, :2] < size - 0.5)).all(axis=1)
        if not self.sure and not inside.all():
            raise ValueError(
                f"{np.count_nonzero(~inside)} of {len(frame)} atoms lie outside the images, which "
                f"have {size[0]} by {size[1]} pixels: expected the images in which they were found."
            )
        return frame[inside]


def placement_metadata(axes: Sequence[BaseDataAxis]) -> dict[str, Any]:
    """Describe where pixels lie on the signal axes y and x."""
    return {
        "image_shape": [int(axis.size) for axis in axes],
        "offsets": [float(axis.offset) if axis.is_uniform else 0.0 for axis in axes],
        "scales": [float(axis.scale) if axis.is_uniform else 1.0 for axis in axes],
        "units": [axis.units if isinstance(axis.units, str) else "" for axis in axes],
    }


def place(calibration: Calibration, axes: Sequence[BaseDataAxis]) -> Placement:
    """Find where the atoms lie in images with signal axes y and x."""
    if not all(axis.is_uniform for axis in axes):
        raise ValueError(
            "The signal axes are non-uniform: expected one scale for a whole axis. First use "
            "signal.interpolate_on_axis with a uniform axis."
        )
    size = (int(axes[0].size), int(axes[1].size))
    now = calibration._replace(
        offsets=np.array([axis.offset for axis in axes], float),
        scales=np.array([axis.scale for axis in axes], float),
        units=[axis.units if isinstance(axis.units, str) else "" for axis in axes],
        image_shape=size,
    )
    sure = calibration.image_shape is not None
    crop = sure and calibration.image_shape != size
    binning, start = np.ones(2), np.zeros(2)
    if crop:
        binning, start = _part(calibration, now)
    elif sure:
        _warn_of_another_part(calibration, now)
    sampling = _sampling(calibration, now, binning)
    return Placement(now._replace(sampling=sampling), binning, start, crop, sure)


def first_frame(axis: BaseDataAxis) -> int:
    """Return the number of the first frame along a navigation axis of a part of a movie."""
    # HyperSpy moves the offset of a part by this many steps. Axes of time and without a unit start
    # at 0; for others, such as a tilt, the offset says nothing.
    is_number = not isinstance(axis.units, str) or not axis.units.strip()
    if not axis.is_uniform or not axis.scale or not (is_number or is_time(axis.units)):
        return 0
    first = axis.offset / axis.scale
    return round(first) if 0 <= first < _MOST_FRAMES and _is_whole(np.array(first)) else 0


def warn_of_other_frames(then: Iterable[BaseDataAxis], now: Iterable[BaseDataAxis]) -> None:
    """Warn of navigation axes shifted by whole frames, as those of another part would be."""
    for axis, other in zip(then, now, strict=True):
        if not (axis.is_uniform and other.is_uniform) or axis.units != other.units:
            continue
        start = np.array((other.offset - axis.offset) / axis.scale)
        if _is_reversed(other.scale / axis.scale, start, axis.size):
            warn(
                f"The navigation axis {axis.name!s} of the images runs opposite to that of the "
                "atoms: are the frames reversed? They are taken to be in the same order.",
                DLAtomsWarning,
            )
        same = np.isclose(other.scale, axis.scale, rtol=_SAME, atol=0)
        if same and _is_whole(start) and 0 < abs(np.rint(start)) < axis.size:
            warn(
                f"The navigation axis {axis.name!s} of the images starts {start:.0f} frames from "
                "that of the atoms: are they other frames? They are taken to be the same.",
                DLAtomsWarning,
            )


def _part(then: Calibration, now: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Return the binning and start of a part of the images, or of what they are part of."""
    assert then.image_shape is not None and now.image_shape is not None
    searched, size = np.array(then.image_shape), np.array(now.image_shape)
    unit = _ratio(now.units, then.units)
    if np.isfinite(unit).all():
        ratio = now.scales * unit / then.scales
        binning = np.rint(ratio)
        if (binning >= 1).all() and np.allclose(ratio, binning, rtol=_SAME, atol=0):
            # The first pixel of a bin is at its edge, the offset at its middle.
            first = then.offsets + (binning - 1) / 2 * then.scales
            start = (now.offsets * unit - first) / (then.scales * binning)
            overlaps = (start < searched // binning) & (start + size > 0)
            if _is_whole(start) and overlaps.all():
                return binning, np.rint(start)
    starts = []
    if not then.offsets.any():
        # Cropped after the calibration was changed, or before, leaving the offset unchanged.
        for scales in (now.scales, then.scales):
            start = now.offsets / scales
            fits = (start > -_WHOLE).all() and (start + size < searched + _WHOLE).all()
            if _is_whole(start) and fits and np.rint(start).any():
                starts.append(tuple(np.rint(start)))
    if len(set(starts)) == 1:
        return np.ones(2), np.array(starts[0])
    raise ValueError(
        f"The images have {size[0]} by {size[1]} pixels, those in which the atoms were found had "
        f"{searched[0]} by {searched[1]}, and their axes do not say which part they are: expected "
        "those images, calibrated as you like, or cropped with isig at the calibration they had."
    )


def _warn_of_another_part(then: Calibration, now: Calibration) -> None:
    """Warn of images whose axes are shifted by whole pixels, as those of another part would be."""
    unit = _ratio(now.units, then.units)
    if not np.isfinite(unit).all():
        return
    ratio = now.scales * unit / then.scales
    start = (now.offsets * unit - then.offsets) / then.scales
    sides = zip("yx", ratio, start, now.image_shape or (), strict=True)
    if turned := [name for name, *of_axis in sides if _is_reversed(*of_axis)]:
        warn(
            f"The axes of the images run opposite to when the atoms were found, along "
            f"{' and '.join(turned)}: taken to be the same pixels with reversed axes. If the "
            "images were mirrored, as by isig[:, ::-1], search them again.",
            SamplingWarning,
        )
    if not np.allclose(ratio, 1, rtol=_SAME, atol=0):
        return
    overlaps = (np.abs(start) < np.array(now.image_shape)).all()
    if _is_whole(start) and np.rint(start).any() and overlaps:
        warn(
            "The axes of the images have shifted since the atoms were found, by "
            f"{start[0]:.0f} and {start[1]:.0f} pixels along y and x: taken to be the same pixels "
            "with another origin. If they show another part of the specimen, search them again.",
            SamplingWarning,
        )


def _sampling(then: Calibration, now: Calibration, binning: np.ndarray) -> np.ndarray:
    """Return the current sampling: from the axes if calibrated since, else as it was."""
    scales = now.scales * _ratio(now.units, then.units)
    lengths = _lengths(now.units)
    # NaN, for units that cannot be compared, is close to nothing.
    unchanged = np.allclose(scales, then.scales * binning, rtol=_SAME, atol=0)
    if unchanged or np.isnan(lengths).any():
        return then.sampling * binning
    return np.abs(now.scales * lengths)


def _ratio(units: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Return the ratio of units; NaN if they cannot be compared."""
    same = [one.strip() == other.strip() for one, other in zip(units, others, strict=True)]
    return np.where(same, 1.0, _lengths(units) / _lengths(others))


def _lengths(units: Sequence[str]) -> np.ndarray:
    """Return units in Å; NaN for those that are not a length."""
    lengths = np.full(len(units), np.nan)
    for number, one in enumerate(units):
        with suppress(ValueError):
            lengths[number] = axis_unit_in_angstrom(one)
    return lengths


def _is_reversed(ratio: float, start: float | np.ndarray, size: int) -> bool:
    """Whether an axis is another one reversed, by the ratio of scales and its start in steps."""
    return bool(np.isclose(ratio, -1, rtol=_SAME) and np.isclose(start, size - 1, atol=_WHOLE))


def _is_whole(numbers: np.ndarray) -> bool:
    return bool(np.allclose(numbers, np.rint(numbers), rtol=0, atol=_WHOLE))
