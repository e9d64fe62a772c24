# SPDX-License-Identifier: GPL-3.0-or-later
"""What no lens can image: areas of one value, and spots with too sharp an edge."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from scipy import ndimage

_STRIP = 64
_SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))

# Å: the least side of an area of one value. A dark column may have no counts at all at a low dose.
_LEAST_SIDE = 3.0
# px: the same where the sampling is not known, and the least of it.
_LEAST_SIDE_PX, _SMALLEST = 32, 8
_STEP = 3  # px: of a run of one value only every so many pixels are looked at, across and along it.
_STRIP_LENGTH = 1.5  # Least sides: of a strip as wide as a block, as a scale bar is.
_RARE = 7.0  # -ln of the probability that a frame of chance has such an area: one in 1000.
# Counts are not independent: a dark column has fewer. So the areas must be so many times as large.
_CLUSTERED = 2.0
# A frame has a few values that fill areas: that of the border, of a label, of saturation.
_MOST_VALUES = 8
# Of the spread of the image: less of a step around an area is no edge, but the foot of an atom in a
# noise-free image. The median of the noise is 0.11 of its spread.
_LEAST_STEP = 0.06
# Steps of the digitiser: in a noise-free image the next value lies around an area.
_LEAST_QUANTA = 1.2
_ABOUT_THE_MEAN = 0.1  # Of the same spread: a standard deviation is a sixth of it.
# Single pixels of other values in an area, from which on they are counts of a low dose.
_FEWEST_HOLES = 5
_MIXED = 2  # px about an area, which interpolation has mixed with its value.

# Quantiles of the image, and the multiples of their distances from the median at which a pixel is
# an outlier: 18.5 standard deviations of a normal distribution each. Outliers may be 10 %.
_QUANTILES = ((99.9, 6.0), (97.5, 9.5), (90.0, 14.5))
# Å: no lens shows an atom narrower than this standard deviation, 0.47 Å at half height.
_NARROWEST = 0.2
_NARROWEST_PX = 1.0  # px: the same where the sampling is not known.
# Of the height of an outlier, what noise adds at least to the step from one pixel to the next.
_NOISE_OF_STEP = 0.1
# Standard deviations of its noise: one pixel in a million is as far above, and looks like a hit.
_RAREST = 5.0
# Rows in which the noise is measured, and pixels that it takes: it is good to a tenth then.
_ROWS_OF_NOISE, _FEWEST_FOR_NOISE = 128, 200
_SHARPEST = 0.95  # Beyond it even an atom of one pixel is taken for an outlier.
_LEAKING = 4  # px: spots that are larger leak to the pixels about them.
# Of these multiples: beyond as much are pixels of the one value that bars and letters have, so many
# at least, which is the shortest word. So much of them is beside one another; of counts hardly any.
_OF_STROKES = 0.4
_FEWEST_OF_STROKES = 24
_TOGETHER = 0.6
# Of the sides of a spot towards the rest of the image, those that are sharp at least: less, and
# dead pixels lie on a dark column.
_SHARP_SIDES = 0.2
_MOST_PASSES = 6  # Hits that lie on one another, at most, of heights that differ.
# Distances of the 99.9th percentile from the median: what is
# beyond and beside an outlier is its tail.
_TAIL = 1.2
_LONGEST_TAIL = 12  # px: where it meets a column, it ends.

_MIDDLE = 3.92  # Of a normal distribution, the width of the middle 95 %, in standard deviations.


class ImageRange(NamedTuple):
    """The values that an image has, of which those of artefacts are told."""

    centre: float  # The median.
    spread: float  # The standard deviation of a normal distribution with the same middle 95 %.
    below: float
    above: float  # Beyond these a pixel is an outlier.
    low: float
    high: float  # Beyond these, and beside an outlier, it is its tail.

    @classmethod
    def of(cls, sample: np.ndarray) -> Self:
        """Return the range of good pixels (n,), sorted, of which a tenth may be outliers."""
        shares = [50 + sign * (share - 50) for sign in (-1, 1) for share, _ in _QUANTILES]
        centre, *quantiles = percentiles(sample, (50, *shares))
        low, high = quantiles[1], quantiles[1 + len(_QUANTILES)]
        down, up = (
            min(
                (
                    factor * abs(one - centre)
                    for one, (_, factor) in zip(side, _QUANTILES, strict=True)
                    if one != centre
                ),
                default=np.inf,
            )
            for side in np.reshape(quantiles, (2, -1))
        )
        tails = _TAIL / _QUANTILES[0][1]
        return cls(
            centre,
            (high - low) / _MIDDLE,
            centre - down,
            centre + up,
            centre - tails * down,
            centre + tails * up,
        )


def percentiles(ordered: np.ndarray, shares: Sequence[float]) -> list[float]:
    """Return the percentiles of numbers (n,) that are sorted, as `numpy.percentile` does."""
    at = np.multiply(shares, (len(ordered) - 1) / 100)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    low, high = ordered[np.stack([below, above])].astype(np.float64)
    return (low + (high - low) * (at - below)).tolist()


def constant_areas(
    frame: np.ndarray, mask: np.ndarray, sampling: float | None = None, *, aligned: bool = False
) -> np.ndarray:
    """Return a mask (H, W) of connected areas of one value that no chance explains."""
    # They have room for an atom, and for more the more often neighbours elsewhere have their value.
    # Those of about the mean in an image that was `aligned` disturb nothing.
    side = _LEAST_SIDE_PX if sampling is None else max(_LEAST_SIDE / sampling, _SMALLEST)
    values = _values_of_runs(frame, side)
    if values.size == 0:
        return np.broadcast_to(False, frame.shape)
    found = np.zeros(frame.shape, bool)
    centre = spread = np.nan
    for value in values:
        same = (frame == value) & ~mask
        area = _implausible(same, side, frame, mask)
        if not area.any():
            continue
        if np.isnan(spread):
            low, centre, high = np.percentile(frame[~mask].astype(np.float64), [0.1, 50, 99.9])
            spread = high - low
        if aligned and abs(float(value) - centre) < _ABOUT_THE_MEAN * spread:
            continue
        if _has_edge(frame, area, mask, float(value), spread):
            found |= ndimage.binary_dilation(area, iterations=_MIXED)
    return found & ~mask


def _values_of_runs(frame: np.ndarray, side: float) -> np.ndarray:
    """Return the values that runs of pixels, of a side in px or more, have, the commonest first."""
    # A run has more than 8 of the pixels that are looked at along it.
    along = max(int(side - 1) // _SMALLEST, 1)
    rows, columns = frame[::_STEP, ::along], frame[:: max(along, _STEP), ::_STEP].T
    # Some lines at a time, which stay in the cache.
    strips = [
        lines[top : top + _STRIP]
        for lines in (rows, columns)
        for top in range(0, len(lines), _STRIP)
    ]
    runs = [strip[:, :-_SMALLEST][_runs(strip)] for strip in strips]
    if not runs:
        return np.empty(0, frame.dtype)
    values, counts = np.unique(np.concatenate(runs), return_counts=True)
    return values[np.argsort(counts)[::-1][:_MOST_VALUES]]


def _runs(lines: np.ndarray) -> np.ndarray:
    """Return where in lines (n, length) a run of more than 8 equal pixels begins."""
    run = lines[:, 1:] == lines[:, :-1]
    for step in (1, 2, 4):
        run = run[:, step:] & run[:, :-step]
    return run


def _implausible(same: np.ndarray, side: float, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the areas of pixels of one value, of a side in px or more, too large for chance."""
    whole, labels, least = _whole_blocks(same), None, 0.0
    while (core := _opened(whole, side, least)).any():
        near = np.kron(core, np.ones((_STEP, _STEP), bool))[: same.shape[0], : same.shape[1]]
        if labels is None:
            labels = ndimage.label(same)[0]
        touched = np.zeros(labels.max() + 1, bool)
        touched[labels[near & same]] = True
        touched[0] = False
        area = touched[labels]
        sparse = _holes(area, same, frame, mask)
        breaks = sparse or 1 - _chance(same & ~area)
        needed = _CLUSTERED * (np.log(same.size) + _RARE) / breaks
        if needed <= least:
            # Zeros of a low dose are connected to one another, and so to a dead area.
            return ndimage.binary_dilation(near, iterations=_STEP) & same if sparse else area
        least = needed
    return np.zeros(same.shape, bool)


