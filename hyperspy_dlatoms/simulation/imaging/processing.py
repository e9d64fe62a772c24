# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do to scanned images before they open them here: filters, and grey levels."""

import numpy as np
import scipy.fft
from scipy import ndimage


def interpolated(rng: np.random.Generator, image: np.ndarray, pixels: int) -> np.ndarray:
    """Interpolate an image (M, M) to (pixels, pixels), linearly or by cubic splines."""
    # The centres of the first pixels coincide; values are scaled to the smaller pixel area.
    ratio = len(image) / pixels
    order = int(rng.choice([1, 3]))
    fine = ndimage.affine_transform(
        image, [ratio, ratio], output_shape=(pixels, pixels), order=order, mode="nearest"
    )
    return fine * np.float32(ratio**2)


def filtered(
    image: np.ndarray, smoothing: float = 0.0, high_pass: float = 0.0, wiener: int = 0
) -> np.ndarray:
    """Filter an image; `smoothing` and `high_pass` are standard deviations of Gaussians, px."""
    # The mean is kept: `high_pass` subtracts the local mean and adds back that of the image.
    if wiener:
        image = _wiener(image)
    if high_pass:
        image = image - ndimage.gaussian_filter(image, high_pass) + image.mean()
    if smoothing:
        image = ndimage.gaussian_filter(image, smoothing)
    return image


def saved(
    image: np.ndarray, dark: float = 0.0, bright: float = 0.0, gamma: float = 1.0, bits: int = 16
) -> np.ndarray:
    """Clip shares of the darkest and brightest pixels, apply `gamma`, and round to grey levels."""
    if dark or bright:
        image = np.clip(image, *np.quantile(image, (dark, 1 - bright))).astype(np.float32)
    low, high = image.min(), image.max()
    if (gamma == 1 and bits >= 16) or high <= low:
        return image
    grey = ((image - low) / (high - low)) ** np.float32(gamma)
    if bits < 16:
        levels = np.float32(2**bits - 1)
        grey = np.round(grey * levels) / levels
    return low + (high - low) * grey


def _wiener(image: np.ndarray) -> np.ndarray:
    """Keep at each frequency what exceeds the usual amplitude at its radius, that of the noise."""
    # R. Kilaas, Optimal and near-optimal filters in high-resolution electron microscopy, Journal of
    # Microscopy 190, 45 (1998).
    size = len(image)
    spectrum = scipy.fft.rfft2(image)
    radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    shell = np.round(radius).astype(int)
    amplitude = np.abs(spectrum)
    # The median, since periodic features occupy few frequencies.
    noise = ndimage.median(amplitude, shell, np.arange(shell.max() + 1))
    # The frequency 0, alone in its shell, is the mean of the image.
    noise[0] = 0
    kept = 1 - (noise[shell] / np.maximum(amplitude, 1e-30)) ** 2
    return scipy.fft.irfft2(spectrum * np.maximum(kept, 0).astype(np.float32), image.shape)
