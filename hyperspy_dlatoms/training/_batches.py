# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole batch of frames and targets, made by array functions that an accelerator can run.

They do what `hyperspy_dlatoms.training.examples` does wave by wave. No array's shape depends on the
draws, so JAX compiles them once. To that end each slot of a batch has a fixed kind: images blended
from several defoci or taken at one, by a camera finer or coarser than the network. That way no
image costs more than it must.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.normalisation import contrast_of_many, normalise_many
from hyperspy_dlatoms.networks.resampling import axis_matrix
from hyperspy_dlatoms.networks.waves import to_cells
from hyperspy_dlatoms.simulation.imaging.camera import Grid, VaryingGrid
from hyperspy_dlatoms.simulation.imaging.conditions import ConditionArrays
from hyperspy_dlatoms.simulation.imaging.electrons import Noise
from hyperspy_dlatoms.simulation.imaging.image import expose, intensities
from hyperspy_dlatoms.simulation.imaging.lens import Focus
from hyperspy_dlatoms.training.targets import rasterise_many


class Waves(NamedTuple):
    """Exit waves and their sites, stacked."""

    waves: Any
    """(n, N, N) complex64."""
    wavelength: Any
    """(n,) Å."""
    sites: Any
    """(n, m, 2), y and x, Å."""
    labels: Any
    """(n, m): class, counted from 1; -1 for sites left open, 0 for none."""
    heights: Any
    """(n, m): atoms in each column."""
    truth: Any
    """(n, N, N) complex64: targets of an exit-wave network; (n, 0, 0) for others."""
    material: Any
    """(n, 2), or (n, 3) for exit waves: input of a network told the material; (n, 0) for others."""


class Turn(NamedTuple):
    """Crop and orientation of each frame."""

    corner: Any  # (n, 2) px.
    flip: Any  # (n, 2) bool: along y and x.
    swap: Any  # (n,) bool: whether y and x are exchanged.


class Drawn(NamedTuple):
    """The random conditions of a batch, except the noise."""

    conditions: ConditionArrays
    turn: Turn
    inverted: Any  # (n,) bool: whether the contrast is inverted.
    defoci: Any  # (n, images + 1): input of the network, see `architecture.encode_defoci`.
    wave: Any  # (n,) in [0, 1): chooses among the waves.
    material: Any  # (n, 1): 1 where the material is given, else 0.


