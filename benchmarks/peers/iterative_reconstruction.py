# SPDX-License-Identifier: GPL-3.0-or-later
"""The classical method for an exit wave: iterative reconstruction from a focal series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.fft

from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.wave import SETTINGS

ITERATIONS = 20
CUTOFF = 1.1
"""Spatial frequency up to which the wave is reconstructed, periods an Å."""

_FLOOR = 0.02
"""Added to the mean square of the coherence envelopes, so that beams that they damp are not divided
by next to nothing."""


def reconstruct_exit_wave(
    series: np.ndarray,
    sampling: float,
    energy: float,
    defoci: np.ndarray,
    lens: Lens,
    *,
    iterations: int = ITERATIONS,
    cutoff: float = CUTOFF,
) -> np.ndarray:
    """Reconstruct the exit wave from a focal series.

    The iterative wave function reconstruction (IWFR) of Allen et al., which goes back to
    Gerchberg and Saxton: all images are given a phase, propagated back to the exit plane and
    averaged there; the mean is propagated to each image, which keeps its measured amplitude and
    takes the phase; and so on. The envelope of temporal coherence weights the beams, as in a
    Wiener filter. Aligned images (k, H, W), taken as periodic; sampling in Å/px, energy in eV,
    defoci in Å; the wave is complex64 (H, W), zero beyond the cutoff (1/Å).
    """
    # L. J. Allen, W. McBride, N. L. O'Leary, M. P. Oxley, Exit wave reconstruction at atomic
    # resolution, Ultramicroscopy 100 (2004) 91. R. W. Gerchberg, W. O. Saxton, A practical
    # algorithm for the determination of phase from image and diffraction plane pictures, Optik 35
    # (1972) 237.
    series, defoci = np.asarray(series, dtype=np.float32), np.asarray(defoci, dtype=float)
    if series.ndim != 3 or defoci.shape != series.shape[:1]:
        raise ValueError(
            f"There are images of shape {series.shape} and defoci of shape {defoci.shape}: "
            "expected (k, H, W), and one defocus for each image."
        )
    means = series.mean(axis=(1, 2), keepdims=True)
    if not (means > 0).all():
        raise ValueError(
            f"The images have the mean values {means.ravel().tolist()}: expected electrons in "
            "each of them."
        )
    # Resampled images can be negative in places.
    amplitudes = np.sqrt(np.maximum(series / means, 0))
    transfer = np.stack(
        [
            transfer_function(
                series.shape[1:], sampling, energy, replace(lens, defocus=float(defocus)), cutoff
            )
            for defocus in defoci
        ]
    )
    weight = np.mean(np.abs(transfer) ** 2, axis=0) + _FLOOR
    back = transfer.conj() / len(series) * (1 + _FLOOR) / weight
    images = amplitudes.astype(np.complex64)
    for _ in range(iterations):
        spectrum = np.sum(back * scipy.fft.fft2(images), axis=0)
        images = scipy.fft.ifft2(transfer * spectrum)
        images *= amplitudes / np.maximum(np.abs(images), 1e-6)
    wave = scipy.fft.ifft2(np.sum(back * scipy.fft.fft2(images), axis=0))
    # The phase of the whole is arbitrary.
    return (wave * np.exp(-1j * np.angle(wave.mean()))).astype(np.complex64)


def transfer_function(
    shape: tuple[int, int], sampling: float, energy: float, lens: Lens, cutoff: float = CUTOFF
) -> np.ndarray:
    """Return the transfer function of a lens for waves, complex64, on the grid of an FFT."""
    # E. J. Kirkland, Advanced Computing in Electron Microscopy, 3rd ed. (2020), chapter 3.
    import abtem

    point = np.zeros(shape[::-1], np.complex64)
    point[0, 0] = 1
    ctf = abtem.CTF(
        energy=energy,
        defocus=lens.defocus,
        C30=lens.Cs,
        C12=lens.astigmatism,
        phi12=lens.astigmatism_angle,
        C21=lens.coma,
        phi21=lens.coma_angle,
        C23=lens.threefold,
        phi23=lens.threefold_angle,
        focal_spread=lens.focal_spread,
    )
    with abtem.config.set(SETTINGS):
        image = abtem.Waves(point, sampling=sampling, energy=energy).apply_ctf(ctf).array
    # abTEM's first axis is x.
    transfer = scipy.fft.fft2(np.asarray(image).T)
    qy = scipy.fft.fftfreq(shape[0], sampling)[:, None]
    qx = scipy.fft.fftfreq(shape[1], sampling)[None]
    return transfer * (np.hypot(qy, qx) <= cutoff)
