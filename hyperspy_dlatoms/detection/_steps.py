# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of brightness, and the normalisation of what lies on either side of them by itself."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_propagation, label, maximum_filter, minimum_filter

from hyperspy_dlatoms.networks.normalisation import block_moments, normalise

# Å: the side of the blocks that tell where a step is. So many of them, a side, hold an atom each,
# so that their means do not show the lattice.
_FINE = 0.8
_RATIO = 4
# Standard deviations of the image on either side: atoms in blocks of 0.8 Å make up to 4.
_STEP = 5.0
# Of the contrast of blocks of 0.8 Å, in which noise hardly counts, towards a shadow, which has less
# than such a part of the brightness: no specimen has.
_STEP_OF_SHADOW, _SHADOW = 2.0, 0.4
# Of this contrast, where a step goes on beside a certain one; and of the median height of those.
_GOES_ON, _AS_HIGH = 1.5, 0.3
# Of its height, how much of a step there is in 1.6 Å where the image is cut, and somewhere in each
# cut: soft edges are up to 4 Å wide.
_CUT, _SOMEWHERE = 0.1, 0.3
# Blocks of 3.2 Å about a step in which the contrast is looked up, and in which the image is cut.
_ABOUT, _NEAR = 9, 3
# Å²: of a region that has room for some atoms.
_LEAST_AREA = 25.0
# More regions are no steps, but a texture.
_MOST_REGIONS = 16


def normalise_regions(
    image: np.ndarray,
    good: np.ndarray | None,
    sampling: float,
    width: float,
    zero: float | None = None,
) -> np.ndarray:
    """Normalise an image (H, W) as `normalise` does, each region between steps by itself.

    Within about 1 Å of a step, and where pixels are not good, it is 0. `zero` is what no electrons
    are in it, if that is known.
    """
    regions = find_regions(image, good, sampling, zero)
    if regions is None:
        return normalise(image, sampling, width, good)
    result = np.zeros(image.shape, np.float32)
    for number in range(1, regions.max() + 1):
        of_region = regions == number
        if good is not None:
            of_region &= good
        result += normalise(image, sampling, width, of_region)
    return result


def find_regions(
    image: np.ndarray, good: np.ndarray | None, sampling: float, zero: float | None = None
) -> np.ndarray | None:
    """Return the number (H, W) of the region of each pixel, 0 at the steps; None without steps.

    A step is a change of brightness that is much larger than the contrast on both sides of it.
    """
    fine = max(round(_FINE / sampling), 1)
    level, noise = _moments(image, good, fine)
    limit = _steps(level, noise, zero)
    if limit is None:
        return None
    unknown = ~np.isfinite(level)
    high = maximum_filter(np.where(unknown, -np.inf, level), 3, mode="nearest")
    low = minimum_filter(np.where(unknown, np.inf, level), 3, mode="nearest")
    change = high - low
    cut = binary_propagation(change > limit[1], np.ones((3, 3)), mask=change > limit[0])
    smooth = ~cut & ~unknown
    regions, number = label(smooth)
    area = np.bincount(regions.ravel(), minlength=number + 1) * (fine * sampling) ** 2
    large = np.flatnonzero(area[1:] >= _LEAST_AREA) + 1
    if not 0 < len(large) <= _MOST_REGIONS:
        return None
    if len(large) == 1 and smooth.all():
        return None
    renumbered = np.zeros(number + 1, np.uint8)
    renumbered[large] = np.arange(len(large)) + 1
    return _stretched(renumbered[regions], image.shape, fine)


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
    return mean, deviation


def _steps(
    level: np.ndarray, noise: np.ndarray, zero: float | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return how much blocks of 0.8 Å side by side differ where the image is cut at a step.

    That is at least, and somewhere in each cut; infinite away from steps, None without any. There
    is a step where blocks of 3.2 Å next to each other, or next but one, differ by much more than
    their contrast, and by as much as the whole image has, which a step makes up. It goes on, as a
    hysteresis, where they differ by less.
    """
    if not np.isfinite(level).any():
        return None
    mean, contrast = _coarse(level)
    deviation = np.sqrt(_coarse(noise**2)[0] + contrast**2)
    rms = np.sqrt(np.nanmean(noise**2) + np.nanvar(level))
    height = np.zeros(mean.shape)
    certain = np.zeros(mean.shape, bool)
    for turned in (False, True):
        values, deviations, contrasts, out, sure = (
            one.T if turned else one for one in (mean, deviation, contrast, height, certain)
        )
        for apart in (1, 2):
            one, other = values[apart:], values[:-apart]
            most, noisy = (np.fmax(part[apart:], part[:-apart]) for part in (contrasts, deviations))
            step = np.nan_to_num(np.abs(one - other))
            found = step > np.maximum(_STEP * noisy, rms)
            if zero is not None:
                shadow = np.minimum(one, other) - zero < _SHADOW * (np.maximum(one, other) - zero)
                found |= shadow & (step > _STEP_OF_SHADOW * most)
            likely = np.where(found | (step > _GOES_ON * most), step, 0)
            for shift in range(apart + 1):
                part = slice(shift, shift + len(step))
                np.maximum(out[part], likely, out=out[part])
                sure[part] |= found
    if not certain.any():
        return None
    least = _AS_HIGH * np.median(height[certain])
    steps = binary_propagation(certain, np.ones((3, 3)), mask=certain | (height > least))
    near = maximum_filter(np.where(steps, height, 0), _NEAR)
    usual = np.where((near > 0) | ~np.isfinite(contrast), 0, contrast)
    limit = np.maximum(_STEP * maximum_filter(usual, _ABOUT), _CUT * near)
    high = np.maximum(limit, _SOMEWHERE * near)
    limit[near == 0] = high[near == 0] = np.inf
    rows, columns = (np.arange(length) // _RATIO for length in level.shape)
    return limit[rows[:, None], columns], high[rows[:, None], columns]


def _coarse(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of 4 x 4 blocks; NaN where most are not known."""
    padded = np.pad(level, [(0, -n % _RATIO) for n in level.shape], constant_values=np.nan)
    rows, columns = (n // _RATIO for n in padded.shape)
    blocks = padded.reshape(rows, _RATIO, columns, _RATIO)
    known = np.isfinite(blocks)
    count = np.maximum(known.sum(axis=(1, 3)), 1)
    mean = np.where(known, blocks, 0).sum(axis=(1, 3)) / count
    square = np.where(known, blocks - mean[:, None, :, None], 0) ** 2
    deviation = np.sqrt(square.sum(axis=(1, 3)) / count)
    few = 2 * known.sum(axis=(1, 3)) < _RATIO**2
    mean[few] = deviation[few] = np.nan
    return mean, deviation


def _stretched(blocks: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
    """Return the value of its block for each pixel."""
    rows, columns = (np.arange(length) // size for length in shape)
    return blocks[rows[:, None], columns]
