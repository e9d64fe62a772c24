# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets that are generated: from a recipe, or from the trials of the evaluation."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.registry.errors import RegistryError

GRID = 0.01
"""Å: positions count to so much in a fingerprint."""


class Frames(NamedTuple):
    """Images and their truth, as plain arrays.

    Attributes
    ----------
    images : dask.array.Array
        Electrons a pixel, shape (n, H, W).
    positions : list of numpy.ndarray
        The true sites of each image, y and x in px, shape (sites, 2).
    sampling : float
        Å/px.
    meta : dict
        How they were made; lists have an item for each image.
    """

    images: da.Array
    positions: list[np.ndarray]
    sampling: float
    meta: dict[str, Any]


def generate(
    entry: Entry,
    directory: Path,
    *,
    show_progressbar: bool = False,
    num_workers: int | None = None,
) -> Frames:
    """Generate a data set through Dask, or complete one that was cut short.

    What an entry's ``generate`` has:

    - ``recipe``: a recipe, or ``recipe_of``: the name of the model whose card has it. ``waves``,
      ``images`` and ``imaging`` beside it replace some of its settings; its images have to have
      one sampling.
    - or ``trial``: the material of a trial of :mod:`hyperspy_dlatoms.evaluation`; the images are
      those of its dose curve.
    - ``recipe_sha256``: of the recipe with these settings, for `tools/catalogue.py`, which
      generates anew what has another.
    - ``checked``: of how many images, the first ones, `fingerprint` is that of the entry; of all
      where it is not there.

    Parameters
    ----------
    entry : Entry
        What to make.
    directory : pathlib.Path
        Where exit waves and images are kept; made if it is not there.
    show_progressbar : bool, optional
        Whether to show Dask's progress bar.
    num_workers : int, optional
        Processes; one a core where not given.

    Returns
    -------
    Frames

    Raises
    ------
    RegistryError
        If the entry does not say how to make it.
    """
    how = entry.generate
    if "trial" in how:
        return _from_trial(how["trial"], directory, show_progressbar, num_workers)
    from hyperspy_dlatoms.recipes.recipe import parse_recipe
    from hyperspy_dlatoms.simulation.dataset import simulate

    recipe = parse_recipe(recipe_text(entry), f"the recipe of {entry.full_name!r}")
    simulate(recipe, directory, show_progressbar=show_progressbar, num_workers=num_workers)
    return _from_data_set(entry, directory)


def fingerprint(frames: Frames, first: int | None = None) -> str:
    """Return a SHA-256 that another computer gives too for the same data set.

    The last bits of floating-point arithmetic differ between processors, so of each image count
    its true sites, to 0.01 Å, and the mean and the standard deviation of its counts, to two
    digits.

    Parameters
    ----------
    frames : Frames
        The data set.
    first : int, optional
        How many images count; all where not given.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> frames = Frames(da.ones((1, 8, 8)), [np.zeros((1, 2))], 0.1, {})
    >>> moved = frames._replace(positions=[np.array([[0.0, 1.0]])])
    >>> fingerprint(frames) == fingerprint(moved)
    False
    """
    digest = hashlib.sha256()
    images = frames.images[:first]
    moments = np.stack(da.compute(images.mean(axis=(1, 2)), images.std(axis=(1, 2))), axis=1)
    for positions, moment in zip(frames.positions, moments, strict=False):
        grid = np.round(positions * (frames.sampling / GRID)).astype("<i4")
        digest.update(f"{len(grid)} {moment[0]:.1e} {moment[1]:.1e};".encode())
        digest.update(np.ascontiguousarray(grid).tobytes())
    return digest.hexdigest()


def fingerprint_of(entry: Entry) -> str:
    """Generate as much of a data set as its fingerprint needs, and return that.

    Parameters
    ----------
    entry : Entry
        The data set.

    Returns
    -------
    str
    """
    checked = entry.generate.get("checked")
    if checked and "trial" not in entry.generate:
        waves = entry.generate.get("waves", {}) | {"count": checked}
        entry = dataclasses.replace(entry, generate=entry.generate | {"waves": waves})
    with tempfile.TemporaryDirectory() as directory:
        return fingerprint(generate(entry, Path(directory), num_workers=1), checked)


