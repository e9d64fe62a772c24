# SPDX-License-Identifier: GPL-3.0-or-later
"""Training examples drawn afresh from stored exit waves: lens, dose and noise are never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperspy_dlatoms.networks.architecture import encode_defoci
from hyperspy_dlatoms.networks.normalisation import (
    contrast_of_series,
    normalise,
    normalise_series,
)
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.networks.waves import band_limited, to_cells
from hyperspy_dlatoms.recipes.recipe import Curriculum
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions, images_of
from hyperspy_dlatoms.simulation.imaging.image import take_image, take_series
from hyperspy_dlatoms.training.targets import rasterise

FOCUS_ERROR = 4.0
"""Standard deviation of the error of the defocus that all images of a series share (Å)."""

STEP_ERROR = 2.0
"""Standard deviation of the further error of the defocus of each image (Å)."""


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
        :func:`hyperspy_dlatoms.simulation.imaging.conditions.draw_conditions`.
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
    curriculum : Curriculum
        ``dose``, the least dose (e/Å²) at the start, and ``until``, the share of the training after
        which the whole range is drawn from; coma and astigmatisms widen along with it.
    progress : float
        Share of the training that is done, 0 to 1.
    heights : bool
        Whether the targets have the number of atoms of each site.
    classes : sequence of str
        Of the network. A site whose kind is none of them is left open, class -1. Where the sites of
        an item have a single kind, or the network has a single class that is not among the kinds,
        all sites with atoms are of the first class.
    decoys : sequence of str
        Kinds that the network learns beside its classes, and numbers on from them.
    known_defoci : float
        Share of focal series whose defoci the network is told, with an error as a microscopist's.
    wave : bool
        Whether the targets are exit waves in place of sites; the camera is then never coarser than
        the network.
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
    curriculum: Curriculum | None = None
    progress: float = 0.0
    heights: bool = False
    classes: Sequence[str] = ("site",)
    decoys: Sequence[str] = ()
    known_defoci: float = 0.5
    wave: bool = False

    @property
    def images(self) -> int:
        """Images of each frame: 1, or those of a focal series."""
        return images_of(self.imaging)

    def draw_batch(self, number: int) -> tuple[Any, np.ndarray]:
        """
        Make one batch.

        Parameters
        ----------
        number : int
            Of the batch.

        Returns
        -------
        frames : numpy.ndarray or tuple of numpy.ndarray
            (batch, crop, crop, images) float32; of focal series with what is known of their
            defoci, (batch, images + 1) float32, see
            :func:`hyperspy_dlatoms.networks.architecture.encode_defoci`.
        targets : numpy.ndarray
            (batch, crop / stride, crop / stride, 3) float32, 4 in place of 3 with heights, 8 of
            exit waves.
        """
        rng = np.random.default_rng([self.seed, number])
        chosen = rng.choice(self.indices, self.batch)
        drawn = [self.draw_example(rng, self.data[int(index)]) for index in chosen]
        frames, targets, defoci = (np.stack(parts) for parts in zip(*drawn, strict=True))
        return (frames if self.images == 1 else (frames, defoci)), targets

    def draw_example(
        self, rng: np.random.Generator, item: Item
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Image a wave under new conditions, and cut, turn and normalise the image or focal series.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.
        item : Item
            The wave and its sites.

        Returns
        -------
        frame : numpy.ndarray
            (crop, crop, images) float32.
        targets : numpy.ndarray
            (crop / stride, crop / stride, 3) float32, 4 in place of 3 with heights, 8 of an exit
            wave.
        defoci : numpy.ndarray
            (images + 1,) float32.
        """
        frames, positions, defoci = self._image(rng, item)
        if self.wave:
            return *self._with_wave(rng, frames, item.wave), defoci
        if len(frames) == 1:
            frames = normalise(frames[0], self.sampling, self.width)[None]
        else:
            frames = normalise_series(frames, self.sampling, self.width)
        corner = rng.integers(0, np.array(frames.shape[1:]) - self.crop + 1)
        frames = frames[:, corner[0] :, corner[1] :][:, : self.crop, : self.crop]
        frame = np.moveaxis(frames, 0, -1)
        positions = positions - corner
        if rng.random() < self.inverted:
            frame = -frame
        for axis in (0, 1):
            if rng.random() < 0.5:
                frame = np.flip(frame, axis)
                positions[:, axis] = self.crop - 1 - positions[:, axis]
        if rng.random() < 0.5:
            frame, positions = frame.swapaxes(0, 1), positions[:, ::-1]
        cells = self.crop // self.stride
        species = labels_of(item, self.classes, self.decoys)
        marked = species != 0
        targets = rasterise(
            positions[marked],
            species[marked],
            (cells, cells),
            self.stride,
            self.radius / self.sampling,
            item.sites[marked, 2] if self.heights else None,
        )
        return frame, targets, defoci

    def _with_wave(
        self, rng: np.random.Generator, frames: np.ndarray, wave: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut and turn the contrast of images, and the wave that they are of, alike."""
        if frames.shape[1:] != wave.shape:
            raise ValueError(
                f"The images have {frames.shape[1:]} px, the wave {wave.shape}: expected a wave "
                "on the grid of the network."
            )
        frames = contrast_of_series(frames, self.sampling, self.width)
        both = np.concatenate([frames, band_limited(wave, self.sampling)[None]])
        y, x = rng.integers(0, np.array(wave.shape) - self.crop + 1)
        both = both[:, y : y + self.crop, x : x + self.crop]
        for axis in (1, 2):
            if rng.random() < 0.5:
                both = np.flip(both, axis)
        if rng.random() < 0.5:
            both = both.swapaxes(1, 2)
        return np.moveaxis(both[:-1].real, 0, -1), to_cells(both[-1])

    def _image(
        self, rng: np.random.Generator, item: Item
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images on the working grid, the sites in their pixels, and what is said of the defoci."""
        conditions = draw_conditions(rng, self.imaging, **self._difficulty())
        # A camera finer than the working grid is imaged on the grid itself: summing its pixels
        # leaves the noise white. A coarser one must be interpolated, as it is in use.
        coarse = conditions.camera.sampling > self.sampling
        take = take_image if self.images == 1 else take_series
        counts, pixel = take(
            rng,
            item.wave,
            self.data.recipe.waves.sampling,
            item.record["energy"],
            conditions,
            None if coarse else self.sampling,
        )
        frames = counts.reshape(-1, *counts.shape[-2:])
        positions = item.sites[:, :2] / pixel
        if coarse:
            resampled = [resample(frame, pixel, self.sampling) for frame in frames]
            frames, grid = np.stack([frame for frame, _ in resampled]), resampled[0][1]
            positions = (positions - grid.origin) / grid.scale
        missing = np.maximum(self.crop - np.array(frames.shape[1:]), 0)
        if missing.any():
            frames = np.pad(frames, [(0, 0), *((0, n) for n in missing)], mode="symmetric")
        return frames, positions, self._tell(rng, conditions.defoci)

    def _tell(self, rng: np.random.Generator, defoci: Sequence[float]) -> np.ndarray:
        """Say what the network is told of the defoci of a series."""
        if not defoci or rng.random() >= self.known_defoci:
            return encode_defoci(None, self.images)
        error = FOCUS_ERROR * rng.standard_normal() + STEP_ERROR * rng.standard_normal(len(defoci))
        return encode_defoci((np.asarray(defoci) + error).tolist(), self.images)

    def _difficulty(self) -> dict[str, Any]:
        if not self.curriculum or self.progress >= self.curriculum.until:
            return {}
        done = self.progress / self.curriculum.until
        return {
            "strength": 0.3 + 0.7 * done,
            "dose_floor": self.curriculum.dose * (1 / self.curriculum.dose) ** done,
        }


def labels_of(item: Item, classes: Sequence[str], decoys: Sequence[str] = ()) -> np.ndarray:
    """
    Give the class that a network is to learn of each site.

    Parameters
    ----------
    item : Item
        The sites.
    classes, decoys : sequence of str
        Of the network, see :class:`Examples`.

    Returns
    -------
    numpy.ndarray
        (n,) int, from 1 on, decoys after the classes; 0 for sites that are none, -1 for those left
        open.
    """
    kinds, names = item.record["kinds"], [*classes, *decoys]
    alike = len(names) == 1 and names[0] not in kinds
    if len(kinds) == 1 and len(names) == 1 or alike:
        return (item.sites[:, 2] > 0).astype(int)
    number = [names.index(kind) + 1 if kind in names else -1 for kind in kinds]
    return np.array(number, int)[item.species]
