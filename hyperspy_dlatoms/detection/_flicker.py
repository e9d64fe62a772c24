# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a scan that are brighter or darker than they should be, each by its own amount.

Emission and amplifiers flicker, and a scan records them from row to row. Such an offset is the same
for the dark and the bright pixels of a row; what a specimen, or a row that is displaced, adds to
the mean of a row is not.
"""

import numpy as np
from scipy.fft import rfft, rfftfreq
from scipy.ndimage import gaussian_filter, gaussian_filter1d, uniform_filter1d

# Å: standard deviation of the Gaussian after which pixels are told by brightness, and the length of
# the part of a row about whose mean they are dark or bright, whatever the illumination.
_SMOOTHED, _AROUND = 0.25, 6.0
# Periods per Å beyond which lenses transfer hardly anything, where flicker shows; and at least so
# many frequencies, for a judgement.
_SHARP, _FEWEST = 1.0, 8
_JUDGED = 512  # Rows, and columns, in the middle that are judged.
# Likeness of the offsets of dark and of bright pixels, at least, and their size as a share of the
# contrast within rows. Of 1400 simulated scans without flicker, with displaced rows and lattices
# along them, those with half that size are alike by 0.86 at most; and atoms are lost or added from
# about twice that size onwards.
_ALIKE, _LARGE = 0.9, 0.2
_SLOW = 3.0  # Å: standard deviation of a Gaussian; the local mean takes care of slower changes.


def level_flicker(frame: np.ndarray, sampling: float) -> np.ndarray:
    """Return a scan (H, W), finite, less the flicker of its rows; itself if it has none (Å/px)."""
    first, left = (max(size - _JUDGED, 0) // 2 for size in frame.shape)
    middle = frame[first : first + _JUDGED, left : left + _JUDGED]
    sharp = rfftfreq(len(middle), sampling) > _SHARP
    if np.count_nonzero(sharp) < _FEWEST or middle.shape[1] < _FEWEST:
        return frame
    *thirds, smooth = _thirds(middle, sampling)
    dark, bright = (_spectrum(one)[sharp] for one in thirds)
    common = np.vdot(dark, bright).real
    alike = common > _ALIKE * (_energy(dark) + _energy(bright)) / 2
    if not alike or common <= (_LARGE * smooth.std(dtype=np.float64)) ** 2:
        return frame
    # Between columns rows differ least by what they show; the others are far from the mean.
    dark, bright, smooth = _thirds(frame, sampling)
    between = bright if np.mean(smooth**3, dtype=np.float64) < 0 else dark
    offset = between - _slow(between, _SLOW / sampling)
    return frame - offset[:, np.newaxis].astype(np.float32)


def _thirds(frame: np.ndarray, sampling: float) -> tuple[np.ndarray, ...]:
    """Return the means (H,) of rows' dark and bright thirds, and the contrast (H, W) they have."""
    frame = frame - np.float32(frame.mean(dtype=np.float64))
    smooth = gaussian_filter(frame, _SMOOTHED / sampling)
    smooth -= uniform_filter1d(smooth, max(round(_AROUND / sampling), 1), axis=1)
    third = frame.shape[1] // 3
    bounds = np.partition(smooth, (third, -third - 1), axis=1)[:, [third, -third - 1]]
    dark, bright = (
        (frame * some).sum(axis=1, dtype=np.float64) / some.sum(axis=1)
        for some in (smooth <= bounds[:, :1], smooth >= bounds[:, 1:])
    )
    return dark, bright, smooth


def _slow(profile: np.ndarray, sigma: float) -> np.ndarray:
    """Return a profile (H,) smoothed by a Gaussian (px), its slopes continued at the ends."""
    margin = min(round(3 * sigma), len(profile) - 1)
    padded = np.pad(profile, margin, mode="reflect", reflect_type="odd")
    return gaussian_filter1d(padded, sigma)[margin : margin + len(profile)]


def _spectrum(profile: np.ndarray) -> np.ndarray:
    """Return the spectrum of a profile (H,); the sum of squares is its variance."""
    # Half of them, and windowed: the ends of a slope would show at all frequencies.
    window = np.hanning(len(profile))
    return rfft((profile - profile.mean()) * window) * np.sqrt(2 / len(window) / (window @ window))


def _energy(spectrum: np.ndarray) -> float:
    return float(np.vdot(spectrum, spectrum).real)