def _whole_blocks(same: np.ndarray) -> np.ndarray:
    """Return which blocks of 3 x 3 pixels are all True; those cut by a border are not."""
    padded = np.pad(same, [(0, -length % _STEP) for length in same.shape])
    for _ in range(2):
        padded = np.logical_and.reduce([padded[k::_STEP] for k in range(_STEP)]).T
    return padded


def _opened(whole: np.ndarray, side: float, area: float) -> np.ndarray:
    """Open blocks by squares and strips, of a side in px or more and of an area in px²."""
    square = int(np.ceil(max(side, np.sqrt(area)) / _STEP))
    strip = int(np.ceil(max(_STRIP_LENGTH * side, area / _STEP) / _STEP))
    opened = np.zeros(whole.shape, bool)
    for size in ((square, square), (1, strip), (strip, 1)):
        if size[0] > whole.shape[0] or size[1] > whole.shape[1]:
            continue
        eroded = ndimage.minimum_filter(whole.view(np.uint8), size, mode="constant")
        origin = [-(one % 2 == 0) for one in size]
        opened |= ndimage.maximum_filter(eroded, size, mode="constant", origin=origin).astype(bool)
    return opened


def _holes(area: np.ndarray, same: np.ndarray, frame: np.ndarray, mask: np.ndarray) -> float:
    """Return the share of single counts that an area encloses; 0 if hardly any."""
    # In the dark they are among the lower half of what differs from its value, hot pixels are not.
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    holes = ndimage.binary_erosion(area, ring) & ~(area | mask)
    if np.count_nonzero(holes) < _FEWEST_HOLES:
        return 0.0
    value = float(frame[area][0])
    others = np.abs(frame[~(same | mask)].astype(np.float64) - value)
    counts = np.abs(frame[holes].astype(np.float64) - value) <= np.median(others)
    single = np.count_nonzero(counts)
    return single / np.count_nonzero(area) if single >= _FEWEST_HOLES else 0.0


