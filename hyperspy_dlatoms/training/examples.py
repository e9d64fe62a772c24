# SPDX-License-Identifier: GPL-3.0-or-later
"""Training examples drawn afresh from stored exit waves: lens, dose and noise are never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperspy_dlatoms.networks.normalisation import normalise
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.simulation.conditions import draw_conditions
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.simulation.imaging import take_image
from hyperspy_dlatoms.training.targets import rasterise


@dataclass
class Examples:
    """
    A source of batches, each a pure function of its number and of the progress made.

    Parameters
    ----------
    data : DataSet
        Where the waves are.
    imaging : dict
        The ranges of the imaging conditions, see
        :func:`hyperspy_dlatoms.simulation.conditions.draw_conditions`.
    indices : sequence of int
        Which of them may be used.
    seed : int
        Of everything drawn.
    batch : int
        Frames a batch.
    crop : int
        Working pixels a side of a frame.
    sampling : float
        Of the network, Å/px.
    stride : int
        Working pixels a cell.
    radius : float
        Of the target around each site, Å.
    width : float
        Of the local normalisation, Å.
    inverted : float
        Share of frames that are negated, since a contrast can always turn out the other way round.
    curriculum : dict
        ``dose``, the least dose (e/Å²) at the start, and ``until``, the share of the training after
        which the whole range is drawn from; coma and astigmatisms widen along with it.
    progress : float
        Share of the training that is done, 0 to 1.
    """

    data: DataSet
    imaging: dict[str, Any]
    indices: Sequence[int]
    seed: int
    batch: int
    crop: int
    sampling: float
    stride: int
    radius: float
    width: float
    inverted: float = 0.0
    curriculum: dict[str, float] | None = None
    progress: float = 0.0
    heights: bool = False

    def draw_batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """
        Make one batch.

        Parameters
        ----------
        number : int
            Of the batch.

        Returns
        -------
        frames : numpy.ndarray
            (batch, crop, crop, 1) float32.
        targets : numpy.ndarray
            (batch, crop / stride, crop / stride, 3) float32, 4 in place of 3 with heights.
        """
        rng = np.random.default_rng([self.seed, number])
        chosen = rng.choice(self.indices, self.batch)
        pairs = [self.draw_example(rng, self.data[int(index)]) for index in chosen]
        frames, targets = (np.stack(parts) for parts in zip(*pairs, strict=True))
        return frames[..., None], targets

    def draw_example(self, rng: np.random.Generator, item: Item) -> tuple[np.ndarray, np.ndarray]:
        """
        Image a wave under new conditions, and cut, turn and normalise the image.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        item : Item
            The wave and its sites.

        Returns
        -------
        frame : numpy.ndarray
            (crop, crop) float32.
        targets : numpy.ndarray
            (crop / stride, crop / stride, 3) float32, 4 in place of 3 with heights.
        """
        frame, positions = self._image(rng, item)
        frame = normalise(frame, self.sampling, self.width)
        corner = rng.integers(0, np.array(frame.shape) - self.crop + 1)
        frame = frame[corner[0] :, corner[1] :][: self.crop, : self.crop]
        positions = positions - corner
        if rng.random() < self.inverted:
            frame = -frame
        for axis in (0, 1):
            if rng.random() < 0.5:
                frame = np.flip(frame, axis)
                positions[:, axis] = self.crop - 1 - positions[:, axis]
        if rng.random() < 0.5:
            frame, positions = frame.T, positions[:, ::-1]
        cells = self.crop // self.stride
        targets = rasterise(
            positions,
            np.ones(len(positions), int),
            (cells, cells),
            self.stride,
            self.radius / self.sampling,
            item.sites[:, 2] if self.heights else None,
        )
        return frame, targets

    def _image(self, rng: np.random.Generator, item: Item) -> tuple[np.ndarray, np.ndarray]:
        """One image on the working grid, and the sites in its pixels."""
        conditions = draw_conditions(rng, self.imaging, **self._difficulty())
        # A camera finer than the working grid is imaged on the grid itself: summing its pixels
        # leaves the noise white. A coarser one must be interpolated, as it is in use.
        coarse = conditions.camera.sampling > self.sampling
        frame, pixel = take_image(
            rng,
            item.wave,
            self.data.recipe.waves["sampling"],
            item.record["energy"],
            conditions,
            None if coarse else self.sampling,
        )
        positions = item.sites[:, :2] / pixel
        if coarse:
            frame, grid = resample(frame, pixel, self.sampling)
            positions = (positions - grid.origin) / grid.scale
        missing = np.maximum(self.crop - np.array(frame.shape), 0)
        if missing.any():
            frame = np.pad(frame, [(0, n) for n in missing], mode="symmetric")
        return frame, positions

    def _difficulty(self) -> dict[str, Any]:
        if not self.curriculum or self.progress >= self.curriculum["until"]:
            return {}
        done = self.progress / self.curriculum["until"]
        return {
            "strength": 0.3 + 0.7 * done,
            "dose_floor": self.curriculum["dose"] * (1 / self.curriculum["dose"]) ** done,
        }