@dataclass(frozen=True)
class Plan:
    """The constants of all batches of a training."""

    batch: int
    blended: int  # The first slots, this many, hold images of several defoci.
    coarse: tuple[int, ...]  # Slots for cameras coarser than the network.
    images: int  # Number of images in a focal series, or 1.
    size: int  # Pixels a side of the waves.
    wave_sampling: float  # Å/px.
    sampling: float  # Of the network, Å/px.
    coarsest: float  # Sampling of the coarsest camera, Å/px.
    width: float  # Of the normalisation window, Å.
    radius: float  # Of the target around a site, Å.
    crop: int
    heights: bool = False
    wave: bool = False
    scintillators: bool = False
    # Measured transfer function of the camera.
    curve: tuple[tuple[float, float], ...] = field(default=())

    @property
    def fine(self) -> list[int]:
        """Slots for cameras that are not coarse."""
        return [place for place in range(self.batch) if place not in self.coarse]

    @property
    def edge(self) -> float:
        """Edge of the field of view, Å."""
        return self.size * self.wave_sampling

    @property
    def grid(self) -> Grid:
        """Grid of images at the sampling of the network."""
        return Grid(self.size, self.edge, round(self.edge / self.sampling))

    def resampling(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Return `_resampling` for the coarse cameras."""
        return _resampling(self.size, self.edge, self.coarsest, self.sampling)

    def room(self) -> np.ndarray:
        """Return how many crop positions each frame has along an axis, (batch,)."""
        sides = np.full(self.batch, self.grid.pixels)
        if self.coarse:
            sides[list(self.coarse)] = self.resampling()[0].shape[1]
        return np.maximum(sides - self.crop, 0) + 1


def make_batch(xp: Any, noise: Noise, waves: Waves, drawn: Drawn, plan: Plan) -> tuple[Any, Any]:
    """Return inputs and targets as `Examples.draw_batch` does, coarse cameras last."""
    ideal = _intensities(xp, waves, drawn.conditions, plan)
    exact = 1 / plan.grid.pixel
    parts, scales, order = [], [], np.array([*plan.fine, *plan.coarse], int)
    if plan.fine:
        some = np.array(plan.fine)
        conditions = select(drawn.conditions, some)
        frames = _expose(xp, noise, ideal[some], conditions, plan.grid, plan)
        parts.append(_cut(xp, _normalised(xp, frames, plan), _turn(drawn, some), plan.crop))
        scales.append(xp.full(len(some), exact, xp.float32))
    if plan.coarse:
        some = np.array(plan.coarse)
        conditions = select(drawn.conditions, some)
        frames, scale = _coarse_frames(xp, noise, ideal[some], conditions, plan)
        parts.append(_cut(xp, _normalised(xp, frames, plan), _turn(drawn, some), plan.crop))
        scales.append(scale)
    frames, scale, turn = xp.concatenate(parts), xp.concatenate(scales), _turn(drawn, order)
    if plan.wave:
        targets = to_cells(_cut(xp, waves.truth[order][:, None], turn, plan.crop)[:, 0], xp)
    else:
        frames = xp.where(drawn.inverted[order][:, None, None, None], -frames, frames)
        sites = _moved(xp, waves.sites[order] * scale[:, None, None], turn, plan.crop)
        cells, stride = plan.crop // architecture.STRIDE, architecture.STRIDE
        labels, heights = waves.labels[order], waves.heights[order]
        radius = plan.radius / plan.sampling
        targets = rasterise_many(xp, sites, labels, heights, cells, stride, radius)
        targets = targets[..., : 4 if plan.heights else 3]
    frames = xp.moveaxis(frames, 1, -1).astype(xp.float32)
    if plan.images == 1:
        return frames, targets
    known = xp.concatenate([drawn.defoci, waves.material * drawn.material], axis=1)
    return (frames, known[order]), targets


@lru_cache(maxsize=1)
def _resampling(
    size: int, edge: float, coarsest: float, sampling: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return matrices to the network's grid, one per camera size, and two scales."""
    # The scales are camera pixels per network pixel (cameras,), and the least number of camera
    # pixels.
    fewest = round(edge / coarsest)
    pairs = [axis_matrix(n, edge / n, sampling) for n in range(fewest, size + 1)]
    kept = min(len(matrix) for matrix, _ in pairs)
    matrices = [np.pad(m[:kept], [(0, 0), (0, size - m.shape[1])]) for m, _ in pairs]
    scale = np.array([grid.scale for _, grid in pairs], np.float32)
    return np.array(matrices, np.float32), scale, fewest


def select(conditions: ConditionArrays, where: Any) -> ConditionArrays:
    """Return the conditions of some images."""
    return conditions.each(lambda array: array[where])


def _intensities(xp: Any, waves: Waves, conditions: ConditionArrays, plan: Plan) -> Any:
    """Return the intensities (n, images, N, N) behind the lens."""
    parts = []
    for some, blended in ((slice(plan.blended), True), (slice(plan.blended, None), False)):
        chosen = select(conditions, some)
        if not blended:
            # One defocus per image: that of the lens, or of each image in a focal series.
            offsets, weights, along = (part[..., :1] for part in chosen.focus[:3])
            focus = Focus(offsets, weights, along, chosen.focus.intervals)
            chosen = chosen._replace(focus=focus)
        if len(waves.waves[some]):
            parts.append(
                intensities(
                    xp,
                    waves.waves[some],
                    waves.wavelength[some],
                    chosen,
                    plan.wave_sampling,
                    blend=blended or plan.images > 1,
                    together=chosen.focus.offsets.shape[-1],
                )
            )
    return xp.concatenate(parts)


def _expose(
    xp: Any, noise: Noise, ideal: Any, conditions: ConditionArrays, grid: Any, plan: Plan
) -> Any:
    return expose(xp, noise, ideal, conditions, grid, plan.curve, scintillators=plan.scintillators)


def _coarse_frames(
    xp: Any, noise: Noise, ideal: Any, conditions: ConditionArrays, plan: Plan
) -> tuple[Any, Any]:
    """Return frames (n, images, m, m) resampled from coarse cameras, and their px per Å (n,)."""
    matrices, scales, fewest = plan.resampling()
    pixels = xp.round(plan.edge / conditions.values["sampling"])
    grid = VaryingGrid(plan.size, plan.edge, pixels[:, None])
    counts = _expose(xp, noise, ideal, conditions, grid, plan)
    camera = pixels.astype(int) - fewest
    matrix = xp.asarray(matrices)[camera][:, None]
    # As `resample` does, without the background.
    centre = counts.sum(axis=(2, 3), keepdims=True) / (pixels**2)[:, None, None, None]
    frames = matrix @ ((counts - centre) * grid.inside(xp)) @ matrix.swapaxes(-1, -2) + centre
    return frames, pixels / (plan.edge * xp.asarray(scales)[camera])


def _normalised(xp: Any, frames: Any, plan: Plan) -> Any:
    """Normalise frames (n, images, H, H), padded by reflection if smaller than a crop."""
    missing = max(plan.crop - frames.shape[-1], 0)
    if missing:
        frames = xp.pad(frames, [(0, 0)] * 2 + [(0, missing)] * 2, mode="symmetric")
    function = contrast_of_many if plan.wave else normalise_many
    return function(xp, frames, plan.sampling, plan.width)


def _turn(drawn: Drawn, where: Any) -> Turn:
    return Turn(*(part[where] for part in drawn.turn))


def _cut(xp: Any, frames: Any, turn: Turn, crop: int) -> Any:
    """Cut squares out of frames (n, images, H, H), and flip and transpose them."""
    order = xp.arange(crop)
    y, x = (
        turn.corner[:, axis, None] + xp.where(turn.flip[:, axis, None], crop - 1 - order, order)
        for axis in (0, 1)
    )
    frame = xp.arange(len(frames))[:, None, None, None]
    image = xp.arange(frames.shape[1])[:, None, None]
    parts = frames[frame, image, y[:, None, :, None], x[:, None, None, :]]
    return xp.where(turn.swap[:, None, None, None], parts.swapaxes(-1, -2), parts)


def _moved(xp: Any, sites: Any, turn: Turn, crop: int) -> Any:
    """Move sites (n, m, 2; frame px) as `_cut` moves the frames."""
    sites = sites - turn.corner[:, None]
    sites = xp.where(turn.flip[:, None], crop - 1 - sites, sites)
    return xp.where(turn.swap[:, None, None], sites[..., ::-1], sites)