def _chance(same: np.ndarray) -> float:
    """Return how often the neighbour of a pixel of a value has it too."""
    pairs = np.count_nonzero(same[:, 1:] & same[:, :-1])
    return (pairs + 1) / (np.count_nonzero(same) + 2)


def _has_edge(
    frame: np.ndarray, area: np.ndarray, mask: np.ndarray, value: float, spread: float
) -> bool:
    """Whether the image around an area is another, not what continues it."""
    beside = np.abs(frame[ndimage.binary_dilation(area) & ~area & ~mask].astype(np.float64) - value)
    if beside.size == 0:
        return False
    quantum = np.diff(np.unique(np.append(beside, 0))).min(initial=np.inf)
    return np.median(beside) > _LEAST_STEP * spread and beside.mean() > _LEAST_QUANTA * quantum


def outliers(
    frame: np.ndarray,
    mask: np.ndarray,
    image: ImageRange,
    sampling: float | None = None,
    brightest: float | None = None,
) -> np.ndarray:
    """Return a mask (H, W) of spots and areas of outliers with a sharp edge, and of their tails."""
    # Connected outliers are an artefact if at a side the image falls more steeply than any atom,
    # all about them is masked, or they are above the brightest that electrons make. If the steep
    # side is a small part, that is one, and the rest is judged again.
    below, above, centre = image.below, image.above, image.centre
    nothing = np.broadcast_to(False, frame.shape)
    low, high = (centre + _OF_STROKES * (one - centre) for one in (below, above))
    if not _any_beyond(frame, low, high):
        return nothing
    # Values far beyond a spread of next to nothing have infinite noise.
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = (frame > high) | (frame < low)
        beyond &= ~mask
        beyond &= (frame > above) | (frame < below) | _strokes(frame, beyond)
        if not beyond.any():
            return nothing
        rows, columns = np.nonzero(beyond)
        value = frame[rows, columns].astype(np.float64)
        height = np.abs(value - centre)
        atom = _largest_fall(height, _noise_at(value, frame, image), sampling)
        fall, is_open = _falls(frame, mask, beyond, rows, columns, centre)
        # A dead pixel on a dark column, which is beyond as well, is a spot of its own.
        alone = np.nan_to_num(fall, nan=np.inf).min(axis=0) > atom
        # A bright one beside none may be of a hit, and have a tail.
        known = np.isfinite(fall)
        dark = value < centre
        alone &= (known & (dark | ~is_open)).any(axis=0)
        single = np.zeros(frame.shape, bool)
        single[rows[alone], columns[alone]] = True
        beyond &= ~single
        rows, columns, height, atom = (one[~alone] for one in (rows, columns, height, atom))
        found, leaking = np.zeros(frame.shape, bool), np.zeros(frame.shape, bool)
        for _ in range(_MOST_PASSES):
            if not rows.size:
                break
            spots, number = ndimage.label(beyond, np.ones((3, 3)))
            of_spot, index = spots[rows, columns], np.arange(number + 1)
            fall, is_open = _falls(frame, mask | single, beyond, rows, columns, centre)
            steep = fall > ndimage.maximum(atom, of_spot, index)[of_spot]
            steep_sides, open_sides = (
                np.bincount(of_spot, sides.sum(axis=0), number + 1) for sides in (steep, is_open)
            )
            sharp = (steep_sides > _SHARP_SIDES * open_sides) | (open_sides == 0)
            if brightest is not None:
                sharp |= ndimage.maximum(frame[rows, columns], of_spot, index) > brightest
            sharp[0] = False
            found |= sharp[spots]
            leaking |= (sharp & (np.bincount(of_spot, minlength=number + 1) > _LEAKING))[spots]
            partly = ~sharp & (steep_sides > 0)
            if not partly.any():
                break
            # What is left without its sharp part is judged again: hits lie on one another.
            some = steep.any(axis=0) & partly[of_spot]
            least = np.full(number + 1, np.inf)
            np.minimum.at(least, of_spot[some], height[some])
            part, as_high = np.zeros(frame.shape, bool), np.zeros(frame.shape, bool)
            part[rows[some], columns[some]] = True
            as_high[rows, columns] = height >= least[of_spot]
            single |= ndimage.binary_propagation(part, np.ones((3, 3)), mask=as_high)
            beyond &= ~(found | single)
            left = beyond[rows, columns]
            rows, columns, height, atom = (one[left] for one in (rows, columns, height, atom))
        if found.any():
            faint = (frame > image.high) | (frame < image.low)
            faint &= ~(beyond | mask)
            found = ndimage.binary_dilation(
                found, np.ones((3, 3)), _LONGEST_TAIL, mask=found | faint
            )
            if leaking.any():
                found |= ndimage.binary_dilation(leaking, np.ones((3, 3))) & ~mask
    return found | single


