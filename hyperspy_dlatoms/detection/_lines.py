# SPDX-License-Identifier: GPL-3.0-or-later
"""What spans an image: faulty rows and columns, seams between parts of a camera, and slopes.

Slopes of brightness are those of an uneven illumination or a background.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter

from hyperspy_dlatoms.detection._artefacts import ImageRange

# A line, or a seam, is judged in so many parts, for some detectors are read out in halves or
# quarters, and seams cross one another; each by so many of its pixels.
_PARTS = 4
_PIXELS_OF_PART = 128
_FEWEST_OF_PART = 16
_MOST_LINES = 4  # Lines side by side that are faulty, at most: more are an area.
# Standard deviations of the pixels of an image that a line differs from those around it, at least.
_LEAST_OF_LINE = 1.0
# Of a normal distribution, the median distance from the median, in standard deviations.
_MAD = 0.6745
# Standard deviations that a pixel counts in it at most: a bright column or a hit makes no line.
_CLIPPED = 3.0
_ODD_LINE = 8.0  # Standard deviations by which lines differ from those around them otherwise.
# Of the height of a line, what its neighbours depart from the lines behind them at most, and what
# the lowest of some lines has at least: a row of atoms is no such line.
_BESIDE_LINE, _FLAT_LINE = 0.25, 0.6
_BESIDE_CLIPPED = 0.5  # The same as the first where pixels are clipped, which makes lines lower.

# At a seam the root mean square over the parts of the step from one line to the next is so many
# times as large as its median: of four normal numbers once in 10⁸.
_STEP = 3.5
# Beyond as much of its own steps a part has one; three of four have: a beam stop is shorter.
_STEP_OF_PART = 4.0
_FEWEST_PARTS = 3
# It is as much larger than the steps up to 2 px beside it: neither lattice nor edge is as sharp.
_SHARPNESS = 2.5
# Of the standard deviation of the image, of every fourth line: less disturbs nothing.
_SPARSE = 4
_LEAST_STEP = 0.15
# Of the mean step, the median over all pixels: of the foot of letters it is up to 0.6.
_THROUGHOUT = 0.7
_MOST_SEAMS = 7  # Along an axis: more are no seams, but a texture.
_BESIDE = 8  # px beside a seam of which the noise is taken.
_STRIP = 512  # Lines at a time, whose parts stay in the cache.

# Å: the side of blocks that hold an atom each; and px of a block that are looked at, a side.
_BLOCK = 3.2
_FEW_PIXELS = 8
# Å: over which a slope is compared with the contrast: networks see images normalised over it.
_LEVELLED = 12.0
# Of the deviation within blocks: less disturbs little, and wedges rise by up to 1.1.
_LEAST_RISE = 1.25
# Of the variance of the blocks, the least that the slope explains: of a straight edge it would
# explain 0.8, and that is the specimen's.
_EXPLAINED = 0.95
_FEWEST_BLOCKS = 25  # Of blocks, for six coefficients.


def _parts_of(length: int) -> list[tuple[slice, slice]]:
    """Return the parts of lines of a length in px, but too short ones, and their middles."""
    edges = np.linspace(0, length, _PARTS + 1).astype(int).tolist()
    parts = []
    for start, stop in pairwise(edges):
        judged = min(stop - start, _PIXELS_OF_PART)
        first = (start + stop - judged) // 2
        if judged >= _FEWEST_OF_PART:
            parts.append((slice(start, stop), slice(first, first + judged)))
    return parts


def less_centre(values: np.ndarray, centre: float) -> np.ndarray:
    """Return numbers less their centre, in single precision if they were recorded in no more."""
    single = values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 2)
    dtype: type[np.floating] = np.float32 if single else np.float64
    with np.errstate(over="ignore"):
        return np.subtract(values, dtype(centre), dtype=dtype, casting="unsafe")


def any_bad(mask: np.ndarray) -> bool:
    """Whether a mask has any bad pixels, with no pass over one that is one value for all pixels."""
    return any(mask.strides) and bool(mask.any())


def _sums_of(lines: np.ndarray) -> np.ndarray:
    """Return the sum of each line (n, length), by a product, which is faster than a sum."""
    return lines @ np.ones(lines.shape[1], lines.dtype)


def sums_of_lines(frame: np.ndarray, image: ImageRange) -> list[list[np.ndarray]]:
    """Return for rows and columns, of each part, the sums (2, n) less the centre: all, clipped."""
    return [
        [_both_sums(lines[:, middle], image) for _, middle in _parts_of(lines.shape[1])]
        for lines in (frame, frame.T)
    ]


def _both_sums(lines: np.ndarray, image: ImageRange) -> np.ndarray:
    reach = _CLIPPED * image.spread
    sums = np.empty((2, len(lines)), less_centre(lines[:0], image.centre).dtype)
    for top in range(0, len(lines), _STRIP):
        some = slice(top, top + _STRIP)
        values = less_centre(lines[some], image.centre)
        # What is as large is clipped, and an outlier.
        with np.errstate(over="ignore", invalid="ignore"):
            sums[0, some] = _sums_of(values)
            np.clip(values, -reach, reach, out=values)
        sums[1, some] = _sums_of(values)
    return sums


def faulty_lines(
    frame: np.ndarray,
    mask: np.ndarray,
    image: ImageRange,
    sums: list[list[np.ndarray]] | None = None,
) -> np.ndarray:
    """Return a mask (H, W) of rows and columns, or parts of them, that stand out sharply."""
    # The `sums_of_lines` are those of a frame without bad pixels.
    found = np.broadcast_to(False, frame.shape)
    if image.spread == 0:
        return found
    for turned in (False, True):
        lines, bad = (frame.T, mask.T) if turned else (frame, mask)
        for number, (part, middle) in enumerate(_parts_of(lines.shape[1])):
            if sums is None:
                profile = _profile(lines[:, middle], bad[:, middle], image)
            else:
                profile = sums[turned][number][1] / (middle.stop - middle.start)
            odd = _odd_lines(profile, image.spread, _BESIDE_CLIPPED)
            if odd.size:
                # Clipped, a row of bright atoms may be as flat as a line; medians take longer.
                values = np.where(bad[:, middle], np.nan, lines[:, middle])
                medians = np.full(len(values), np.nan)
                known = np.isfinite(profile)
                medians[known] = np.nanmedian(values[known], axis=1)
                odd = np.intersect1d(odd, _odd_lines(medians, image.spread, _BESIDE_LINE))
            if odd.size:
                found = found if found.flags.writeable else np.zeros(frame.shape, bool)
                out = found.T if turned else found
                out[odd, part] = True
    return found


def _profile(lines: np.ndarray, bad: np.ndarray, image: ImageRange) -> np.ndarray:
    """Return the mean of the good pixels of each line, outliers clipped; NaN where half are bad."""
    reach = _CLIPPED * image.spread
    values = less_centre(lines, image.centre)
    with np.errstate(over="ignore"):
        np.clip(values, -reach, reach, out=values)
    if not any_bad(bad):
        return _sums_of(values) / lines.shape[1]
    values[bad] = 0
    counts = lines.shape[1] - np.count_nonzero(bad, axis=1)
    profile = values.sum(axis=1) / np.maximum(counts, 1)
    profile[2 * counts < lines.shape[1]] = np.nan
    return profile


def _odd_lines(profile: np.ndarray, spread: float, bend: float) -> np.ndarray:
    """Return the indices of up to 4 lines side by side that stand out from those beside them."""
    # Crystals have rows, too, so these are lines of one height whose neighbours on both sides are
    # at one level, and go on as the lines behind them do, but for a bend, a share of the height.
    known = np.flatnonzero(np.isfinite(profile))
    n, margin = len(known), _MOST_LINES + 2
    if n < 4 * margin or np.ptp(profile[known]) <= _LEAST_OF_LINE * spread:
        return known[:0]
    padded = np.pad(profile[known], margin, mode="reflect")

    def beside(offset: int) -> np.ndarray:
        return padded[margin + offset : margin + offset + n]

    odd = np.zeros(n + margin, bool)
    for width in range(1, _MOST_LINES + 1):
        before, after = beside(-1), beside(width)
        heights = np.stack([beside(k) for k in range(width)]) - (before + after) / 2
        height = np.abs(heights).min(axis=0)
        if height.max() <= _LEAST_OF_LINE * spread:
            continue
        usual = np.median(height) / _MAD
        bends = [before - 2 * beside(-2) + beside(-3)]
        bends += [after - 2 * beside(width + 1) + beside(width + 2), after - before]
        stands_out = height > max(_LEAST_OF_LINE * spread, _ODD_LINE * usual)
        stands_out &= height > _FLAT_LINE * np.abs(heights).max(axis=0)
        stands_out &= np.abs(heights.sum(axis=0)) >= width * height
        stands_out &= np.abs(bends).max(axis=0) < bend * height
        for k in range(width):
            odd[k : k + n] |= stands_out
    return known[odd[:n]]


def level_seams(image: np.ndarray, mask: np.ndarray) -> None:
    """Undo the steps of brightness and of contrast at seams in place."""
    # So that at each seam both sides have one mean and one noise, those of the largest part.
    across = find_seams(image, mask), find_seams(image.T, mask.T)
    if not any(map(len, across)):
        return
    rows, columns = (
        [slice(*ends) for ends in pairwise((0, *(seams + 1), length))]
        for seams, length in zip(across, image.shape, strict=True)
    )
    good = ~mask
    cells = {(i, j): (rows[i], columns[j]) for i in range(len(rows)) for j in range(len(columns))}
    sizes = {key: image[cell].size for key, cell in cells.items()}
    # From the largest cell on, each next to the largest one that is known.
    maps = {max(sizes, key=sizes.__getitem__): (1.0, 0.0)}
    while len(maps) < len(cells):
        known, other = max(
            (
                (known, other)
                for known in maps
                for other in _beside(known)
                if other in cells and other not in maps
            ),
            key=lambda pair: sizes[pair[0]],
        )
        scale, shift = _mapping(image, good, cells[known], cells[other])
        of_known = maps[known]
        maps[other] = of_known[0] * scale, of_known[0] * shift + of_known[1]
    for key, (scale, shift) in maps.items():
        if (scale, shift) != (1.0, 0.0):
            image[cells[key]] *= np.float32(scale)
            image[cells[key]] += np.float32(shift)


def has_seams(frame: np.ndarray, mask: np.ndarray, sums: list[list[np.ndarray]]) -> bool:
    """Whether a frame without bad pixels, of which these are the `sums_of_lines`, has any seam."""
    turned = (frame, mask, sums[0]), (frame.T, mask.T, sums[1])
    return any(len(find_seams(*one)) for one in turned)


def find_seams(
    image: np.ndarray, mask: np.ndarray, sums: list[np.ndarray] | None = None
) -> np.ndarray:
    """Return the rows of an image (H, W) behind which there is a seam."""
    # The sums are those of its rows by `sums_of_lines`, if it has no bad pixels.
    places = [middle for _, middle in _parts_of(image.shape[1])]
    if sums is None:
        steps = [_steps(image[:, some], mask[:, some]) for some in places]
    else:
        lengths = [some.stop - some.start for some in places]
        steps = [
            np.diff(of_part[0].astype(np.float64)) / length
            for of_part, length in zip(sums, lengths, strict=True)
        ]
    if not steps:
        return np.empty(0, np.intp)
    squares = np.square(steps)
    known = np.isfinite(squares)
    usual_of_part = np.array(
        [np.median(one[ok]) if ok.any() else np.inf for one, ok in zip(squares, known, strict=True)]
    )
    outstanding = np.where(known, squares, 0) > _STEP_OF_PART**2 * usual_of_part[:, np.newaxis]
    parts = outstanding.sum(axis=0)
    enough = known.sum(axis=0) >= len(steps) / 2
    square = np.where(known, squares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    step = np.sqrt(square)
    usual = float(np.median(step[enough])) if enough.any() else 0.0
    beside = maximum_filter(step, footprint=[1, 1, 0, 1, 1], mode="constant")
    # Of the first and the last lines it is not known how sharp they are.
    enough[:2] = enough[-2:] = False
    enough &= parts >= min(_FEWEST_PARTS, len(steps))
    found = np.flatnonzero(enough & (step > _STEP * usual) & (step > _SHARPNESS * beside))
    if len(found):
        least = _LEAST_STEP * float(image[::_SPARSE, ::_SPARSE].std(dtype=np.float64))
        found = found[step[found] > least]
    if len(found) > _MOST_SEAMS:
        return found[:0]
    of_parts = np.stack(steps, axis=1)
    throughout = [_is_throughout(image, mask, int(row), places, of_parts[row]) for row in found]
    return found[np.array(throughout, bool)]


def _is_throughout(
    image: np.ndarray, mask: np.ndarray, row: int, places: list[slice], steps: np.ndarray
) -> bool:
    """Whether the step behind a row is one of most of its pixels, not of a few large ones."""
    upwards = [
        np.sign(step)
        * np.subtract(image[row + 1, some], image[row, some], dtype=np.float64)[
            ~mask[row : row + 2, some].any(axis=0)
        ]
        for some, step in zip(places, steps, strict=True)
        if np.isfinite(step)
    ]
    pixels = np.concatenate(upwards)
    return bool(np.median(pixels) > _THROUGHOUT * pixels.mean())


def _steps(lines: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Return the mean step from each row to the next; NaN where half of the pixels are bad."""
    length = lines.shape[1]
    if not any_bad(bad):
        return np.diff(_sums_of(lines).astype(np.float64)) / length
    good = ~(bad[1:] | bad[:-1])
    count = good.sum(axis=1)
    step = np.where(good, np.diff(lines, axis=0), np.float32(0)).sum(axis=1, dtype=np.float64)
    return np.where(2 * count > length, step / np.maximum(count, 1), np.nan)


