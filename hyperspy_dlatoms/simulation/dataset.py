# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets on disk: exit waves with their sites, and their images with the conditions."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import dask
import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.recipes.recipe import Recipe, parse_recipe, read_recipe
from hyperspy_dlatoms.recipes.structures import options
from hyperspy_dlatoms.simulation.imaging.conditions import images_of
from hyperspy_dlatoms.simulation.imaging.modality import draw_any, take_any
from hyperspy_dlatoms.simulation.scanned_cell import ScannedCell, multislice_map, scanned_cell
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens.builders import build_specimen, check_structures
from hyperspy_dlatoms.simulation.specimens.specimen import KINDS, Specimen
from hyperspy_dlatoms.simulation.wave import exit_wave

MOST_SITES = 4096
# In a data set's directory: the SHA-256 of each file that its recipe names.
_FILES = "files.json"
# Waves per task: enough to hide the start of a worker process, few enough for an even load. In
# scanned images by multislice, all waves of a task share one unit cell, which takes a minute.
TASK = 8


@dataclass(frozen=True)
class Item:
    """One exit wave of a data set, and the images taken of it."""

    wave: np.ndarray  # (N, N) complex64; the scattering map for scanned images.
    # y, x (Å) and number of atoms, (n, 3); the kind of each, an index into record["kinds"].
    sites: np.ndarray
    species: np.ndarray
    # Electrons per pixel, (per_wave, pixels, pixels); one more axis for focal series.
    images: np.ndarray
    # `energy` (eV), `specimen`, `kinds`, and the conditions and sampling (Å/px) of each image.
    record: dict[str, Any]


class DataSet:
    """A data set written by :func:`simulate`, read item by item.

    Parameters
    ----------
    directory : str or pathlib.Path
        Where it was written.
    partial : bool
        Whether waves may be missing because they are still being simulated.

    Raises
    ------
    FileNotFoundError
        If there is no data set.
    ValueError
        If waves are missing and `partial` is false.
    """

    def __init__(self, directory: str | Path, *, partial: bool = False):
        self.directory = Path(directory)
        if not (self.directory / "recipe.yaml").is_file():
            raise FileNotFoundError(
                f"There is no data set in {directory}; make one with "
                "`dlatoms simulate RECIPE -o DIR`."
            )
        self.recipe = read_recipe(self.directory / "recipe.yaml")
        missing = self.missing()
        if missing and not partial:
            raise ValueError(
                f"The data set in {directory} lacks {len(missing)} of {len(self)} waves; run "
                "`dlatoms simulate` with the same recipe and directory again to complete it."
            )
        # Opened once: each look-up of an array in its group reads a file.
        self._waves, self._sites, self._species, self._images = _open_arrays(self.directory, "r")

    def missing(self) -> list[int]:
        """Return the indices of the missing waves."""
        return missing_waves(self.directory, self.recipe)

    def __len__(self) -> int:
        """Return the number of waves."""
        return int(self.recipe.waves.count)

    def __getitem__(self, index: int) -> Item:
        """Read one item."""
        if not 0 <= index < len(self):
            raise IndexError(f"There is no wave {index}; the data set has {len(self)}.")
        record = json.loads(_marker(self.directory, index).read_text(encoding="utf-8"))
        record.setdefault("kinds", list(KINDS))
        sites = np.asarray(self._sites[index])
        sites = sites[~np.isnan(sites[:, 0])]
        if self._species is None:
            species = np.zeros(len(sites), int)
        else:
            species = np.asarray(self._species[index][: len(sites)], int)
        return Item(
            wave=np.asarray(self._waves[index]),
            sites=sites,
            species=species,
            images=np.asarray(self._images[index]),
            record=record,
        )

    def __iter__(self) -> Iterator[Item]:
        """Read the items one by one."""
        return (self[index] for index in range(len(self)))


