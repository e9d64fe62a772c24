# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch of frames and targets.

A batch has places of four kinds: images of one defocus or blended from several (a ramp of the
defocus, a spread of focus as a sum), by a camera finer than the network or coarser. Which place is
of which kind never changes, so that no image costs more than it needs.
"""

from typing import Any, NamedTuple

import numpy as np

from at_once.camera import Grid, coarse_frames, fine_frames
from at_once.conditions import Told, select
from at_once.electrons import Noise
from at_once.lens import blended, lens_spectrum
from at_once.targets import Turn, cut, marked, moved


class Batch(NamedTuple):
    """What a batch is made from.

    Attributes
    ----------
    waves : array
        (n, N, N) complex64.
    wavelength : array
        (n,) Å.
    places : array
        (n, m, 2), y and x, Å.
    labels, heights : array
        (n, m): class from 1 on, -1 for those left open, 0 for none; atoms of a column.
    told : Told
        Conditions, those of blended images first.
    turn : Turn
        Cuts and turns.
    negative : array
        (n,) bool: whether the contrast is turned round.
    """

    waves: Any
    wavelength: Any
    places: Any
    labels: Any
    heights: Any
    told: Told
    turn: Turn
    negative: Any


class Kinds(NamedTuple):
    """Places of a batch of which kind.

    Attributes
    ----------
    size : int
        Of the batch.
    blended : int
        The first so many are of several defoci.
    coarse : tuple of int
        Those of coarse cameras.
    """

    size: int
    blended: int
    coarse: tuple[int, ...]

    def fine(self) -> list[int]:
        """Give those of the others."""
        return [place for place in range(self.size) if place not in self.coarse]


def make_kinds(size: int, blended: float, coarse: float) -> Kinds:
    """Share out the places of a batch; coarse cameras are spread over all of them."""
    number = round(size * coarse)
    where = (np.arange(number) + 0.5) * size / max(number, 1)
    return Kinds(size, round(size * blended), tuple(int(place) for place in where))


def make_batch(
    xp: Any,
    noise: Noise,
    batch: Batch,
    kinds: Kinds,
    grid: Grid,
    *,
    crop: int,
    stride: int,
    radius: Any,
    scintillator: bool = False,
) -> tuple[Any, Any]:
    """Make frames and targets, those of fine cameras first.

    Returns
    -------
    frames : array
        (n, crop, crop, 1).
    targets : array
        (n, crop / stride, crop / stride, 4), see `marked`.
    """
    spectra = lens_spectrum(xp, batch.waves, batch.wavelength, batch.told, grid.sampling)
    first = slice(0, kinds.blended)
    several = blended(
        xp, spectra[first], batch.wavelength[first], select(batch.told, first), grid.sampling
    )
    one = xp.abs(xp.fft.ifft2(spectra[kinds.blended :])) ** 2
    intensity = xp.concatenate([several, one])
    fine, coarse = np.array(kinds.fine()), np.array(kinds.coarse, int)
    frames = fine_frames(xp, noise, intensity[fine], select(batch.told, fine), grid, scintillator)
    parts = [cut(xp, frames, Turn(*(a[fine] for a in batch.turn)), crop)]
    scale = [xp.full(len(fine), 1 / grid.sampling)]
    if len(coarse):
        frames, scales = coarse_frames(
            xp, noise, intensity[coarse], select(batch.told, coarse), grid, scintillator
        )
        parts.append(cut(xp, frames, Turn(*(a[coarse] for a in batch.turn)), crop))
        scale.append(scales)
    order = np.concatenate([fine, coarse])
    frames, scale = xp.concatenate(parts), xp.concatenate(scale)
    frames = xp.where(batch.negative[order][:, None, None], -frames, frames)
    places = moved(
        xp,
        batch.places[order] * scale[:, None, None],
        Turn(*(a[order] for a in batch.turn)),
        crop,
    )
    targets = marked(
        xp, places, batch.labels[order], batch.heights[order], crop // stride, stride, radius
    )
    return frames[..., None], targets
