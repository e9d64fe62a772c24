# SPDX-License-Identifier: GPL-3.0-or-later
"""Local normalisation of images, the same in training and in use."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from hyperspy_dlatoms.networks.resampling import interpolate

# Unit of the contrast given to networks for exit waves, as a fraction of the local mean.
CONTRAST_UNIT = 0.2
# Ratio of mean to deviation above which images are counts; without background it is about 0.
LEAST_MEAN = 0.05
# Side in px of the blocks over which moments are averaged, at most a quarter of the Gaussian's
# deviation; and rows at a time, which stay in the cache.
_LARGEST_BLOCK = 8
_STRIP = 256
_FEW_ROWS = 32
# Least local rms, relative to that of the image, so that nothing is amplified more than a hundred
# times; and relative to its level, a hundred roundings of float32.
_FLOOR_OF_CONTRAST = 1e-2
_FLOOR_OF_ROUNDING = 1e-5
_LEAST_WEIGHT = 1e-6  # px: weight of a block in the mean, next to none.


def normalise(
    frame: np.ndarray, sampling: float, width: float = 12.0, good: np.ndarray | None = None
) -> np.ndarray:
    """Subtract the local mean of a finite image (H, W) and divide by its local rms; float32."""
    # Both are weighted by a Gaussian of `width` in Å, renormalised at borders and near pixels that
    # are not good (which become 0), computed on blocks of up to 8 x 8 pixels, and interpolated. A
    # floor of 1 % of the rms of the image keeps featureless regions from being amplified.
    frame = np.asarray(frame)
    if frame.ndim != 2:
        raise ValueError(f"The image has {frame.ndim} dimensions, expected 2.")
    return _normalise(frame[None], sampling, width, good)[0]


def normalise_series(
    frames: np.ndarray, sampling: float, width: float = 12.0, good: np.ndarray | None = None
) -> np.ndarray:
    """Scale the images of a focal series (c, H, W) to the same mean and normalise them together."""
    # Each is divided by its own mean, unless the mean of one is hardly positive because its
    # background was subtracted. A common local mean and rms preserve their relative contrast.
    frames = np.asarray(frames)
    if frames.ndim != 3:
        raise ValueError(f"The series has {frames.ndim} dimensions, expected 3: (images, H, W).")
    frames = frames.astype(np.float32)
    if frames.size:
        means = frames.mean(axis=(1, 2), dtype=np.float64)
        if np.all(means > LEAST_MEAN * frames.std(axis=(1, 2), dtype=np.float64)):
            frames /= means[:, None, None].astype(np.float32)
    return _normalise(frames, sampling, width, good)


def contrast_of_series(frames: np.ndarray, sampling: float, width: float = 12.0) -> np.ndarray:
    """Return the contrast of a series (c, H, W) for exit waves, in ``CONTRAST_UNIT``."""
    # The ratio to local means, less 1: it keeps the strength of the contrast, and needs images
    # without background subtraction.
    frames = np.asarray(frames)
    if frames.ndim != 3:
        raise ValueError(f"The series has {frames.ndim} dimensions, expected 3: (images, H, W).")
    block, sigma = _blocks(sampling, width)
    result = np.empty(frames.shape, np.float32)
    for contrast, frame in zip(result, frames, strict=True):
        centre = float(frame.mean(dtype=np.float64))
        count, first, _ = block_moments(frame, centre, block)
        mean = _blur(first, sigma) / _blur(count, sigma)
        if not (centre + mean > 0).all():
            raise ValueError(
                "The local mean of an image is not positive everywhere, so its contrast has no "
                "scale: expected counts, without background subtraction."
            )
        apply_blocks(frame, centre, mean, CONTRAST_UNIT * (centre + mean), block, contrast)
    return result


def normalise_many(xp: Any, frames: Any, sampling: float, width: float = 12.0) -> Any:
    """Do what `normalise` or `normalise_series` does to (n, images, H, H), by matrices."""
    # An array function of the module ``xp``, for a batch on an accelerator.
    if frames.shape[1] > 1:
        means = frames.mean(axis=(2, 3), keepdims=True)
        deviations = frames.std(axis=(2, 3), keepdims=True)
        divided = (means > LEAST_MEAN * deviations).all(axis=1, keepdims=True)
        frames = frames / xp.where(divided, means, 1)
    sums, blur, spread_out = _matrices(xp, frames.shape[-1], sampling, width)
    centre = frames.mean(axis=(1, 2, 3), keepdims=True)
    frames = frames - centre
    first, second = (sums @ part.mean(axis=1) @ sums.T for part in (frames, frames**2))
    weight = (blur @ sums).sum(axis=1)
    weight = weight[:, None] * weight
    mean = blur @ first @ blur.T / weight
    variance = xp.maximum(blur @ second @ blur.T / weight - mean**2, 0)
    rms, level = xp.sqrt((frames**2).mean(axis=(1, 2, 3))), xp.abs(centre[:, 0, 0, 0])
    floor = xp.maximum(_FLOOR_OF_CONTRAST * rms, _FLOOR_OF_ROUNDING * level)[:, None, None]
    deviation = xp.maximum(xp.sqrt(variance), floor)
    mean, deviation = (spread_out @ part @ spread_out.T for part in (mean, deviation))
    flat = ((rms <= _FLOOR_OF_ROUNDING * level) | (rms == 0))[:, None, None, None]
    return xp.where(flat, 0, (frames - mean[:, None]) / xp.where(flat, 1, deviation[:, None]))


def contrast_of_many(xp: Any, frames: Any, sampling: float, width: float = 12.0) -> Any:
    """Do what `contrast_of_series` does to frames (..., H, H) of counts, by matrices."""
    sums, blur, spread_out = _matrices(xp, frames.shape[-1], sampling, width)
    weight = (blur @ sums).sum(axis=1)
    mean = blur @ (sums @ frames @ sums.T) @ blur.T / (weight[:, None] * weight)
    mean = spread_out @ mean @ spread_out.T
    return (frames / mean - 1) / CONTRAST_UNIT


def _matrices(xp: Any, size: int, sampling: float, width: float) -> tuple[Any, Any, Any]:
    """Return matrices that sum over the blocks of an axis, blur, and interpolate between them."""
    block, sigma = _blocks(sampling, width)
    of_block = np.arange(size) // block
    blocks = np.eye(of_block[-1] + 1)
    sums = of_block == np.arange(len(blocks))[:, None]
    blur = gaussian_filter1d(blocks, sigma, axis=0, mode="constant", truncate=3.0)
    spread_out = interpolate(blocks, block_index(size, block))
    return tuple(xp.asarray(matrix, xp.float32) for matrix in (sums, blur, spread_out))


def _blocks(sampling: float, width: float) -> tuple[int, float]:
    """Return the side of blocks in px, and the width (Å) of the Gaussian in blocks."""
    for name, value in (("sampling", sampling), ("width", width)):
        if not value > 0:
            raise ValueError(f"The {name} is {value!r}, expected a positive number (Å).")
    sigma = width / sampling
    block = int(np.clip(sigma / 4, 1, _LARGEST_BLOCK))
    return block, sigma / block


def _normalise(
    frames: np.ndarray, sampling: float, width: float, good: np.ndarray | None
) -> np.ndarray:
    """Normalise (c, H, W) by a common local mean and rms; pixels that are not good become 0."""
    block, sigma = _blocks(sampling, width)
    if frames.size == 0:
        return np.zeros(frames.shape, np.float32)
    # Subtract the mean first: float32 squares would drown weak contrast on a high background.
    if good is None:
        centre, size = float(frames.mean(dtype=np.float64)), frames.size
        moments = [block_moments(frame, centre, block) for frame in frames]
    else:
        size = len(frames) * np.count_nonzero(good)
        if size == 0:
            return np.zeros(frames.shape, np.float32)
        centre = float(frames.mean(dtype=np.float64, where=good))
        frames = np.where(good, frames, np.float32(centre))
        counts = block_moments(good.astype(np.float32), 0.0, block)[1]
        moments = [(counts, *block_moments(frame, centre, block)[1:]) for frame in frames]
    count, first, second = (np.asarray(sum(parts)) for parts in zip(*moments, strict=True))

    weight = _blur(count, sigma)
    if good is not None:
        # Far from any good pixel there is nothing to normalise.
        weight = np.maximum(weight, _LEAST_WEIGHT)
    mean = _blur(first, sigma) / weight
    variance = np.maximum(_blur(second, sigma) / weight - mean**2, 0.0)
    rms = np.sqrt(max(float(second.sum()) / size - (float(first.sum()) / size) ** 2, 0))
    floor = max(_FLOOR_OF_CONTRAST * rms, _FLOOR_OF_ROUNDING * abs(centre))
    if rms <= _FLOOR_OF_ROUNDING * abs(centre) or floor == 0.0:
        return np.zeros(frames.shape, np.float32)
    spread = np.maximum(np.sqrt(variance), floor)
    normalised = np.empty(frames.shape, np.float32)
    for frame, out in zip(frames, normalised, strict=True):
        apply_blocks(frame, centre, mean, spread, block, out)
    return normalised if good is None else np.where(good, normalised, np.float32(0))


def block_moments(
    frame: np.ndarray, centre: float, block: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, sum and sum of squares of `frame - centre` over blocks."""
    height, width = frame.shape
    rows, columns = -(-height // block), -(-width // block)
    first, second = np.empty((2, rows, columns))
    strip_rows = max(_STRIP // block, 1)
    for top in range(0, rows, strip_rows):
        part = frame[top * block : (top + strip_rows) * block]
        n = -(-part.shape[0] // block)
        strip = np.zeros((n * block, columns * block), np.float32)
        _subtract(part, centre, out=strip[: part.shape[0], :width])
        strip = strip.reshape(n, block, columns * block)
        first[top : top + n] = _sum_columns(strip.sum(axis=1), block)
        second[top : top + n] = _sum_columns(np.einsum("bij,bij->bj", strip, strip), block)
    counts = np.outer(*(np.diff([*range(0, side, block), side]) for side in frame.shape))
    return counts.astype(np.float64), first, second


def _subtract(frame: np.ndarray, centre: float, out: np.ndarray) -> None:
    np.subtract(frame, np.float32(centre), out=out, dtype=np.float32, casting="unsafe")


def _sum_columns(rows: np.ndarray, block: int) -> np.ndarray:
    # Faster than a sum along so short an axis.
    precise = rows.astype(np.float64)
    return np.sum([precise[:, column::block] for column in range(block)], axis=0)


def _blur(moments: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(moments, sigma, mode="constant", truncate=3.0)


def apply_blocks(
    frame: np.ndarray,
    centre: float,
    mean: np.ndarray,
    spread: np.ndarray,
    block: int,
    out: np.ndarray,
) -> None:
    """Write (frame - centre - mean) / spread, mean and spread interpolated from their blocks."""
    height, width = frame.shape
    along = block_index(width, block)
    planes = [
        np.ascontiguousarray(interpolate(part.T.astype(np.float32), along).T)
        for part in (mean, spread)
    ]
    down = block_index(height, block)
    for top in range(0, height, _FEW_ROWS):
        rows = slice(top, top + _FEW_ROWS)
        # Products with a few blocks are faster than an interpolation.
        first = int(down[top])
        blocks = slice(first, int(np.ceil(down[rows][-1])) + 1)
        weights = np.maximum(1 - np.abs(down[rows, None] - np.arange(blocks.start, blocks.stop)), 0)
        means, spreads = (weights.astype(np.float32) @ plane[blocks] for plane in planes)
        _subtract(frame[rows], centre, out=out[rows])
        out[rows] -= means
        out[rows] /= spreads


def block_index(length: int, block: int) -> np.ndarray:
    """Return the fractional block index of each pixel, whole at the centre of a block."""
    first = np.arange(0, length, block)
    # The last block may be a partial one, its centre nearer than a full block's.
    centres = (first + np.minimum(first + block, length) - 1) / 2
    return np.interp(np.arange(length), centres, np.arange(len(first)))
