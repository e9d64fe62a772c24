# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of brightness, and the normalisation of an image on either side of them by itself.

The local mean and rms are those of pixels about as bright as the surroundings of a pixel: a
bilateral filter (Tomasi and Manduchi 1998), with a median of the image as the guide.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from hyperspy_dlatoms.networks.normalisation import apply_blocks, block_moments, normalise

# Å: the side of blocks, as finely as a step is found; and blocks, a side, of the median, which
# leaves a step where it is and shows hardly any lattice.
_BLOCK = 0.8
_MEDIAN = 9
_APART = 6  # Blocks between the two sides of a step: soft edges are up to 4 Å wide.
# Of the standard deviation of the pixels on either side. Of clean frames it is 0.8 at most, of
# shadows and edges 4 at least.
_STEP = 2.5
_FEWEST = 8  # Blocks at which there is one: a step is longer than 3 Å.
# Blocks of 3.2 Å differ by as many standard deviations at least where there is a step.
_COARSE, _LIKELY = 4, 1.5
# Standard deviations from the surroundings of so many blocks, a side, and length in blocks of a
# narrow stop: atoms are not so long, and differ by 2.2 at most.
_ODD, _WIDE, _STRIP = 3.0, 15, 12
# Of that difference, the noise in a block of a stop at most; in that of an atom there is more.
_EVEN = 0.5
_ALONG = 0.5  # Of the blocks of a stop, those at the edge of the image at most.
# Of the standard deviation about it, the noise of a block in shadow at most, and how much darker
# it is at least.
_QUIET, _UNLIKE = 0.25, 0.5
_CUT = 3.0  # Standard deviations from a block to the next, where the image is cut.
# Of the standard deviation, the width of the weight by brightness: atoms within 2.5 Å of an edge
# are found from 1.5 downwards.
_WIDTH = 0.7
# Of the median standard deviation, the least: noise of the dark is not amplified more; of that of
# all blocks, the least beside a step. And of the range of brightness, for rounding.
_FLOOR, _FLOOR_OF_ROUNDING = 1e-2, 1e-5
_MOST_LEVELS = 64  # Levels of brightness for which the filter is computed, at most.
# Blocks of about the brightness of a level, of which the deviation is taken, on either side.
_ABOUT = 20
_BAND = 16  # Rows of blocks whose windows are in memory at a time.
_LEAST_WEIGHT = 1e-6  # px of a block in the mean, next to none.
_LEAST_SPREAD = 1e-12  # Of an image whose spread is 1: nothing.


class _Blocks(NamedTuple):
    """The brightness of blocks, each (h, w)."""

    level: np.ndarray  # Of their own pixels.
    guide: np.ndarray  # Of their surroundings, the same on all of either side of a step.
    deviation: np.ndarray  # Of the pixels in these.
    known: np.ndarray  # Bool: whether most pixels are good, and of no strip.


