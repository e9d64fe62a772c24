# SPDX-License-Identifier: GPL-3.0-or-later
"""Local normalisation of images, the same when a network is trained and when it is used."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.networks.interpolation import interpolate

_LARGEST_BLOCK = 8
_STRIP = 256
_FLOOR_OF_CONTRAST = 1e-2
_FLOOR_OF_ROUNDING = 1e-5


def normalise(frame: np.ndarray, sampling: float, width: float = 12.0) -> np.ndarray:
    """Subtract the local mean of an image and divide by its local rms.

    Mean and rms are weighted by a Gaussian, cut and renormalised at the borders of the image. They
    vary slowly, so they are computed from moments averaged over blocks of up to 8 x 8 pixels and
    interpolated linearly between the blocks.

    Parameters
    ----------
    frame : numpy.ndarray
        Image of shape (H, W), any real dtype, finite.
    sampling : float
        Pixel size in Å/px.
    width : float
        Standard deviation of the Gaussian in Å.

    Returns
    -------
    numpy.ndarray
        Float32 image of shape (H, W), of local mean about 0 and local rms about 1. A constant
        image gives zeros. The rms has a floor of 1 % of the rms of the whole image, so that a
        featureless region is not blown up.

    Raises
    ------
    ValueError
        If `frame` is not two-dimensional or `sampling` or `width` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.normalisation import normalise
    >>> frame = np.random.default_rng(0).normal(1000, 30, (64, 96))
    >>> out = normalise(frame, sampling=0.2)
    >>> bool(abs(out.mean()) < 0.05 and abs(out.std() - 1) < 0.05)
    True
    >>> float(np.abs(normalise(np.full((5, 5), 3.0), sampling=0.2)).max())
    0.0
    """
    frame = np.asarray(frame)
    if frame.ndim != 2:
        raise ValueError(f"The image has {frame.ndim} dimensions, expected 2.")
    return normalise_series(frame[np.newaxis], sampling, width)[0]


def normalise_series(series: np.ndarray, sampling: float, width: float = 12.0) -> np.ndarray:
    """Subtract the local mean of a focal series and divide by its local rms, as of one image.

    The images are brought to one exposure by their means first. Mean and rms are then those of all
    images together, so that a change of contrast from one image to the next remains.

    Parameters
    ----------
    series : numpy.ndarray
        Images of shape (n, H, W), any real dtype, finite.
    sampling : float
        Pixel size in Å/px.
    width : float
        Standard deviation of the Gaussian in Å.

    Returns
    -------
    numpy.ndarray
        Float32 images of shape (n, H, W), see `normalise`.

    Raises
    ------
    ValueError
        If `series` is not three-dimensional or `sampling` or `width` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.networks.normalisation import normalise_series
    >>> weak = np.random.default_rng(0).normal(1000, 30, (64, 96))
    >>> out = normalise_series(np.stack([weak, 3 * weak, 2 * weak[::-1]]), sampling=0.2)
    >>> bool(np.allclose(out[0], out[1], atol=1e-3)), bool(abs(out.std() - 1) < 0.05)
    (True, True)
    """
    series = np.asarray(series)
    if series.ndim != 3:
        raise ValueError(f"The series has {series.ndim} dimensions, expected 3.")
    for name, value in (("sampling", sampling), ("width", width)):
        if not value > 0:
            raise ValueError(f"The {name} is {value!r}, expected a positive number (Å).")
    if series.size == 0:
        return np.zeros(series.shape, np.float32)
    sigma = width / sampling
    block = int(np.clip(sigma / 4, 1, _LARGEST_BLOCK))
    # Without the mean first, the float32 squares would drown a weak contrast on a high background.
    centres = series.mean(axis=(1, 2), dtype=np.float64)
    exposures = _exposures(centres)
    moments = [
        _block_moments(image, centre, exposure, block)
        for image, centre, exposure in zip(series, centres, exposures, strict=True)
    ]
    count, first, second = (np.sum(parts, axis=0) for parts in zip(*moments, strict=True))

    weight = _blur(count, sigma / block)
    mean = _blur(first, sigma / block) / weight
    variance = np.maximum(_blur(second, sigma / block) / weight - mean**2, 0.0)
    total = float(first.sum()) / series.size
    rms = np.sqrt(max(float(second.sum()) / series.size - total**2, 0))
    largest = float(np.abs(centres * exposures).max())
    floor = max(_FLOOR_OF_CONTRAST * rms, _FLOOR_OF_ROUNDING * largest)
    if rms <= _FLOOR_OF_ROUNDING * largest or floor == 0.0:
        return np.zeros(series.shape, np.float32)
    spread = np.maximum(np.sqrt(variance), floor)
    out = np.empty(series.shape, np.float32)
    for image, centre, exposure, target in zip(series, centres, exposures, out, strict=True):
        _apply(image, centre, exposure, mean, spread, block, target)
    return out


def _exposures(means: np.ndarray) -> np.ndarray:
    """Factors that bring images to the mean of the first; of images that are no counts, 1."""
    if len(means) == 1 or (means <= 0).any():
        return np.ones(len(means))
    return means[0] / means


def _block_moments(
    frame: np.ndarray, centre: float, exposure: float, block: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, sum and sum of squares of `exposure * (frame - centre)` over blocks."""
    height, width = frame.shape
    rows, columns = -(-height // block), -(-width // block)
    first = np.empty((rows, columns))
    second = np.empty((rows, columns))
    strip_rows = max(_STRIP // block, 1)
    for top in range(0, rows, strip_rows):
        part = frame[top * block : (top + strip_rows) * block]
        n = -(-part.shape[0] // block)
        strip = np.zeros((n * block, columns * block), np.float32)
        _subtract(part, centre, out=strip[: part.shape[0], :width])
        strip = strip.reshape(n, block, columns * block)
        first[top : top + n] = _sum_columns(strip.sum(axis=1), block)
        second[top : top + n] = _sum_columns(np.einsum("bij,bij->bj", strip, strip), block)
    per_row = np.full(rows, block, np.float64)
    per_row[-1] = height - block * (rows - 1)
    per_column = np.full(columns, block, np.float64)
    per_column[-1] = width - block * (columns - 1)
    return np.outer(per_row, per_column), exposure * first, exposure**2 * second


def _subtract(frame: np.ndarray, centre: float, out: np.ndarray) -> None:
    np.subtract(frame, np.float32(centre), out=out, dtype=np.float32, casting="unsafe")


def _sum_columns(rows: np.ndarray, block: int) -> np.ndarray:
    return rows.reshape(rows.shape[0], -1, block).sum(axis=2, dtype=np.float64)


def _blur(moments: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(moments, sigma, mode="constant", truncate=3.0)


def _apply(
    frame: np.ndarray,
    centre: float,
    exposure: float,
    mean: np.ndarray,
    spread: np.ndarray,
    block: int,
    out: np.ndarray,
) -> None:
    """Give (exposure * (frame - centre) - mean) / spread, mean and spread between their blocks."""
    height, width = frame.shape
    across = _block_index(width, block)
    means, spreads = (interpolate(m.T.astype(np.float32), across).T for m in (mean, spread))
    down = _block_index(height, block)
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        _subtract(frame[rows], centre, out=out[rows])
        if exposure != 1:
            out[rows] *= np.float32(exposure)
        out[rows] -= interpolate(means, down[rows])
        out[rows] /= interpolate(spreads, down[rows])


def _block_index(length: int, block: int) -> np.ndarray:
    """Fractional index of the block of each pixel, whole at the centre of a block."""
    first = np.arange(0, length, block)
    # The last block may be a partial one, its centre nearer than a full block's.
    centres = (first + np.minimum(first + block, length) - 1) / 2
    return np.interp(np.arange(length), centres, np.arange(len(first)))
