# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a scanned probe: where each line was taken, and hence where the sites appear."""

from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d

from hyperspy_dlatoms.simulation.imaging._arrays import phase_factor
from hyperspy_dlatoms.simulation.imaging.probe import Band

# Å. Standard deviation of a slip of the scan along each axis: a few lines or pixels.
_SLIP = 0.3
# Å. Standard deviation of a column in an image; its position averages over the lines it spans.
_COLUMN = 0.4


class Path(NamedTuple):
    """Where the lines of a scan begin: ``len(y)`` lines of as many pixels."""

    pixel: float  # Pixel spacing along a line, Å.
    pitch: float  # Line spacing, Å.
    shear: float  # Shift from line to line, Å.
    y: np.ndarray  # (lines,), offset of each line from that, Å.
    x: np.ndarray

    def starts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where each line begins in the specimen, y and x (lines,), Å."""
        lines = np.arange(len(self.y))
        return self.pitch * lines + self.y, self.shear * lines + self.x

    def recorded(self, sites: np.ndarray) -> np.ndarray:
        """Return where sites (n, 2; y, x in Å) appear in the image, (n, 2) px."""
        # The centre of the column as recorded: the lines that it spans are weighted by its profile.
        lines = np.arange(len(self.y))
        off_y, off_x = (
            gaussian_filter1d(off, _COLUMN / self.pitch, mode="nearest") for off in (self.y, self.x)
        )
        line = sites[:, 0] / self.pitch
        # After that average the offset changes slowly, so this converges at once.
        for _ in range(3):
            line = (sites[:, 0] - np.interp(line, lines, off_y)) / self.pitch
        along = sites[:, 1] - self.shear * line - np.interp(line, lines, off_x)
        pixels = len(self.y)
        return np.column_stack([line, (along / self.pixel + 0.5) % pixels - 0.5])


def draw_path(
    rng: np.random.Generator,
    pixels: int,
    pixel: float,
    *,
    summed: float = 1.0,
    jitter: float = 0.0,
    wander: float = 0.0,
    shear: float = 0.0,
    stretch: float = 0.0,
    slips: int = 0,
    skipped_lines: float = 0.0,
) -> Path:
    """Draw the path of a scan of (pixels, pixels), `pixel` Å apart."""
    # Each line is off by its own `jitter` and by a `wander` that accumulates (Å); each is the sum
    # of `summed` finer lines. Lines drift by the shares `shear` (along) and `stretch` (across); the
    # scan jumps at `slips` lines; a share of lines is skipped and repeats the one before.
    steps = wander * np.sqrt(summed) * rng.standard_normal((2, pixels))
    for _ in range(slips):
        steps[:, rng.integers(1, pixels)] += _SLIP * rng.standard_normal(2)
    steps[:, 0] = 0
    off = np.cumsum(steps, axis=1)
    off += jitter / np.sqrt(summed) * rng.standard_normal((2, pixels))
    pitch, drift = pixel * (1 - stretch), pixel * shear
    if skipped_lines:
        line = 1 + np.flatnonzero(rng.random(pixels - 1) < skipped_lines)
        off[:, line] = off[:, line - 1] - np.array([[pitch], [drift]])
    return Path(pixel, pitch, drift, off[0], off[1])


def scanned(spectrum: np.ndarray, band: Band, size: int, path: Path) -> np.ndarray:
    """Sample a map (size, size) along a path by its spectrum in a band; (lines, lines) float32."""
    # Nothing is interpolated: lines may lie anywhere, and pixels are evenly spaced along them.
    pixels = len(path.y)
    columns = min(band.columns, (pixels + 1) // 2)
    y, x = path.starts()
    lines = phase_factor(np, y[:, None] * band.qy[:, 0]) @ spectrum[:, :columns]
    lines *= phase_factor(np, x[:, None] * band.qx[:columns])
    return scipy.fft.irfft(lines * np.float32(pixels / size**2), pixels)