def simulate(
    recipe: str | Path | Recipe,
    directory: str | Path,
    *,
    num_workers: int | None = None,
    show_progressbar: bool = True,
) -> DataSet:
    """Write a data set, or complete an interrupted one.

    Each item depends only on the recipe's seed and its own index, so a resumed run, or any number
    of workers, writes the same bytes. An item is complete once its record is written, last and
    atomically.

    Parameters
    ----------
    recipe : str, pathlib.Path or Recipe
        What to make.
    directory : str or pathlib.Path
        Where to write it; created if missing.
    num_workers : int, optional
        Number of processes; by default one per core.
    show_progressbar : bool
        Whether to show Dask's progress bar.

    Returns
    -------
    DataSet

    Raises
    ------
    ValueError
        If the directory holds a data set made from another recipe or other files, or waves without
        their recipe, the recipe's structures cannot be built, or its images do not fit its waves.
    """
    from dask.diagnostics import ProgressBar

    require("abtem", "zarr", extra="simulation", what="Simulating images")
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    directory = Path(directory)
    check_structures(recipe.structures, recipe.waves.size)
    prepare(recipe, directory)
    missing = missing_waves(directory, recipe)
    tasks = [
        dask.delayed(write_items)(recipe.text, str(directory), missing[start : start + TASK])
        for start in range(0, len(missing), TASK)
    ]
    workers = min(num_workers or os.cpu_count() or 1, len(tasks), most_processes())
    with ProgressBar() if show_progressbar and tasks else nullcontext():
        if workers > 1:
            dask.compute(*tasks, scheduler="processes", num_workers=workers)
        else:
            dask.compute(*tasks, scheduler="synchronous")
    return DataSet(directory)


def most_processes() -> int:
    """Return how many processes Python can wait for at once: 61 on Windows, elsewhere any."""
    return 61 if sys.platform == "win32" else 2**31


def make_item(recipe: Recipe, index: int) -> Item:
    """Simulate one item of a data set; it depends only on the recipe and its index."""
    rng = np.random.default_rng([recipe.seed, index])
    waves, images = recipe.waves, recipe.images
    wave, sites, species, specimen, energy = _make_wave(rng, recipe, index)
    pixels = int(images.pixels)
    stack = np.zeros((int(images.per_wave), *_frame_shape(recipe)), np.float32)
    records = []
    for frame in stack:
        conditions = draw_any(rng, recipe.imaging)
        counts, sampling, positions = take_any(
            rng, wave, waves.sampling, energy, conditions, sites[:, :2]
        )
        across = counts.shape[-1]
        if across < pixels:
            raise ValueError(
                f"A wave of {waves.size} Å gives {across} px at {sampling:.3f} Å/px, "
                f"fewer than the {pixels} px asked for; take larger waves or smaller images."
            )
        corner = (across - pixels) // 2
        frame[:] = counts[..., corner : corner + pixels, corner : corner + pixels]
        about = {"sampling": sampling, "corner": corner * sampling}
        if recipe.modality == "STEM":
            # y and x (px) in the stored image, since the scan has moved the sites.
            about["positions"] = (positions - corner).round(3).tolist()
        records.append(about | {"conditions": conditions.to_dict()})
    record = {
        "energy": energy,
        "specimen": specimen.description,
        "kinds": list(specimen.kinds),
        "images": records,
    }
    return Item(wave, sites.astype(np.float32), species, stack, record)


