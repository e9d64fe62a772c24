# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad pixels: found, filled, and kept as a mask."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from hyperspy_dlatoms._warnings import MaskedPixelsWarning, warn
from hyperspy_dlatoms.detection._artefacts import ImageRange, constant_areas, outliers, percentiles
from hyperspy_dlatoms.detection._lines import (
    any_bad,
    faulty_lines,
    find_slope,
    has_seams,
    level_seams,
    level_slope,
    sums_of_lines,
)
from hyperspy_dlatoms.networks.normalisation import LEAST_MEAN

_STRIP = 64  # Rows at a time, which stay in the cache.
_SAMPLE = 2**17  # Pixels that the percentiles are of: some 130 of them are beyond the 99.9th.
_FEWEST_FOR_OUTLIERS = 64  # Percentiles of fewer pixels are these pixels themselves.
_NOISE_OF_ZERO = 0.02  # Of the brightest, how far the noise of a camera goes below zero.
# Of the 97.5th percentile of counts: no lens makes a column as bright, an X-ray does.
_BRIGHTEST = 4.0
_BLOCK = 16  # px a side of the blocks whose means fill wide holes.
_LARGEST = 1e300  # Largest magnitude whose differences are finite in float64.
# Of the rows of an image enlarged without interpolation, by 1.25 to 10, those equal to the one
# before; scans repeat a few. And px that rows are long at least, not to be equal by chance.
_LEAST_REPEATED, _MOST_REPEATED = 0.2, 0.9
_LONG_ENOUGH = 32
# Spreads at which pixels are clipped, and magnitudes up to which float32 is used: the squares of
# both fit into it.
_LARGEST_OF_SPREAD = 1e6
_ORDINARY = 1e15


class Masked(NamedTuple):
    """An image without its bad pixels."""

    image: np.ndarray  # float32, (H, W): less its median, divided by its spread, bad pixels filled.
    mask: np.ndarray  # (H, W), True where a pixel was bad.
    centre: float
    spread: float
    as_recorded: bool = False  # Not yet less the centre, divided by the spread.


