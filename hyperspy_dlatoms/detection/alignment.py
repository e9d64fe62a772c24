# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring the shifts between the images of a focal series, and aligning them."""

from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter, shift

from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.networks.resampling import resample

# Å/px; the side in px of the central part that is used; and that of the smallest image.
_SAMPLING = 0.4
_LARGEST = 256
_SMALLEST = 48
# 1/Å: lower frequencies are removed by the local normalisation, higher ones are noise in HRTEM.
_BAND = (0.08, 1.0)
_RING = 0.04
# Relative to the best peak: the height below which the second leaves the best standing out, and the
# height from which peaks count as equally good.
_STANDS_OUT = 0.85
_AS_GOOD = 0.7
# Correlation of noise in rings of n coefficients, in units of n ** -0.5.
_CHANCE = 4.0
_UPSAMPLING = 20


class Drift(NamedTuple):
    """Offsets (images, 2; y, x in px) from the middle image, and whether they are certain."""

    # If not, they are known only up to a lattice translation or, without a signal, not at all: 0.

    offsets: np.ndarray
    certain: bool


def drift_of(series: np.ndarray, sampling: float) -> Drift:
    """Measure the shifts of the images (images, H, W) of a focal series; sampling in Å/px."""
    # Contrast inverts at some frequencies, so a phase correlation would find wrong shifts. Instead,
    # the moduli of the correlations of rings of frequency are added, and their signs corrected for
    # the refinement. Of shifts that differ by the lattice, the smallest is taken unless one stands
    # out.
    offsets = np.zeros((len(series), 2))
    spectra, scale = _spectra(series, sampling)
    if spectra is None:
        return Drift(offsets, False)
    middle = len(series) // 2
    steps = [_between(*pair) for pair in zip(spectra, spectra[1:], strict=False)]
    for index in range(middle + 1, len(series)):
        offsets[index] = offsets[index - 1] + steps[index - 1][0]
    for index in range(middle - 1, -1, -1):
        offsets[index] = offsets[index + 1] - steps[index][0]
    return Drift(offsets * scale, all(step[1] for step in steps))


def align(series: np.ndarray, drift: Drift) -> np.ndarray:
    """Shift a focal series onto its middle image by cubic splines."""
    # Uncovered pixels get the mean of the image, bad ones NaN.
    aligned = np.empty(series.shape, np.float32)
    for place, image, offset in zip(aligned, series, drift.offsets, strict=True):
        place[:] = image
        if not offset.any():
            continue
        bad = mask_bad(image)[1]
        good = place[~bad]
        if good.size == 0:
            continue
        # A spline would spread bad pixels over the image.
        place[bad] = np.median(good)
        place[:] = shift(place, -offset, order=3, mode="constant", cval=good.mean())
        if bad.any():
            place[shift(bad.astype(np.float32), -offset, order=1) > 0] = np.nan
    return aligned


def _spectra(series: np.ndarray, sampling: float) -> tuple[np.ndarray | None, float]:
    """Return the spectra of the central part of images, and their pixel size in px."""
    largest = round(_LARGEST * _SAMPLING / sampling)
    window = tuple(
        slice(max((side - largest) // 2, 0), max((side - largest) // 2, 0) + largest)
        for side in series.shape[-2:]
    )
    if min(series.shape[-2:]) * sampling < _SMALLEST * _SAMPLING:
        return None, 1.0
    images = [resample(mask_bad(one[window], sampling)[0], sampling, _SAMPLING) for one in series]
    scale = images[0][1].scale
    normal = np.stack([normalise(image, sampling * scale) for image, _ in images])
    for axis in (-2, -1):
        taper = np.hanning(normal.shape[axis] + 2)[1:-1].astype(np.float32)
        normal *= np.expand_dims(taper, -1) if axis == -2 else taper
    return fft.fft2(normal), scale


def _between(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the shift of an image from the one before, (y, x) in px, and whether it is certain."""
    rings = _rings(first.shape)
    product = second * first.conj()
    plain = _correlation(product, rings)
    size = np.abs(product)
    chance = _CHANCE * sum(size[ring].sum() / np.sqrt(np.count_nonzero(ring)) for ring in rings)
    if plain.max() <= 0 or plain.max() * product.size < chance:
        return np.zeros(2), False
    # The square root gives more weight to what is faint, not the lattice.
    place, next_best = _best(_correlation(product / np.sqrt(np.maximum(size, 1e-12)), rings))
    certain = next_best < _STANDS_OUT
    if not certain:
        place = _nearest(plain)
    return place + _refined(first, second, place, rings), certain


def _rings(shape: tuple[int, int]) -> list[np.ndarray]:
    """Return masks of rings of spatial frequency."""
    frequency = np.hypot(*np.meshgrid(*(fft.fftfreq(n, _SAMPLING) for n in shape), indexing="ij"))
    # No finer than the coefficients of an image of this size.
    width = max(_RING, 1.5 / (min(shape) * _SAMPLING))
    edges = np.arange(_BAND[0], _BAND[1] + 1e-9, width)
    masks = [(frequency >= low) & (frequency < low + width) for low in edges[:-1]]
    return [mask for mask in masks if mask.any()]


def _correlation(product: np.ndarray, rings: list[np.ndarray]) -> np.ndarray:
    """Add up the moduli of the correlations of rings, at half pixels, with the median at 0."""
    total = np.zeros([2 * side for side in product.shape], np.float32)
    here = tuple(np.ix_(*(fft.fftfreq(side, 1 / side).astype(int) for side in product.shape)))
    padded = np.zeros(total.shape, product.dtype)
    for ring in rings:
        padded[here] = np.where(ring, product, 0)
        total += np.abs(fft.ifft2(padded).real)
    return (total - np.median(total)) * 4


def _peaks(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the maxima of a correlation: signed distances in px, and fractions of the best."""
    top = correlation == maximum_filter(correlation, 5, mode="wrap")
    where = np.argwhere(top)
    sides = np.array(correlation.shape)
    signed = (where + sides // 2) % sides - sides // 2
    return signed / 2, correlation[top] / correlation.max()


def _best(correlation: np.ndarray) -> tuple[np.ndarray, float]:
    places, heights = _peaks(correlation)
    order = np.argsort(heights)
    return places[order[-1]], float(heights[order[-2]]) if len(order) > 1 else 0.0


def _nearest(correlation: np.ndarray) -> np.ndarray:
    places, heights = _peaks(correlation)
    places = places[heights >= _AS_GOOD]
    return places[np.argmin(np.hypot(*places.T))]


def _refined(
    first: np.ndarray, second: np.ndarray, place: np.ndarray, rings: list[np.ndarray]
) -> np.ndarray:
    """Return the correction of a shift, from spectra whose rings have equal signs."""
    from skimage.registration import phase_cross_correlation

    y, x = (fft.fftfreq(side) for side in first.shape)
    back = second * np.exp(2j * np.pi * (place[0] * y[:, np.newaxis] + place[1] * x))
    alike, still = np.zeros_like(back), np.zeros_like(first)
    for ring in rings:
        sign = np.sign((back[ring] * first[ring].conj()).real.sum())
        alike[ring], still[ring] = sign * back[ring], first[ring]
    rest, _, _ = phase_cross_correlation(
        still, alike, space="fourier", normalization=None, upsample_factor=_UPSAMPLING
    )
    # Farther away lies another lattice translation.
    return -rest if np.abs(rest).max() <= 1 else np.zeros(2)