def normalise_regions(
    image: np.ndarray, good: np.ndarray | None, sampling: float, width: float
) -> np.ndarray:
    """Normalise an image (H, W) on either side of a step by itself; 0 at steps and bad pixels."""
    size = max(round(_BLOCK / sampling), 1)
    blocks = _find_steps(image, good, size)
    if blocks is None:
        return normalise(image, sampling, width, good)
    level, guide, deviation, known = blocks
    change = ndimage.maximum_filter(guide, 3) - ndimage.minimum_filter(guide, 3)
    known = known & (change <= _CUT * deviation)
    rows, columns = (np.arange(length) // size for length in image.shape)
    usable = known[rows[:, None], columns]
    if good is not None:
        usable &= good
    if not usable.any():
        return np.zeros(image.shape, np.float32)
    centre = float(image.mean(dtype=np.float64, where=usable))
    _, first, second = block_moments(np.where(usable, image, np.float32(centre)), centre, size)
    count = block_moments(usable.astype(np.float32), 0.0, size)[1]
    mean, spread = _bilateral(
        (count, first, second),
        guide - centre,
        _WIDTH * np.where(known, deviation, np.nan),
        width / (sampling * size),
    )
    least = max(
        _FLOOR * float(np.median(deviation[known])),
        _FLOOR_OF_ROUNDING * float(np.ptp(guide[known])),
        _LEAST_SPREAD,
    )
    spread = np.maximum(spread, least)
    # At a corner, and in the middle of a stop, the median is that of the other side.
    known &= np.abs(level - centre - mean) <= _CUT * spread
    usable &= known[rows[:, None], columns]
    normalised = np.empty(image.shape, np.float32)
    apply_blocks(image, centre, mean, spread, size, normalised)
    return np.where(usable, normalised, np.float32(0))


def _find_steps(image: np.ndarray, good: np.ndarray | None, size: int) -> _Blocks | None:
    """Return the brightness of blocks of a size in px if there is a step, else None."""
    level, noise = _moments(image, good, size)
    unknown = ~np.isfinite(level)
    if unknown.all() or not _likely(level, noise):
        return None
    if unknown.any():
        nearest = ndimage.distance_transform_edt(
            unknown, return_distances=False, return_indices=True
        )
        level, noise = (one[tuple(nearest)] for one in (level, noise))
    guide = _median(level, _MEDIAN)
    square = noise**2 + (level - guide) ** 2
    deviation = np.sqrt(_median(square, _MEDIAN))
    around = _median(level, _WIDE)
    usual = np.sqrt(_median(noise**2 + (level - around) ** 2, _WIDE))
    # In a vacuum without noise, all that differs by rounding would be a step.
    least = _FLOOR * float(level.std())
    unlike = np.abs(level - around)
    odd = (unlike > _ODD * np.maximum(usual, least)) & (noise < _EVEN * unlike)
    odd = _strips(odd, level, ndimage.binary_dilation(unknown, np.ones((3, 3)), border_value=1))
    steps = np.count_nonzero(odd)
    for levels, deviations in ((guide, deviation), (guide.T, deviation.T)):
        larger = np.maximum(deviations[_APART:], deviations[:-_APART]).clip(least)
        step = np.abs(levels[_APART:] - levels[:-_APART])
        steps += np.count_nonzero(step > _STEP * larger)
    if steps < _FEWEST:
        return None
    # The corner of a stop, which the median takes for the image about it, has hardly any noise.
    quiet = (noise < _QUIET * deviation) & (np.abs(level - guide) > _UNLIKE * deviation)
    quiet = ndimage.binary_opening(quiet, np.ones((2, 2)))
    quiet = ndimage.binary_dilation(quiet, np.ones((3, 3)))
    return _Blocks(level, guide, deviation, ~(unknown | quiet | ndimage.binary_dilation(odd)))


def _median(blocks: np.ndarray, size: int) -> np.ndarray:
    """Return the median of `size` by `size` blocks about each (h, w), the outermost repeated."""
    # NumPy selects by vector instructions, the fastest in single precision: a fourth of the time of
    # `ndimage.median_filter`, which would take longer than the network.
    least = blocks.min()  # So that single precision is enough, and squares stay positive.
    padded = np.pad((blocks - least).astype(np.float32), size // 2, mode="edge")
    windows = sliding_window_view(padded, (size, size))
    middle = size**2 // 2
    median = np.empty(blocks.shape)
    for top in range(0, len(blocks), _BAND):
        band = windows[top : top + _BAND].reshape(-1, blocks.shape[1], size**2)
        median[top : top + _BAND] = np.partition(band, middle, axis=-1)[..., middle]
    return median + least


def _strips(odd: np.ndarray, level: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return connected blocks longer than any atom, with a brightness of their own, as a stop's."""
    # A vacuum between atoms is as bright as others; one beside the last atoms lies along what is
    # `outside`, the edge of the image or masked pixels.
    labels, _ = ndimage.label(odd, np.ones((3, 3)))
    long = [
        number
        for number, part in enumerate(ndimage.find_objects(labels), 1)
        if max(one.stop - one.start for one in part) >= _STRIP
    ]
    strips = np.isin(labels, long)
    rest = level[~strips]
    stops = [
        number
        for number in long
        if outside[labels == number].mean() < _ALONG
        and not rest.min(initial=np.inf)
        <= np.median(level[labels == number])
        <= rest.max(initial=-np.inf)
    ]
    return np.isin(labels, stops)


def _likely(level: np.ndarray, noise: np.ndarray) -> bool:
    """Whether there may be a step at all, which spares most frames the medians."""
    rows, columns = (length // _COARSE for length in level.shape)
    if min(rows, columns) < 3:
        return True
    parts = np.stack([level, noise**2])[:, : rows * _COARSE, : columns * _COARSE]
    parts = parts.reshape(2, rows, _COARSE, columns, _COARSE)
    known = np.isfinite(parts[0])
    count = known.sum(axis=(1, 3))
    mean, square = np.where(known, parts, 0).sum(axis=(2, 4)) / np.maximum(count, 1)
    mean[count == 0] = np.nan
    for levels, squares in ((mean, square), (mean.T, square.T)):
        for apart in (1, 2):
            less = np.minimum(squares[apart:], squares[:-apart])
            if ((levels[apart:] - levels[:-apart]) ** 2 > _LIKELY**2 * less).any():
                return True
    # Where most is masked, what is left is not side by side.
    return not known.all()


def _moments(
    image: np.ndarray, good: np.ndarray | None, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the good pixels of blocks; NaN where half are not."""
    centre = float(image.mean(dtype=np.float64))
    if good is not None:
        image = np.where(good, image, np.float32(centre))
    count, first, second = block_moments(image, centre, size)
    few = np.zeros(count.shape, bool)
    if good is not None:
        whole, count = count, block_moments(good, 0.0, size)[1]
        few = count < whole / 2
        count = np.maximum(count, 1)
    mean = first / count
    deviation = np.sqrt(np.maximum(second / count - mean**2, 0))
    mean[few] = deviation[few] = np.nan
    return mean + centre, deviation


def _bilateral(
    moments: tuple[np.ndarray, ...], guide: np.ndarray, widths: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and rms of blocks (h, w), weighted by distance and by likeness of the guide."""
    # The moments are count, sum and sum of squares; the widths in brightness NaN where there are
    # none, sigma in blocks. Computed for some levels of brightness, and interpolated between these.
    levels, width = _levels(guide, widths)
    index = np.clip(np.searchsorted(levels, guide, "right") - 1, 0, len(levels) - 1)
    # How far it is from the level below to the next one.
    part = np.clip((guide - levels[index]) / np.diff(levels, append=np.inf)[index], 0, 1)
    mean, spread = np.zeros(guide.shape), np.zeros(guide.shape)
    for number, (level, one) in enumerate(zip(levels, width, strict=True)):
        # The share of this level falls linearly towards the next ones.
        share = np.where(index == number, 1 - part, np.where(index == number - 1, part, 0))
        if not share.any():
            continue
        weight = np.exp(-(((guide - level) / one) ** 2) / 2)
        count, total, squares = (
            ndimage.gaussian_filter(weight * moment, sigma, mode="constant", truncate=3.0)
            for moment in moments
        )
        count = np.maximum(count, _LEAST_WEIGHT)
        mean_of_level = total / count
        mean += share * mean_of_level
        spread += share * np.sqrt(np.maximum(squares / count - mean_of_level**2, 0))
    return mean, spread


def _levels(guide: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return levels of brightness that lie a width apart, but for gaps, and these widths."""
    known = np.isfinite(widths)
    order = np.argsort(guide[known])
    values, widths = guide[known][order], widths[known][order]
    # Of a part without any noise.
    least = _FLOOR_OF_ROUNDING * float(values[-1] - values[0])
    widths = np.maximum(widths, max(_FLOOR * float(np.median(widths)), least, _LEAST_SPREAD))
    while True:
        levels: list[float] = []
        chosen: list[float] = []
        at = 0
        while at < len(values) and len(levels) <= _MOST_LEVELS:
            one = float(np.median(widths[max(at - _ABOUT, 0) : at + _ABOUT]))
            after_gap = not levels or values[at] > levels[-1] + 2 * chosen[-1]
            levels.append(float(values[at]) if after_gap else levels[-1] + chosen[-1])
            chosen.append(one)
            at = int(np.searchsorted(values, levels[-1] + one))
        if at >= len(values):
            return np.array(levels), np.array(chosen)
        widths = 2 * widths