def _make_wave(
    rng: np.random.Generator, recipe: Recipe, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Specimen, float]:
    """Make a wave or a map, its sites and their species, the specimen, and the energy (eV)."""
    waves = recipe.waves
    about: dict[str, Any] = {"sampling": waves.sampling, "least_height": float(waves.least_height)}
    is_scanned = recipe.modality == "STEM"
    if is_scanned and "cells" in options(waves.method):
        scanned = _scanned_cell(recipe.text, index // TASK)
        if scanned is not None:
            return *multislice_map(rng, scanned, waves.size, **about), scanned.energy
    specimen = build_specimen(rng, recipe.structures, waves.size)
    energy = float(draw(rng, waves.energy))
    about |= {"displacement": float(draw(rng, waves.displacement)), "label": str(waves.sites)}
    if is_scanned:
        return *scattering_map(rng, specimen, **about), specimen, energy
    made = exit_wave(
        rng,
        specimen,
        energy,
        slice_thickness=float(waves.slice_thickness),
        parametrization=str(draw(rng, waves.parametrization)),
        method=str(draw(rng, waves.method)),
        motion=str(waves.motion),
        plane=str(waves.plane),
        **about,
    )
    return *made, specimen, energy


@lru_cache(maxsize=1)
def _scanned_cell(text: str, task: int) -> ScannedCell | None:
    """Scan the cell that all maps of a task are built from; None unless by multislice."""
    recipe = parse_recipe(text)
    # Differs from every item's generator: NumPy reads missing numbers of a seed as zeros.
    rng = np.random.default_rng([recipe.seed, task, 1])
    if str(draw(rng, recipe.waves.method)) != "cells":
        return None
    energy, displacement = (
        float(draw(rng, of)) for of in (recipe.waves.energy, recipe.waves.displacement)
    )
    return scanned_cell(rng, recipe.structures, energy, displacement)


def _frame_shape(recipe: Recipe) -> tuple[int, ...]:
    """Shape of one stored image, or of one focal series."""
    pixels, images = int(recipe.images.pixels), images_of(recipe.imaging)
    return (pixels, pixels) if images == 1 else (images, pixels, pixels)


def prepare(recipe: Recipe, directory: Path) -> None:
    """Create the arrays, or check that the existing ones belong to this recipe."""
    import zarr

    (directory / "records").mkdir(parents=True, exist_ok=True)
    kept = directory / "recipe.yaml"
    if kept.is_file():
        if not recipe.makes_same_data(read_recipe(kept)):
            raise ValueError(
                f"{directory} holds a data set of another recipe; give an empty directory, or the "
                f"recipe saved in {kept}."
            )
        changed = _changed(directory, recipe)
        if changed:
            raise ValueError(
                f"{directory} holds waves of {changed[0]} as it was before it changed; give an "
                "empty directory, or restore the old file."
            )
        return
    if any((directory / "records").iterdir()):
        raise ValueError(
            f"{directory} holds waves of a recipe that is no longer there, {kept}; give an empty "
            "directory, or restore it."
        )
    count, size = recipe.waves.count, round(recipe.waves.size / recipe.waves.sampling)
    per_wave = recipe.images.per_wave
    group = zarr.open_group(str(directory / "arrays.zarr"), mode="w")
    for name, shape, dtype, fill in (
        ("waves", (count, size, size), "complex64", 0),
        ("sites", (count, MOST_SITES, 3), "float32", np.nan),
        ("species", (count, MOST_SITES), "int16", -1),
        ("images", (count, per_wave, *_frame_shape(recipe)), "float32", 0),
    ):
        chunks = (1, *(max(n, 1) for n in shape[1:]))
        group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill)
    _write_text(directory / _FILES, json.dumps(_digests(recipe)))
    _write_text(kept, recipe.text)


def _digests(recipe: Recipe) -> dict[str, str]:
    """Return the SHA-256 of each file that the structures of a recipe name."""
    names = {name for one in recipe.structures for name in options(one.get("file"))} - {None}
    return {name: sha256(Path(name).read_bytes()).hexdigest() for name in sorted(names)}


def _changed(directory: Path, recipe: Recipe) -> list[str]:
    """Return the recipe's files that have changed since its data set was started."""
    kept = directory / _FILES
    before = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    now = _digests(recipe) if before else {}
    return [name for name in before if now.get(name) != before[name]]


def missing_waves(directory: Path, recipe: Recipe) -> list[int]:
    """Return the indices of a data set's missing waves."""
    return [i for i in range(recipe.waves.count) if not _marker(directory, i).is_file()]


def _marker(directory: Path, index: int) -> Path:
    return directory / "records" / f"{index:06d}.json"


def _open_arrays(directory: Path, mode: str) -> list[Any]:
    """Open the arrays; data sets written before sites had kinds have no species."""
    require("zarr", extra="simulation", what="Reading a data set")
    import zarr

    group = zarr.open_group(str(directory / "arrays.zarr"), mode=mode)
    return [group.get(name) for name in ("waves", "sites", "species", "images")]


def write_items(text: str, directory: str, indices: Sequence[int]) -> None:
    """Simulate items of a recipe (given as text) and write them into its prepared data set."""
    recipe = parse_recipe(text)
    waves, all_sites, all_species, images = _open_arrays(Path(directory), "r+")
    for index in indices:
        item = make_item(recipe, index)
        if len(item.sites) > MOST_SITES:
            raise ValueError(f"Wave {index} has {len(item.sites)} sites; at most {MOST_SITES} fit.")
        sites = np.full((MOST_SITES, 3), np.nan, np.float32)
        sites[: len(item.sites)] = item.sites
        waves[index] = item.wave
        all_sites[index] = sites
        if all_species is not None:
            species = np.full(MOST_SITES, -1, np.int16)
            species[: len(item.sites)] = item.species
            all_species[index] = species
        if item.images.size:
            images[index] = item.images
        _write_text(_marker(Path(directory), index), json.dumps(item.record, indent=1))


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