def _beside(cell: tuple[int, int]) -> list[tuple[int, int]]:
    i, j = cell
    return [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]


def _mapping(
    image: np.ndarray, good: np.ndarray, known: tuple[slice, slice], other: tuple[slice, slice]
) -> tuple[float, float]:
    """Return the scale and the shift that make a cell continue a known one beside it."""
    lines, along = known
    beyond = other[0]
    if lines == beyond:
        image, good = image.T, good.T
        along, lines, beyond = known[0], known[1], other[1]
    seam = max(lines.start, beyond.start)
    outwards = np.arange(min(_BESIDE, lines.stop - lines.start, beyond.stop - beyond.start))
    sides = seam - 1 - outwards, seam + outwards
    if lines.start == seam:
        sides = sides[::-1]
    values, usable = ([one[side, along] for side in sides] for one in (image, good))
    both = usable[0][0] & usable[1][0]
    if not both.any():
        return 1.0, 0.0
    levels = [float(one[0][both].mean(dtype=np.float64)) for one in values]
    noises = list(map(_noise, values, usable))
    scale = noises[0] / noises[1] if min(noises) > 0 else 1.0
    return scale, levels[0] - scale * levels[1]


def _noise(values: np.ndarray, good: np.ndarray) -> float:
    """Return the rms of the steps from pixel to pixel along a seam."""
    steps = np.diff(values, axis=1)[good[:, 1:] & good[:, :-1]]
    return float(np.sqrt(np.mean(np.square(steps, dtype=np.float64)))) if steps.size else 0.0


