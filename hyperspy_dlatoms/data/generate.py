# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets generated from a recipe or a benchmark."""

import dataclasses
import tempfile
from pathlib import Path

import dask.array as da
import numpy as np

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.data.frames import Frames, fingerprint, inside
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.registry.errors import RegistryError


def generate(
    entry: Entry, directory: Path, *, show_progressbar: bool = False, num_workers: int | None = None
) -> Frames:
    """Generate a data set in a directory with Dask, or complete an interrupted one.

    An entry's ``generate`` holds:

    - ``recipe``: a recipe, or ``recipe_of``: the name of the model whose card has it. ``waves``,
      ``images`` and ``imaging`` beside it replace some of its settings; all images must have the
      same sampling.
    - or ``trial``: the material of a benchmark, see `hyperspy_dlatoms.data.benchmark`; the images
      are those of its dose curve.
    - ``recipe_sha256``: SHA-256 of the recipe with these settings; `tools/catalogue.py` generates
      the data again if it differs.
    - ``checked``: number of images, from the first on, in the fingerprint of the entry; by default
      all.
    """
    require("abtem", "zarr", extra="simulation", what=f"Generating {entry.full_name!r}")
    if "trial" in entry.generate:
        from hyperspy_dlatoms.data.benchmark._dose_series import dose_series

        return dose_series(entry.generate["trial"], directory, show_progressbar, num_workers)
    from hyperspy_dlatoms.recipes.recipe import parse_recipe
    from hyperspy_dlatoms.simulation.dataset import simulate

    recipe = parse_recipe(recipe_text(entry), f"the recipe of {entry.full_name!r}")
    simulate(recipe, directory, show_progressbar=show_progressbar, num_workers=num_workers)
    return _from_data_set(entry, directory)


def fingerprint_of(entry: Entry) -> str:
    """Generate as much of a data set as its fingerprint needs, and return the fingerprint."""
    checked = entry.generate.get("checked")
    if checked and "trial" not in entry.generate:
        waves = entry.generate.get("waves", {}) | {"count": checked}
        entry = dataclasses.replace(entry, generate=entry.generate | {"waves": waves})
    with tempfile.TemporaryDirectory() as directory:
        return fingerprint(generate(entry, Path(directory), num_workers=1), checked)


def recipe_text(entry: Entry) -> str:
    """Return the recipe of a data set as YAML, with the settings that its entry replaces."""
    import yaml

    how = entry.generate
    if "recipe" in how:
        content = dict(how["recipe"])
    elif "recipe_of" in how:
        from hyperspy_dlatoms.networks._card_recipe import recipe_in
        from hyperspy_dlatoms.networks.model_file import read_model

        file = catalogue.path(catalogue.member_name(entry, how["recipe_of"]))
        content = recipe_in(read_model(file)[0].recipe)
    else:
        raise RegistryError(
            f"The entry {entry.full_name!r} says {sorted(how)} about how to generate it: expected "
            "`recipe`, `recipe_of` or `trial`."
        )
    parts = ("waves", "images", "imaging")
    if not content or not all(isinstance(content.get(part) or {}, dict) for part in parts):
        given = how.get("recipe_of", how.get("recipe"))
        raise RegistryError(
            f"{entry.full_name!r} has no recipe to generate it from, {given!r}: expected named "
            f"values, {', '.join(parts)} among them."
        )
    for part in parts:
        content[part] = (content.get(part) or {}) | how.get(part, {})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _from_data_set(entry: Entry, directory: Path) -> Frames:
    from hyperspy_dlatoms.simulation.dataset import DataSet

    data = DataSet(directory)
    positions, kinds, records = [], [], []
    for item in data:
        about = {name: item.record[name] for name in ("energy", "specimen")}
        for image in item.record["images"]:
            records.append(about | image)
            pixels = (item.sites[:, :2] - image["corner"]) / image["sampling"]
            # In a scan they are displaced.
            pixels = np.reshape(image.get("positions", pixels), (-1, 2))
            numbered = np.column_stack([pixels, item.species])
            sites = inside(numbered, int(data.recipe.images.pixels))
            positions.append(sites[:, :2])
            kinds.append(np.array(item.record["kinds"])[sites[:, 2].astype(int)])
    samplings = {round(one["sampling"], 6) for one in records}
    if len(samplings) != 1:
        raise RegistryError(
            f"The images of {entry.full_name!r} have {len(samplings)} samplings: its entry must "
            "give `images` and, in `imaging`, one `sampling`."
        )
    images = da.from_zarr(str(directory / "arrays.zarr"), component="images")
    names = ("energy", "specimen", "conditions")
    meta = {name: [one[name] for one in records] for name in names}
    images = images.reshape(-1, *images.shape[2:])
    known = np.unique(np.concatenate(kinds))
    species = [np.searchsorted(known, one) for one in kinds] if len(known) > 1 else []
    return Frames(images, positions, samplings.pop(), meta, known.tolist(), species)