def _strokes(frame: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return pixels beyond a limit that mostly touch others of their value: bars and letters."""
    strokes = np.zeros(frame.shape, bool)
    rows, columns = np.nonzero(beyond)
    if rows.size < _FEWEST_OF_STROKES:
        return strokes
    here, equal = frame[rows, columns], np.zeros(rows.size, bool)
    for down, right in _SIDES:
        y, x = rows + down, columns + right
        inside = (y >= 0) & (y < frame.shape[0]) & (x >= 0) & (x < frame.shape[1])
        equal[inside] |= frame[y[inside], x[inside]] == here[inside]
    _, index = np.unique(here, return_inverse=True)
    number, together = np.bincount(index), np.bincount(index, equal)
    written = (together >= _FEWEST_OF_STROKES) & (together > _TOGETHER * number)
    strokes[rows, columns] = written[index]
    return strokes


def _largest_fall(height: np.ndarray, noise: np.ndarray, sampling: float | None) -> np.ndarray:
    """Return the most that atoms of heights (k,) fall in a pixel, given the noise there (k,)."""
    # Their maxima lie between two pixels.
    width = _NARROWEST_PX if sampling is None else _NARROWEST / sampling
    noise = np.maximum(_NOISE_OF_STEP * height, _RAREST * noise)
    return np.minimum((1 - np.exp(-1 / width**2)) * height + noise, _SHARPEST * height)


def _noise_at(values: np.ndarray, frame: np.ndarray, image: ImageRange) -> np.ndarray:
    """Return the standard deviation of the noise at pixels of some values (k,)."""
    # The variance of counts rises with the brightness. Second differences of what lenses image are
    # small: J. Immerkaer, Computer Vision and Image Understanding 64, 300 (1996).
    if min(frame.shape) < 3 or not 0 < image.spread < np.inf:
        return np.zeros(values.shape)
    number = min(_ROWS_OF_NOISE, frame.shape[0] - 2)
    middle = np.linspace(1, frame.shape[0] - 2, number).astype(int)
    rows = frame[[middle - 1, middle, middle + 1]].astype(np.float64)
    rows[(rows < image.below) | (rows > image.above)] = np.nan
    rows = (rows - image.centre) / image.spread
    bent, height = rows[0] - 2 * rows[1] + rows[2], rows.mean(axis=0)
    bent = bent[:, :-2] - 2 * bent[:, 1:-1] + bent[:, 2:]
    height = (height[:, :-2] + height[:, 1:-1] + height[:, 2:]) / 3
    good = np.isfinite(bent)
    # The weights of the difference along an axis are 1, -2 and 1, the sum of whose squares is 6.
    height, variance = height[good], np.square(bent[good]) / 6**2
    if height.size < _FEWEST_FOR_NOISE:
        return np.zeros(values.shape)
    apart = height - height.mean()
    rise = max(float(apart @ variance) / max(float(apart @ apart), 1e-30), 0.0)
    level = variance.mean() - rise * height.mean()
    brighter = np.clip((values - image.centre) / image.spread, 0.0, np.finfo(float).max)
    return image.spread * np.sqrt(np.maximum(level, 0.0) + rise * brighter)


def _any_beyond(frame: np.ndarray, below: float, above: float) -> bool:
    """Whether any pixel, NaN as well, is outside of a range."""
    strips = (frame[top : top + _STRIP] for top in range(0, len(frame), _STRIP))
    return any(not (strip.min() >= below and strip.max() <= above) for strip in strips)


def _falls(
    frame: np.ndarray,
    mask: np.ndarray,
    beyond: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    centre: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the falls (4, k) to the neighbours of k pixels, NaN if masked."""
    # Also which of the neighbours are neither masked nor beyond.
    here = np.abs(frame[rows, columns].astype(np.float64) - centre)
    fall = np.full((4, len(rows)), np.nan)
    is_open = np.zeros((4, len(rows)), bool)
    for side, (down, right) in enumerate(_SIDES):
        y, x = rows + down, columns + right
        inside = (y >= 0) & (y < frame.shape[0]) & (x >= 0) & (x < frame.shape[1])
        y, x = y[inside], x[inside]
        there = np.abs(frame[y, x].astype(np.float64) - centre)
        bad = mask[y, x]
        fall[side, inside] = np.where(bad, np.nan, here[inside] - there)
        is_open[side, inside] = ~bad & ~beyond[y, x]
    return fall, is_open