def recipe_text(entry: Entry) -> str:
    """Return the recipe of a data set, with what its entry replaces.

    Parameters
    ----------
    entry : Entry
        The data set.

    Returns
    -------
    str
        YAML.

    Raises
    ------
    RegistryError
        If the entry has none.
    """
    import yaml

    how = entry.generate
    if "recipe" in how:
        content = dict(how["recipe"])
    elif "recipe_of" in how:
        from hyperspy_dlatoms.networks.model_file import read_model

        file = catalogue.path(catalogue.member_name(entry, how["recipe_of"]))
        content = yaml.safe_load(read_model(file)[0].recipe)
    else:
        raise RegistryError(
            f"The entry {entry.full_name!r} says {sorted(how)} of how to generate it: expected "
            "`recipe`, `recipe_of` or `trial`."
        )
    for part in ("waves", "images", "imaging"):
        content[part] = (content.get(part) or {}) | how.get(part, {})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _from_data_set(entry: Entry, directory: Path) -> Frames:
    from hyperspy_dlatoms.simulation.dataset import DataSet

    data = DataSet(directory)
    positions, records = [], []
    for item in data:
        about = {name: item.record[name] for name in ("energy", "specimen")}
        for image in item.record["images"]:
            records.append(about | image)
            pixels = (item.sites[:, :2] - image["corner"]) / image["sampling"]
            positions.append(_inside(pixels, int(data.recipe.images["pixels"])))
    samplings = {round(one["sampling"], 6) for one in records}
    if len(samplings) != 1:
        raise RegistryError(
            f"The images of {entry.full_name!r} have {len(samplings)} samplings: its entry has to "
            "give `images` and, in `imaging`, one `sampling`."
        )
    images = da.from_zarr(str(directory / "arrays.zarr"), component="images")
    names = ("energy", "specimen", "conditions")
    meta = {name: [one[name] for one in records] for name in names}
    return Frames(images.reshape(-1, *images.shape[2:]), positions, samplings.pop(), meta)


def _from_trial(material: str, directory: Path, show: bool, num_workers: int | None) -> Frames:
    from dask.diagnostics import ProgressBar

    from hyperspy_dlatoms.data.benchmark.curves import trial
    from hyperspy_dlatoms.data.benchmark.exit_waves import load_subject

    directory.mkdir(parents=True, exist_ok=True)
    test = trial(material)
    cases = [
        (dataclasses.replace(plan, bound=False), test.imaging | point.changes, number)
        for point in test.curves["dose"]
        for number, plan in enumerate(point.plans)
    ]
    plans = {plan.key: plan for plan, _, _ in cases}.values()
    tasks = [dask.delayed(load_subject)(plan, directory) for plan in plans]
    with ProgressBar() if show else nullcontext():
        subjects = dask.compute(*tasks, scheduler="threads", num_workers=num_workers or 1)
    truths = {plan.key: one.truth.positions for plan, one in zip(plans, subjects, strict=True)}
    first, sampling = _trial_frame(*cases[0], directory)
    frames = [
        da.from_delayed(dask.delayed(_trial_image)(*case, directory), first.shape, first.dtype)
        for case in cases
    ]
    positions = [_inside(truths[plan.key] / sampling, len(first)) for plan, _, _ in cases]
    meta = {
        "dose": [float(imaging["dose"]) for _, imaging, _ in cases],
        "specimen": [plan.arguments | {"seed": plan.seed} for plan, _, _ in cases],
    }
    return Frames(da.stack(frames), positions, sampling, meta)


def _trial_image(*case) -> np.ndarray:
    return _trial_frame(*case)[0]


def _trial_frame(plan, imaging, number: int, directory: Path) -> tuple[np.ndarray, float]:
    """Take a frame of a trial; every dose sees the same aberrations, each its own noise."""
    from hyperspy_dlatoms.data.benchmark.exit_waves import load_subject
    from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
    from hyperspy_dlatoms.evaluation.evaluate import SEED

    rng = np.random.default_rng([SEED, plan.seed, int(imaging["dose"])])
    return take_frame(rng, load_subject(plan, directory), conditions_of(imaging, SEED, number))


def _inside(pixels: np.ndarray, shape: int | Iterable[int]) -> np.ndarray:
    return pixels[((pixels > -0.5) & (pixels < np.asarray(shape) - 0.5)).all(axis=1)]
