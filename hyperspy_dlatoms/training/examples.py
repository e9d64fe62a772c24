# SPDX-License-Identifier: GPL-3.0-or-later
"""Training examples from stored exit waves, with lens, dose and noise drawn for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hyperspy_dlatoms.networks._scattering import encode_material
from hyperspy_dlatoms.networks.architecture import STRIDE, encode_defoci
from hyperspy_dlatoms.networks.normalisation import contrast_of_series, normalise, normalise_series
from hyperspy_dlatoms.networks.resampling import resample
from hyperspy_dlatoms.networks.waves import band_limited, to_cells
from hyperspy_dlatoms.recipes.recipe import Curriculum, Recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, Item
from hyperspy_dlatoms.simulation.imaging.modality import draw_any, take_any
from hyperspy_dlatoms.training.targets import rasterise

# Standard deviation of the defocus error common to all images of a series (Å).
_FOCUS_ERROR = 4.0
_STEP_ERROR = 2.0  # Standard deviation of the additional defocus error of each image (Å).


@dataclass
class Examples:
    """A source of batches, each a pure function of its number and of the progress made."""

    data: DataSet
    recipe: Recipe
    indices: Sequence[int]  # Of the waves that may be used.
    seed: int
    curriculum: Curriculum | None = None  # See `difficulty`.
    progress: float = 0.0  # Fraction of the training done, 0 to 1.

    @property
    def images(self) -> int:
        """Images per frame: 1, or the number in a focal series."""
        return self.recipe.frame_images

    @property
    def waves(self) -> int:
        """Number of waves that batches draw on."""
        return len(self.indices)

    def validation(self, seed: int, batches: int) -> list[tuple[Any, np.ndarray]]:
        """Make batches from the held-out waves, which follow those of `indices`."""
        held_out = replace(
            self, indices=range(len(self.indices), len(self.data)), seed=seed, curriculum=None
        )
        return [held_out.draw_batch(number) for number in range(batches)]

    def draw_batch(self, number: int) -> tuple[Any, np.ndarray]:
        """Make the inputs and targets of one batch."""
        # Frames (batch, crop, crop, images) float32, for series with their defoci (batch, images +
        # 1); targets (batch, crop / stride, crop / stride, 3), 4 with heights, 8 for exit waves.
        rng = np.random.default_rng([self.seed, number])
        chosen = rng.choice(self.indices, self.recipe.training.batch)
        drawn = [self.draw_example(rng, self.data[int(index)]) for index in chosen]
        frames, targets, defoci = (np.stack(parts) for parts in zip(*drawn, strict=True))
        return (frames if self.images == 1 else (frames, defoci)), targets

    def draw_example(
        self, rng: np.random.Generator, item: Item
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image a wave under new conditions, then crop, turn and normalise the images."""
        # Returns one frame, its targets and what is known of its defoci, as in a batch.
        network, crop = self.recipe.network, self.recipe.training.crop
        frames, positions, defoci = self._image(rng, item)
        if network.wave:
            return *self._with_wave(rng, frames, item.wave), defoci
        if len(frames) == 1:
            frames = normalise(frames[0], network.sampling, network.normalisation_width)[None]
        else:
            frames = normalise_series(frames, network.sampling, network.normalisation_width)
        corner = rng.integers(0, np.array(frames.shape[1:]) - crop + 1)
        frames = frames[:, corner[0] :, corner[1] :][:, :crop, :crop]
        frame = np.moveaxis(frames, 0, -1)
        positions = positions - corner
        if rng.random() < self.recipe.training.inverted:
            frame = -frame
        for axis in (0, 1):
            if rng.random() < 0.5:
                frame = np.flip(frame, axis)
                positions[:, axis] = crop - 1 - positions[:, axis]
        if rng.random() < 0.5:
            frame, positions = frame.swapaxes(0, 1), positions[:, ::-1]
        cells = crop // STRIDE
        species = labels_of(item, network.classes, network.decoys)
        marked = species != 0
        targets = rasterise(
            positions[marked],
            species[marked],
            (cells, cells),
            STRIDE,
            network.radius / network.sampling,
            item.sites[marked, 2] if network.heights else None,
        )
        return frame, targets, defoci

    def _with_wave(
        self, rng: np.random.Generator, frames: np.ndarray, wave: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Crop and turn the contrast of images together with the wave behind them."""
        if frames.shape[1:] != wave.shape:
            raise ValueError(
                f"The images have {frames.shape[1:]} px, the wave {wave.shape}: expected a wave "
                "on the network's grid."
            )
        network, crop = self.recipe.network, self.recipe.training.crop
        frames = contrast_of_series(frames, network.sampling, network.normalisation_width)
        both = np.concatenate([frames, band_limited(wave, network.sampling)[None]])
        y, x = rng.integers(0, np.array(wave.shape) - crop + 1)
        both = both[:, y : y + crop, x : x + crop]
        for axis in (1, 2):
            if rng.random() < 0.5:
                both = np.flip(both, axis)
        if rng.random() < 0.5:
            both = both.swapaxes(1, 2)
        return np.moveaxis(both[:-1].real, 0, -1), to_cells(both[-1])

    def _image(
        self, rng: np.random.Generator, item: Item
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Make images on the working grid, with sites in their pixels and the defocus input."""
        network, settings = self.recipe.network, self.recipe.training
        harder = difficulty(self.curriculum, self.progress)
        conditions = draw_any(rng, self.recipe.imaging, **harder)
        # A camera finer than the working grid is imaged on the grid itself: summing its pixels
        # leaves the noise white. A coarser one must be interpolated, as in real use.
        coarse = conditions.sampling > network.sampling
        counts, pixel, positions = take_any(
            rng,
            item.wave,
            self.data.recipe.waves.sampling,
            item.record["energy"],
            conditions,
            item.sites[:, :2],
            None if coarse else network.sampling,
        )
        frames = counts.reshape(-1, *counts.shape[-2:])
        if coarse:
            resampled = [resample(frame, pixel, network.sampling) for frame in frames]
            frames, grid = np.stack([frame for frame, _ in resampled]), resampled[0][1]
            positions = (positions - grid.origin) / grid.scale
        missing = np.maximum(settings.crop - np.array(frames.shape[1:]), 0)
        if missing.any():
            frames = np.pad(frames, [(0, 0), *((0, n) for n in missing)], mode="symmetric")
        given = given_defoci(rng, conditions.defoci, self.images, settings.known_defoci)
        if network.material:
            is_known = rng.random() < settings.known_material
            given = np.concatenate([given, material_of(item, network.wave) * np.float32(is_known)])
        return frames, positions, given


def first_held_out(recipe: Recipe) -> int:
    """Return the index of the first held-out wave; all waves from it on are held out."""
    waves = recipe.waves.count
    return waves - max(1, round(recipe.training.validation_share * waves))


def held_out(recipe: Recipe) -> range:
    """Return the indices of the waves held out from training."""
    return range(first_held_out(recipe), recipe.waves.count)


def seed_of(recipe: Recipe) -> int:
    """Return the seed of the examples, which may differ from that of the waves."""
    return recipe.seed if recipe.training.seed is None else recipe.training.seed


def difficulty(curriculum: Curriculum | None, progress: float) -> dict[str, Any]:
    """Return the arguments of `draw_conditions` at a progress from 0 to 1."""
    # Up to the share ``until`` of the training, the lowest dose falls from ``dose`` (e/Å²), and
    # coma and astigmatisms widen to their full ranges.
    if not curriculum or progress >= curriculum.until:
        return {}
    done = progress / curriculum.until
    floor = curriculum.dose * (1 / curriculum.dose) ** done
    return {"strength": 0.3 + 0.7 * done, "dose_floor": floor}


def given_defoci(
    rng: np.random.Generator, defoci: Sequence[float], images: int, known: float
) -> np.ndarray:
    """Return a network's input for the defoci (Å) of a series, (images + 1,)."""
    # A fraction `known` of the series have their defoci given, with a microscopist's usual error.
    if not defoci or rng.random() >= known:
        return encode_defoci(None, images)
    error = _FOCUS_ERROR * rng.standard_normal() + _STEP_ERROR * rng.standard_normal(len(defoci))
    return encode_defoci((np.asarray(defoci) + error).tolist(), images)


def material_of(item: Item, wave: bool = False) -> np.ndarray:
    """Return a network's input for the elements of a layer, (2,), or (3,) for exit waves."""
    # A specimen that is not a layer gets that of MoS2: the stated material does not change carbon.
    elements = item.record["specimen"].get("elements", ())
    return encode_material(elements if len(elements) == 2 else ("Mo", "S"), strength=wave)


def labels_of(item: Item, classes: Sequence[str], decoys: Sequence[str] = ()) -> np.ndarray:
    """Return the class that a network should learn for each site of an item, (n,) int."""
    # Classes count from 1, with decoys after them; 0 means not a site, and -1 a site of another
    # kind, which is left open. If all sites are of one kind, or the only class is not a kind, all
    # sites with atoms belong to the first class.
    kinds, names = item.record["kinds"], [*classes, *decoys]
    alike = len(names) == 1 and names[0] not in kinds
    if len(kinds) == 1 and len(names) == 1 or alike:
        return (item.sites[:, 2] > 0).astype(int)
    number = [names.index(kind) + 1 if kind in names else -1 for kind in kinds]
    return np.array(number, int)[item.species]