class Slope(NamedTuple):
    """A parabola: coefficients, their mean over the image, and the px that it was fitted to."""

    coefficients: np.ndarray
    middle: float
    used: tuple[int, int]


def level_slope(image: np.ndarray, mask: np.ndarray, sampling: float) -> None:
    """Subtract a strong parabolic slope, if there is one, in place (Å/px); the mean stays."""
    slope = find_slope(image, mask, sampling)
    if slope is None:
        return
    coefficients, middle, used = slope
    height, width = image.shape
    across = (np.arange(width) + 0.5) / used[1] - 0.5
    for row, down in zip(image, (np.arange(height) + 0.5) / used[0] - 0.5, strict=True):
        row -= (_terms(np.full(width, down), across) @ coefficients - middle).astype(np.float32)


def find_slope(
    image: np.ndarray, mask: np.ndarray, sampling: float, centre: float = 0.0
) -> Slope | None:
    """Return the slope of an image (H, W), of about a centre, if there is a strong one."""
    size = max(round(_BLOCK / sampling), 1)
    step = max(size // _FEW_PIXELS, 1)
    some = slice(None, None, step)
    side = max(size // step, 1)
    rows, columns = (-(-length // step) // side for length in image.shape)
    if rows * columns < _FEWEST_BLOCKS:
        return None

    def blocks(array):
        whole = array[: rows * side, : columns * side]
        return whole.reshape(rows, side, columns, side).mean(axis=(1, 3), dtype=np.float64)

    values, bad = less_centre(image[some, some], centre), mask[some, some]
    known, share = np.ones((rows, columns), bool), 1.0
    if any_bad(bad):
        share = 1 - blocks(bad)
        known = share > 0.5
        if np.count_nonzero(known) < _FEWEST_BLOCKS:
            return None
        values = np.where(bad, np.float32(0), values)
        share = share[known]
    mean = blocks(values)[known] / share
    y, x = np.nonzero(known)
    terms = _terms((y + 0.5) / rows - 0.5, (x + 0.5) / columns - 0.5)
    coefficients = np.linalg.lstsq(terms, mean, rcond=None)[0]
    fitted = terms @ coefficients
    if fitted.var() < _EXPLAINED * mean.var():
        return None
    deviation = np.sqrt(np.mean(np.maximum(blocks(values**2)[known] / share - mean**2, 0)))
    # From its rms about the mean: a plane rises by the square root of 12, each term over its side
    # of the image (Å).
    height, width = sampling * np.array(image.shape)
    lengths = np.array([np.inf, height, width, height, np.sqrt(height * width), width])
    rise = np.sqrt(12) * (terms @ (coefficients / lengths)).std() * _LEVELLED
    if rise < _LEAST_RISE * deviation:
        return None
    return Slope(coefficients, float(fitted.mean()), (rows * side * step, columns * side * step))


def _terms(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the terms (n, 6) of a parabola of two coordinates."""
    return np.stack([np.ones(y.shape), y, x, y * y, y * x, x * x], axis=1)
