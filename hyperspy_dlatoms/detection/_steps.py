# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of brightness, and the normalisation of what lies on either side of them by itself."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, label, maximum_filter, minimum_filter

from hyperspy_dlatoms.networks.normalisation import block_moments, normalise

# Å: the side of blocks that hold an atom each, so that their means do not show the lattice.
_COARSE = 3.2
# Å: the side of the blocks that tell where a step is.
_FINE = 0.8
# Standard deviations of the image on either side: atoms in blocks of 0.8 Å make up to 4.
_STEP = 5.0
# Percentile of the contrast of blocks: nearly the highest, for a particle may fill a small part.
_HIGH_CONTRAST = 95
# Å²: of a region that has room for some atoms.
_LEAST_AREA = 25.0
# More regions are no steps, but a texture.
_MOST_REGIONS = 16


def normalise_regions(
    image: np.ndarray, good: np.ndarray | None, sampling: float, width: float
) -> np.ndarray:
    """Normalise an image (H, W) as `normalise` does, each region between steps by itself.

    Within about 1 Å of a step, and where pixels are not good, it is 0.
    """
    regions = find_regions(image, good, sampling)
    if regions is None:
        return normalise(image, sampling, width, good)
    result = np.zeros(image.shape, np.float32)
    for number in range(1, regions.max() + 1):
        of_region = regions == number
        if good is not None:
            of_region &= good
        result += normalise(image, sampling, width, of_region)
    return result


def find_regions(image: np.ndarray, good: np.ndarray | None, sampling: float) -> np.ndarray | None:
    """Return the number (H, W) of the region of each pixel, 0 at the steps; None without steps.

    A step is a change of brightness that is much larger than the contrast on both sides of it.
    """
    coarse, fine = (max(round(side / sampling), 1) for side in (_COARSE, _FINE))
    limit = _contrast_at_steps(*_moments(image, good, coarse))
    if limit is None:
        return None
    level = _moments(image, good, fine)[0]
    unknown = ~np.isfinite(level)
    high = maximum_filter(np.where(unknown, -np.inf, level), 3, mode="nearest")
    low = minimum_filter(np.where(unknown, np.inf, level), 3, mode="nearest")
    smooth = (high - low <= _STEP * limit) & ~unknown
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


def _contrast_at_steps(mean: np.ndarray, contrast: np.ndarray) -> float | None:
    """Return the contrast of the blocks that no step goes through; None where there is no step.

    There is one where blocks next to each other, or next but one, differ by much more than their
    contrast, and by as much as the whole image has, which a step makes up. (Next to an atom in a
    noise-free image there is no contrast at all.)
    """
    rms = np.sqrt(np.nanmean(contrast**2) + np.nanvar(mean))
    step = np.zeros(mean.shape, bool)
    for values, deviations, out in ((mean, contrast, step), (mean.T, contrast.T, step.T)):
        for apart in (1, 2):
            limit = np.maximum(_STEP * np.maximum(deviations[apart:], deviations[:-apart]), rms)
            found = np.abs(values[apart:] - values[:-apart]) > limit
            for shift in range(apart + 1):
                out[shift : shift + len(found)] |= found
    if not step.any():
        return None
    away = contrast[~binary_dilation(step, np.ones((3, 3))) & np.isfinite(contrast)]
    return float(np.percentile(away, _HIGH_CONTRAST)) if away.size else None


def _stretched(blocks: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
    """Return the value of its block for each pixel."""
    rows, columns = (np.arange(length) // size for length in shape)
    return blocks[rows[:, None], columns]