def mask_bad(
    frame: np.ndarray, sampling: float | None = None, *, camera: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Fill the bad pixels of an image (H, W), Å/px, and level it; return it and their mask."""
    # Bad are NaN, infinite and masked pixels, those of `constant_areas`, `faulty_lines` and
    # `outliers`, and in an image of a `camera` X-ray hits that a scintillator has blurred. The
    # image is less its median and divided by its spread, so that any range of numbers fits float32.
    image, mask, *_ = standardise(frame, sampling, camera=camera)
    return image, np.array(mask)


def mask_series(series: np.ndarray, sampling: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Fill the bad pixels (H, W) of any image of a series (n, H, W), and equalise the exposures."""
    # Each image is divided by its mean; if one has hardly a positive mean, because its background
    # was subtracted, all are shifted by their means and divided by one number. An image of one
    # value, such as a dark one, is bad if others show something, or if no electrons were counted.
    images, masks, centres, spreads, _ = zip(
        *(standardise(one, sampling, aligned=True) for one in series), strict=True
    )
    means = [
        centre + spread * float(image.mean(dtype=np.float64))
        for image, centre, spread in zip(images, centres, spreads, strict=True)
    ]
    counts = all(
        mean > LEAST_MEAN * spread * float(image.std(dtype=np.float64))
        for image, mean, spread in zip(images, means, spreads, strict=True)
    )
    largest = max(spreads) or 1.0
    clean = np.empty(np.shape(series), np.float32)
    for out, image, centre, spread, mean in zip(
        clean, images, centres, spreads, means, strict=True
    ):
        scale = mean if counts else largest
        np.multiply(image, np.float32(spread / scale), out=out)
        # By the median, it would have a mean again, by which `normalise_series` would divide it.
        out += np.float32(centre / scale if counts else -out.mean(dtype=np.float64))
    blank = not all(spreads) and (any(spreads) or not counts)
    return clean, np.full(clean.shape[1:], True) if blank else np.any(masks, axis=0)


def warn_of_masked(n_masked: Sequence[int], name: Literal["image", "focal series"]) -> None:
    """Warn of bad pixels, given their number in each image or focal series."""
    if not any(n_masked):
        return
    several = "frames" if name == "image" else name
    where = f"{np.count_nonzero(n_masked)} of {len(n_masked)} {several}"
    warn(
        "Pixels that show no image (NaN, areas of one value, faulty lines, outliers) were "
        f"masked: {sum(n_masked)} in {f'this {name}' if len(n_masked) == 1 else where}.",
        MaskedPixelsWarning,
    )


def unmasked(frames: np.ndarray) -> np.ndarray:
    """Return frames of any shape with NaN where a masked array is masked."""
    if not isinstance(frames, np.ma.MaskedArray):
        return np.asarray(frames)
    if not np.ma.is_masked(frames) or frames.dtype.kind not in "biuf":
        return np.asarray(frames)
    small = frames.dtype.itemsize <= (4 if frames.dtype.kind == "f" else 2)
    return np.ma.filled(frames.astype(np.float32 if small else np.float64), np.nan)


def standardise(
    frame: np.ndarray, sampling: float | None, *, aligned: bool = False, camera: bool = True
) -> Masked:
    """Mask and fill an image (H, W) as `mask_bad`; if `aligned`, areas of its mean are good."""
    masked = examine(frame, sampling, aligned=aligned, camera=camera)
    if not masked.as_recorded:
        return masked
    image = _shift_and_scale(masked.image, masked.centre, masked.spread)
    return masked._replace(image=image, as_recorded=False)


def examine(
    frame: np.ndarray, sampling: float | None, *, aligned: bool = False, camera: bool = True
) -> Masked:
    """Mask and fill an image as `standardise`, or return it as recorded if it needs neither."""
    # It is as recorded where nothing is to be filled or levelled, and float32 has room for it.
    frame = unmasked(np.asanyarray(frame))
    if frame.dtype.kind not in "biuf":
        raise TypeError(
            f"The image has dtype {frame.dtype}, expected real numbers: take the modulus, phase or "
            "real part of a complex image first."
        )
    if frame.ndim != 2:
        raise ValueError(f"The image has {frame.ndim} dimensions, expected 2.")
    originals = [np.unique(_originals(one), return_inverse=True) for one in (frame, frame.T)]
    if all(len(own) == len(places) for own, places in originals):
        return _examine(frame, sampling, aligned=aligned, camera=camera)
    # Pixels enlarged to blocks fall as steeply as artefacts, and touch others of their value.
    small = frame[np.ix_(*(own for own, _ in originals))]
    if sampling is not None:
        sampling *= float(np.sqrt(frame.size / small.size))
    masked = _examine(small, sampling, aligned=aligned, camera=camera)
    enlarged = np.ix_(*(places for _, places in originals))
    return masked._replace(image=masked.image[enlarged], mask=masked.mask[enlarged])


def _originals(frame: np.ndarray) -> np.ndarray:
    """Return the row that each row (H,) repeats if an image was enlarged by repeating pixels."""
    own = np.arange(len(frame))
    if min(frame.shape) < _LONG_ENOUGH:
        return own
    # Some columns tell that most rows of ordinary images repeat none.
    some = np.linspace(0, frame.shape[1] - 1, _LONG_ENOUGH).astype(int)
    repeated = np.append(False, _are_equal(frame[1:, some], frame[:-1, some]))
    if repeated.mean() < _LEAST_REPEATED:
        return own
    # Those of one value, such as a border's, are kept.
    repeated[1:] &= _are_equal(frame[1:], frame[:-1])
    repeated[1:] &= ~_are_equal(frame[1:, 1:], frame[1:, :-1])
    if not _LEAST_REPEATED <= repeated.mean() <= _MOST_REPEATED:
        return own
    return np.maximum.accumulate(np.where(repeated, 0, own))


def _are_equal(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which of some rows (n,) equal others, NaN as well."""
    return ((rows == others) | ((rows != rows) & (others != others))).all(axis=1)


def _examine(frame: np.ndarray, sampling: float | None, *, aligned: bool, camera: bool) -> Masked:
    mask = _not_finite(frame)
    mask = _joined(mask, constant_areas(frame, mask, sampling, aligned=aligned))
    sample = _sample(frame, mask)
    if sample.size == 0:
        return Masked(np.zeros(frame.shape, np.float32), mask, 0.0, 0.0)
    low, centre, high, bright = percentiles(sample, (0.1, 50, 99.9, 97.5))
    found, sums = True, None
    if sample.size >= _FEWEST_FOR_OUTLIERS:
        plausible, before = ImageRange.of(sample), mask
        sums = None if any_bad(mask) else sums_of_lines(frame, plausible)
        mask = _joined(mask, faulty_lines(frame, mask, plausible, sums))
        counts = camera and low >= -_NOISE_OF_ZERO * high
        brightest = _BRIGHTEST * bright if counts else None
        mask = _joined(mask, outliers(frame, mask, plausible, sampling, brightest))
        found = mask is not before
        if found:
            low, centre, high = percentiles(_sample(frame, mask), (0.1, 50, 99.9))
    spread = high - low
    if spread <= _rounding(frame, centre):
        spread, found = _range(frame, mask), True
    if spread <= _rounding(frame, centre):
        return Masked(np.zeros(frame.shape, np.float32), mask, centre, 0.0)
    clear = not found and _fits_float32(frame, centre, spread)
    if clear and sums is not None and not has_seams(frame, mask, sums):
        slope = None if sampling is None else find_slope(frame, mask, sampling, centre)
        if slope is None:
            return Masked(frame, mask, centre, spread, as_recorded=True)
    clean = _shift_and_scale(frame, centre, spread)
    if any_bad(mask):
        _fill(clean, mask)
    level_seams(clean, mask)
    if sampling is not None:
        level_slope(clean, mask, sampling)
    return Masked(clean, mask, centre, spread)


def _joined(mask: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return a mask with what was found, the mask itself if that is nothing."""
    # Nothing is one value for all pixels, which takes no memory and no pass over them.
    if not any(found.strides):
        return mask
    return mask | found if any(mask.strides) else found


def _not_finite(frame: np.ndarray) -> np.ndarray:
    nothing = np.broadcast_to(False, frame.shape)
    if frame.dtype.kind != "f":
        return nothing
    # Differences of values near the largest of float64 would be infinite.
    small = frame.dtype.itemsize <= 4
    good = np.isfinite(frame) if small else (frame > -_LARGEST) & (frame < _LARGEST)
    return nothing if good.all() else ~good


def _sample(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return some of the good pixels (n,), sorted."""
    step = max(1, int(np.ceil(np.sqrt(frame.size / _SAMPLE))))
    sample = frame[::step, ::step][~mask[::step, ::step]]
    if sample.size == 0:
        sample = frame[~mask]
    # Of integers of 16 bits the stable sort is one by digits, six times as fast.
    by_digits = sample.dtype.kind in "iu" and sample.dtype.itemsize <= 2
    return np.sort(sample, kind="stable" if by_digits else None)


def _around(array: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of the 5 x 5 pixels around each of k, shape (k, 25), edges continued."""
    steps = np.arange(-2, 3)
    y = np.clip(rows[:, None, None] + steps[:, None], 0, array.shape[0] - 1)
    x = np.clip(columns[:, None, None] + steps, 0, array.shape[1] - 1)
    return array[y, x].reshape(len(rows), -1).astype(np.float64)


def _rounding(frame: np.ndarray, centre: float) -> float:
    return 8 * float(np.finfo(frame.dtype).eps) * abs(centre) if frame.dtype.kind == "f" else 0.0


def _range(frame: np.ndarray, mask: np.ndarray) -> float:
    good = frame[~mask]
    return float(good.max()) - float(good.min()) if good.size else 0.0


def _shift_and_scale(frame: np.ndarray, centre: float, spread: float) -> np.ndarray:
    out = np.empty(frame.shape, np.float32)
    precise: type[np.floating] = np.float32 if _fits_float32(frame, centre, spread) else np.float64
    for top in range(0, frame.shape[0], _STRIP):
        strip = frame[top : top + _STRIP].astype(precise)
        strip -= precise(centre)
        with np.errstate(over="ignore"):
            strip /= precise(spread)
        out[top : top + _STRIP] = np.clip(strip, -_LARGEST_OF_SPREAD, _LARGEST_OF_SPREAD)
    return out


def _fits_float32(frame: np.ndarray, centre: float, spread: float) -> bool:
    """Whether an image can be shifted and scaled in single precision without loss."""
    if frame.dtype.kind == "f":
        ordinary = abs(centre) < _ORDINARY and 1 / _ORDINARY < spread < _ORDINARY
        return frame.dtype.itemsize <= 4 and ordinary
    return frame.dtype.itemsize <= 2


def _fill(clean: np.ndarray, mask: np.ndarray) -> None:
    """Fill with the mean of the good pixels of 5 x 5, in wide holes with a smooth continuation."""
    clean[mask] = 0.0
    if np.count_nonzero(mask) <= mask.size // 50:
        rows, columns = np.nonzero(mask)
        good = 1 - _around(mask, rows, columns)
        counts = good.sum(axis=1)
        sums = (good * _around(clean, rows, columns)).sum(axis=1)
        clean[rows, columns] = sums / np.maximum(counts, 1)
        hole = np.zeros_like(mask)
        hole[rows[counts == 0], columns[counts == 0]] = True
    else:
        hole = mask
    if hole.any():
        smooth = _smooth(clean, mask)
        rows, columns = np.nonzero(hole)
        clean[rows, columns] = smooth[rows // _BLOCK, columns // _BLOCK]


def _smooth(clean: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of the good pixels over blocks, blurred, continued where there are none."""
    starts = [np.arange(0, length, _BLOCK) for length in clean.shape]

    def sums(array):
        rows = np.add.reduceat(array, starts[0], axis=0, dtype=np.float64)
        return np.add.reduceat(rows, starts[1], axis=1)

    counts = gaussian_filter(sums(~mask), 2.0, mode="constant")
    totals = gaussian_filter(sums(np.where(mask, np.float32(0), clean)), 2.0, mode="constant")
    known = counts > 1e-3
    if not known.any():
        return np.zeros(counts.shape)
    means = totals / np.where(known, counts, 1)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return means[tuple(nearest)]
