# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets of the registry as HyperSpy signals, with their true sites."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import dask.array as da
import numpy as np

from hyperspy_dlatoms.data.frames import Frames, fingerprint
from hyperspy_dlatoms.data.generate import generate
from hyperspy_dlatoms.data.stored import Stored, read_stored
from hyperspy_dlatoms.registry import _cache, sources
from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.fetch import fetch
from hyperspy_dlatoms.signals._progress import is_shown

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions


class LabelledImages(NamedTuple):
    """Images and their true sites.

    Attributes
    ----------
    images : LazySignal2D
        Electrons per pixel; ``metadata.Simulation`` has the parameters of the simulation.
    truth : AtomPositions
        The true sites, `y` and `x`, of each image, and their species if there are several. These
        include places without an atom that a network should also recognise, as ``"C vacancy"``.
    """

    images: Signal2D
    truth: AtomPositions


def load_dataset(
    name: str,
    *,
    offline: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
) -> LabelledImages:
    """Load a data set or an example, reading, downloading or generating it as needed.

    Parameters
    ----------
    name : str
        Its name in the registry (``dlatoms data`` lists them); ``source/name`` in another source.
    offline : bool, optional
        Whether never to use the internet.
    show_progressbar : bool, optional
        Whether to show a progress bar; by default HyperSpy's preference.
    num_workers : int, optional
        Number of processes that generate data; by default one per core.

    Returns
    -------
    LabelledImages
        Lazy images, and their true sites.

    Raises
    ------
    RegistryError
        If there is no such data set, it cannot be obtained, or the generated data do not match the
        SHA-256 of the entry.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> images, truth = registry.load_dataset("movie")
    >>> images
    <LazySignal2D, title: Movie of a drifting particle, dimensions: (12|240, 240)>
    >>> truth
    <AtomPositions, title: , dimensions: (12|ragged)>
      atoms ...
    """
    entry = sources.find(name, offline=offline)
    if entry.kind not in ("dataset", "example"):
        raise RegistryError(
            f"{name!r} is of the kind {entry.kind}, not a data set: `dlatoms data` "
            "lists what there is."
        )
    if not entry.generate:
        path = fetch(entry, offline=offline, show_progressbar=show_progressbar)
        return _of_stored(read_stored(path))
    frames = _generated(entry, show_progressbar, num_workers)
    sites = _with_species(frames.positions, frames.species)
    return _signals(
        frames.images,
        sites,
        frames.sampling,
        entry.full_name,
        frames.meta,
        {"name": "image"},
        list(frames.kinds),
    )


def _generated(entry: Entry, show: bool | None, num_workers: int | None) -> Frames:
    """Generate a data set in the cache, and check its fingerprint the first time."""
    show = is_shown(show)
    directory = _cache.generated_path(entry)
    checked = directory / _cache.CHECKED

    def is_checked() -> bool:
        return checked.is_file() and checked.read_text() == entry.sha256

    # Nothing is written for a complete one: its cache may be read-only.
    with nullcontext() if is_checked() else _cache.locked(directory):
        frames = generate(entry, directory, show_progressbar=show, num_workers=num_workers)
        if not is_checked():
            found = fingerprint(frames, entry.generate.get("checked"))
            if found != entry.sha256:
                raise RegistryError(
                    f"Generating {entry.full_name!r} gave the fingerprint {found}, but the "
                    f"catalogue has {entry.sha256 or 'none'}: this version of hyperspy-dlatoms, "
                    f"or of a package that it uses, makes different images. They are in "
                    f"{str(directory)!r}."
                )
            checked.write_text(entry.sha256)
    return frames


def _of_stored(stored: Stored) -> LabelledImages:
    navigation = stored.meta.get("navigation")
    single = stored.counts.ndim == 2
    images = da.from_array(stored.counts, chunks=(1, -1, -1) if not single else -1)
    sites = _with_species(stored.positions, stored.species)
    meta = {n: v for n, v in stored.meta.items() if n not in ("title", "navigation", "kinds")}
    title = stored.meta.get("title", "Nanoparticle")
    kinds = stored.meta.get("kinds")
    found = sites[0] if single else sites
    return _signals(images, found, stored.sampling, title, meta, navigation, kinds)


def _with_species(
    positions: Sequence[np.ndarray], species: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return the sites of each frame; with species, also the columns of certain sites."""
    if not species:
        return list(positions)
    certain = (0, 0), (0, 3)
    return [
        np.column_stack([np.pad(one, certain) + [0, 0, 1, 0, 0], kinds])
        for one, kinds in zip(positions, species, strict=True)
    ]


def _signals(
    images: da.Array,
    positions: np.ndarray | list[np.ndarray],
    sampling: float,
    title: str,
    meta: dict[str, Any],
    navigation: dict[str, Any] | None,
    species: list[str] | None = None,
) -> LabelledImages:
    from hyperspy.signals import LazySignal2D

    from hyperspy_dlatoms.signals import AtomPositions

    signal = LazySignal2D(images)
    signal.metadata.General.title = title
    signal.metadata.set_item("Simulation", meta)
    energy = np.unique(meta.get("energy", []))
    if len(energy) == 1:
        place = "Acquisition_instrument.TEM.beam_energy"
        signal.metadata.set_item(place, float(energy[0]) / 1e3)
    for axis, name in zip(signal.axes_manager.signal_axes, "xy", strict=True):
        axis.name, axis.scale, axis.units = name, sampling / 10, "nm"
    truth = AtomPositions.from_frames(positions, sampling=sampling, species=species)
    truth.metadata.VectorMetadata.scales = [sampling / 10] * 2
    truth.metadata.VectorMetadata.units = ["nm", "nm"]
    for axis in (*signal.axes_manager.navigation_axes, *truth.axes_manager.navigation_axes):
        for name, value in (navigation or {}).items():
            setattr(axis, name, value)
    return LabelledImages(signal, truth)
