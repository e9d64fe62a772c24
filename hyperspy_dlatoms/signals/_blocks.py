# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a network over the frames of a signal, block by block."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple

import dask.array as da
import numpy as np
from dask.utils import has_keyword
from hyperspy.signals import (
    BaseSignal,
    ComplexSignal2D,
    LazyComplexSignal2D,
    LazySignal2D,
    Signal2D,
)

from hyperspy_dlatoms.analysis.lattice import with_lattices
from hyperspy_dlatoms.detection import contradiction, pipeline
from hyperspy_dlatoms.detection.alignment import Drift, align, drift_of
from hyperspy_dlatoms.detection.exit_waves import exit_waves, working_grid
from hyperspy_dlatoms.detection.mapping import agreement_maps, probability_maps
from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.networks.running import engine
from hyperspy_dlatoms.registry import handles
from hyperspy_dlatoms.signals._axes import (
    Images,
    Series,
    is_focal_series,
    read_images,
    some_images,
)
from hyperspy_dlatoms.signals._checkpoint import checkpointed, complete, describe
from hyperspy_dlatoms.signals._choice import AUTO, Choice, choose_model, say, warn_of_unclear
from hyperspy_dlatoms.signals._mapping import block_of
from hyperspy_dlatoms.signals._material import Layer, layer_of
from hyperspy_dlatoms.signals._placement import placement_metadata
from hyperspy_dlatoms.signals._progress import progress_of
from hyperspy_dlatoms.signals._quality import (
    FrameResult,
    check_defoci,
    check_drift,
    check_modality,
    is_scanned,
    other_modality,
)
from hyperspy_dlatoms.signals._unreadable import BlocksOfImages, naming_unreadable
from hyperspy_dlatoms.signals.atom_positions import AtomPositions, LazyAtomPositions

if TYPE_CHECKING:
    import ase

    from hyperspy_dlatoms.networks.card import ModelCard
    from hyperspy_dlatoms.registry.catalogue import ModelLike
    from hyperspy_dlatoms.registry.handles import EnsembleHandle
    from hyperspy_dlatoms.signals._axes import Focus

_ON_EXTRAPOLATION = ("warn", "raise", "ignore")
_FRAMES = 3  # Images from which the sampling is estimated.


class SearchOptions(NamedTuple):
    """Options of the search for sites."""

    threshold: float | None
    minimum_agreement: float | None
    symmetrise: bool
    on_extrapolation: str

    def check(self) -> None:
        """Raise for arguments that are out of their range."""
        if self.threshold is not None:
            _check_fraction("threshold", self.threshold, inclusive=False)
        if self.minimum_agreement is not None:
            _check_fraction("minimum_agreement", self.minimum_agreement, inclusive=True)
        if self.on_extrapolation not in _ON_EXTRAPOLATION:
            raise ValueError(
                f"on_extrapolation is {self.on_extrapolation!r}: expected one of "
                f"{', '.join(_ON_EXTRAPOLATION)}."
            )


class Output(NamedTuple):
    """Options of the computation of a result."""

    show_progressbar: bool | None
    num_workers: int | None
    lazy: bool | None
    store: str | os.PathLike[str] | None = None

    @property
    def workers(self) -> dict[str, int]:
        """The number of workers for dask, nothing if dask decides."""
        return {} if self.num_workers is None else {"num_workers": int(self.num_workers)}


class Model(NamedTuple):
    """A network, or several, loaded where needed."""

    handle: Any  # Of a network or an ensemble, see `hyperspy_dlatoms.registry.handles`.
    card: ModelCard  # For an ensemble, the one that stands for all members.
    members: tuple[ModelCard, ...] = ()  # Empty for one network.


class _About(NamedTuple):
    """What must be known about the network and the images to search a block of frames."""

    handle: Any
    sampling: float  # Å/px.
    focus: Focus | None
    elements: tuple[str, str] | None  # Of the layer, where they are known.

    @classmethod
    def of(cls, model: Model, images: Images, layer: Layer | None) -> _About:
        """Collect what must be known from these."""
        return cls(model.handle, images.pixel_size, images.focus, layer and layer.elements)

    @property
    def conditions(self) -> dict[str, Any]:
        """What a network may be told of a focal series."""
        return {"defoci": self.focus and self.focus.defoci, "elements": self.elements}


def resolve(model: ModelLike) -> Model:
    """Return the handle and the cards of a network or an ensemble without building it."""
    handle = handles.handle(model)
    members = handle.cards if isinstance(handle, handles.EnsembleHandle) else ()
    return Model(handle, handle.card, members)


def find_atoms(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | str | None,
    search: SearchOptions,
    output: Output,
    series: Series | None = None,
    material: str | None = None,
) -> AtomPositions:
    """Find the atoms of every frame, or the sites of every focal series."""
    search.check()
    choice, model, sampling = chosen(signal, model, sampling, search, output)
    model = resolve(model)
    _check_sites(model.card, series, "find_atoms_nn", "classify_species")
    layer = series and layer_of(material, signal, model.card, search.on_extrapolation)
    images = _read(signal, model, sampling, output, series, search.on_extrapolation)
    materials = _expected_materials(signal, model.card, layer)
    examined = {} if search.on_extrapolation == "ignore" else _examined(images)
    about = _About.of(model, images, layer)
    examine = partial(_examine_block, about=about, materials=materials, examined=examined)
    find: Callable[..., np.ndarray] = partial(
        _find_in_block, about=about, search=search, examine=examine
    )
    if output.store is not None:
        settings = {
            name: getattr(search, name) for name in ("threshold", "minimum_agreement", "symmetrise")
        }
        if layer is not None:
            settings["elements"] = layer.elements
        described = describe(model.handle, images, **settings)
        find = checkpointed(find, output.store, described, examine)
    results = _map("find-atoms", find, images, object, ())
    if output.store is not None and not output.lazy:
        progress = partial(progress_of, output.show_progressbar, "Finding atoms")
        results = complete(results, output.store, examined, progress=progress, **output.workers)
    model = _named(model, layer)
    metadata = _metadata(signal, model, images)
    metadata["Signal"] = {"signal_type": AtomPositions._signal_type}
    metadata["VectorMetadata"] |= _search_metadata(model, images, search)
    if layer is not None:
        metadata["VectorMetadata"]["material"] = layer.formula
    if materials:
        metadata["VectorMetadata"]["materials"] = list(materials)
    if choice is not None:
        metadata["VectorMetadata"]["choice"] = choice.metadata()
    if _is_lazy(signal, output):
        return LazyAtomPositions._of_results(results, images.navigation_axes, metadata)
    with naming_unreadable(results), progress_of(output.show_progressbar, "Finding atoms", results):
        found = results.compute(**output.workers)
    return AtomPositions._of_found(found, images.navigation_axes, metadata)


def chosen(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | str | None,
    search: SearchOptions,
    output: Output,
) -> tuple[Choice | None, ModelLike, float | str | None]:
    """Choose a model and a sampling if the model is left to the package."""
    if not (isinstance(model, str) and model == AUTO):
        return None, model, sampling
    show = output.show_progressbar
    choice, pixel = choose_model(signal, sampling, _FRAMES, show_progressbar=show)
    say(choice, show, is_focal_series(signal))
    if search.on_extrapolation != "ignore":
        warn_of_unclear(choice)
    return choice, choice.name, pixel


def predict_atoms(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
    series: Series | None = None,
    material: str | None = None,
) -> Signal2D:
    """Map the probability of an atom, or that of each species in focal series."""
    model = resolve(model)
    _check_sites(model.card, series, "predict_atoms_nn", "predict_species")
    layer = series and layer_of(material, signal, model.card)
    images = _read(signal, model, sampling, output, series)
    about = _About.of(model, images, layer)
    of_block = partial(_probability_of_block, about=about, symmetrise=symmetrise)
    model = _named(model, layer)
    classes = model.card.classes
    title = None if series is None else f"Probability of {', '.join(classes)} in"
    maps = _signal_of_maps(of_block, signal, model, images, title)
    return _finish(maps, signal, output, "Mapping probabilities")


def map_agreement(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
) -> Signal2D:
    """Map the agreement of an ensemble."""
    model = resolve(model)
    if not model.members:
        raise TypeError(
            f"{model.card.name!r} is a single network, expected an ensemble: give the name of "
            "an ensemble, or a list of networks."
        )
    _check_sites(model.card, None, "ensemble_agreement", "classify_species")
    images = _read(signal, model, sampling, output, None)
    of_block = partial(
        _agreement_of_block, handle=model.handle, sampling=images.pixel_size, symmetrise=symmetrise
    )
    maps = _signal_of_maps(of_block, signal, model, images, "Agreement on", classes=False)
    return _finish(maps, signal, output, "Mapping agreement")


def map_masked(
    signal: Signal2D, sampling: float | None, scanned: bool | None, output: Output
) -> Signal2D:
    """Map the pixels that are masked in every image."""
    _check_workers(output)
    if isinstance(sampling, str):
        raise TypeError(
            f"sampling is {sampling!r}, but pixels are masked without a network: expected a number "
            "in Å/px, for example from estimate_sampling, or None."
        )
    images = read_images(signal, sampling, lazy=bool(output.lazy) and not signal._lazy)
    if scanned is None:
        scanned = is_scanned(images.mode)
    of_block = partial(_masked_of_block, sampling=images.pixel_size, camera=not scanned)
    masks = _map("mask-pixels", of_block, images, bool, images.frames.shape[-2:])
    axes = [axis.get_axis_dictionary() for axis in images.signal_axes]
    metadata = _kept_metadata(signal)
    result = _made(LazySignal2D, masks, images, axes, metadata, "Masked pixels of")
    return _finish(result, signal, output, "Masking pixels")


def reconstruct_waves(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | None,
    symmetrise: bool,
    output: Output,
    series: Series,
    material: str | None = None,
) -> ComplexSignal2D:
    """Reconstruct the exit wave of every focal series."""
    model = resolve(model)
    card = model.card
    if model.members or card.kind != "exit wave":
        raise ValueError(f"{card.name!r} finds sites: expected a single network of exit waves.")
    layer = layer_of(material, signal, card)
    images = _read(signal, model, sampling, output, series)
    shape, grid = working_grid(images.frames.shape[-2:], images.pixel_size, card.sampling)
    about = _About.of(model, images, layer)
    of_block = partial(_waves_of_block, about=about, symmetrise=symmetrise)
    waves = _map("reconstruct-waves", of_block, images, np.complex64, shape)
    axes = []
    for axis, size in zip(images.signal_axes, shape, strict=True):
        described = axis.get_axis_dictionary()
        if not axis.is_uniform:
            # It was read at the sampling given.
            described = {"name": axis.name, "units": "Å", "scale": images.pixel_size, "offset": 0.0}
        described["size"] = size
        described["offset"] += described["scale"] * grid.origin
        described["scale"] *= grid.scale
        axes.append(described)
    metadata = _metadata(signal, model, images)
    del metadata["VectorMetadata"]["species"]
    if layer is not None:
        metadata["VectorMetadata"]["material"] = layer.formula
    result = _made(LazyComplexSignal2D, waves, images, axes, metadata, "Exit wave of")
    return _finish(result, signal, output, "Reconstructing exit waves")


def estimate_sampling(
    signal: Signal2D,
    model: ModelLike | Model,
    material: str | ase.Atoms | None = None,
    frames: int = _FRAMES,
) -> float:
    """Find the sampling (Å/px) of images from the lattice of the atoms in some of them."""
    from hyperspy_dlatoms.detection import sampling

    check_count("frames", frames, "a whole number of images")
    model = model if isinstance(model, Model) else resolve(model)
    images = model.card.images
    if images > 1:
        raise ValueError(
            f"{model.card.name!r} takes focal series of {images} images: estimate the sampling "
            "with a single-image network, or calibrate the signal axes."
        )
    materials = _materials(signal, model.card) if material is None else (material,)
    some = some_images(signal, frames)
    return sampling.estimate_sampling(some, model.handle.get(), materials)


def images_of_sites(signal: Signal2D, model: Model, sampling: float | str | None) -> Images:
    """Return the images in which a network for single images finds atoms."""
    _check_sites(model.card, None, "find_atoms_nn", "classify_species")
    output = Output(None, None, None)
    # The search gives its own warnings when it runs.
    return _read(signal, model, sampling, output, None, "ignore")


def _check_sites(card: ModelCard, series: Series | None, single: str, of_series: str) -> None:
    """Raise for exit-wave networks, or focal-series ones for single images and vice versa."""
    if card.kind == "exit wave":
        raise ValueError(f"{card.name!r} returns exit waves: use reconstruct_exit_wave_nn.")
    if series is None and card.images > 1:
        raise ValueError(
            f"{card.name!r} takes focal series of {card.images} images: use {of_series}, not "
            f"{single}."
        )
    if series is not None and card.images == 1:
        raise ValueError(
            f"{card.name!r} takes single images: use {single}, or a network of focal series."
        )


def _named(model: Model, layer: Layer | None) -> Model:
    """Return a model whose classes are named after the elements of a layer."""
    if layer is None:
        return model
    classes = tuple(map(layer.name, model.card.classes))
    return model._replace(card=dataclasses.replace(model.card, classes=classes))


def _read(
    signal: Signal2D,
    model: Model,
    sampling: float | str | None,
    output: Output,
    series: Series | None,
    on_extrapolation: str = "warn",
) -> Images:
    """Return the images of a signal for a network, at a sampling found in them if requested."""
    _check_workers(output)
    if sampling == "estimate":
        sampling = estimate_sampling(signal, model)
    lazy = bool(output.lazy) and not signal._lazy
    images = read_images(signal, sampling, model.card, series, lazy=lazy)
    check_modality(images.mode, model.card, on_extrapolation)
    if images.focus is not None:
        check_defoci(images.focus.defoci, model.card, on_extrapolation)
    return images


def _map(
    task: str,
    of_block: Callable[..., np.ndarray],
    images: Images,
    dtype: type,
    result: Sequence[int],
) -> da.Array:
    """Apply a task, named for dashboards, to all blocks of frames; each becomes an array."""
    frames, navigation = images.frames, images.navigation
    axes = tuple(range(frames.ndim + len(result)))
    of_frames, of_results = axes[: frames.ndim], (*axes[:navigation], *axes[frames.ndim :])
    # `map_blocks` does the same, but concatenates, and so copies, the one block along axes dropped.
    return da.blockwise(
        partial(_apply, of_block=of_block, placed=has_keyword(of_block, "block_id")),
        of_results,
        frames,
        of_frames,
        BlocksOfImages(frames.chunks[:navigation], images.read),
        axes[:navigation],
        token=task,
        dtype=dtype,
        new_axes=dict(zip(axes[frames.ndim :], result, strict=True)),
        concatenate=False,
        align_arrays=False,
        # Without meta dask would call the function on an empty block.
        meta=np.empty((0,) * (navigation + len(result)), dtype),
    )


def _apply(
    block: Any, block_id: tuple[int, ...], *, of_block: Callable[..., np.ndarray], placed: bool
) -> np.ndarray:
    """Apply a function to the one block in lists of lists, as dask gives it."""
    while isinstance(block, list):
        (block,) = block
    return of_block(block, block_id=block_id) if placed else of_block(block)


def _signal_of_maps(
    of_block: Callable[..., np.ndarray],
    signal: Signal2D,
    model: Model,
    images: Images,
    title: str | None,
    *,
    classes: bool = True,
) -> LazySignal2D:
    """Map something of every frame; several classes become a navigation axis ``species``."""
    number = len(model.card.classes) if classes else 1
    by_class = (number,) if number > 1 else ()
    maps = _map("map-atoms", of_block, images, np.float32, (*by_class, *images.frames.shape[-2:]))
    axes = [{"name": "species", "size": number, "navigate": True}] if by_class else []
    axes += [axis.get_axis_dictionary() for axis in images.signal_axes]
    return _made(LazySignal2D, maps, images, axes, _metadata(signal, model, images), title)


def _made(
    kind: type, data: da.Array, images: Images, axes: list[dict], metadata: dict, title: str | None
) -> Any:
    """Return a lazy signal with axes after those of the images, titled by what it is."""
    data = data if images.navigation_axes else data[0]
    result = kind(data, axes=[*images.navigation_axes, *axes], metadata=metadata)
    if title is not None:
        quantity, link = title.rsplit(" ", 1)
        general = result.metadata.General
        general.title = f"{quantity} {link} {general.title}" if general.title else quantity
        result.metadata.Signal.quantity = quantity.partition(" of ")[0]
    return result


def _is_lazy(signal: Signal2D, output: Output) -> bool:
    """Whether the result is lazy, by default like the images."""
    return signal._lazy if output.lazy is None else output.lazy


def _finish(result: BaseSignal, signal: Signal2D, output: Output, what: str):
    if not _is_lazy(signal, output):
        # Species have an axis of their own but are not frames.
        axes = [a for a in result.axes_manager.navigation_axes if a.name != "species"]
        chunks = result.data.chunks[: len(axes)]
        progress = progress_of(output.show_progressbar, what, result.data, chunks)
        with naming_unreadable(result.data), progress:
            result.compute(show_progressbar=False, **output.workers)
    return result


def _examined(images: Images) -> dict[tuple[int, ...], list[int]]:
    """Return the frames to examine for other lattices: for each block, their numbers in it."""
    frames, navigation = images.frames, images.navigation
    shape, chunks = frames.shape[:navigation], frames.chunks[:navigation]
    numbers: dict[tuple[int, ...], list[int]] = {}
    for flat in contradiction.examined(math.prod(shape)):
        index = [int(one) for one in np.unravel_index(flat, shape)]
        block = block_of(index, chunks)
        sizes = [lengths[which] for lengths, which in zip(chunks, block, strict=True)]
        starts = [sum(lengths[:which]) for lengths, which in zip(chunks, block, strict=True)]
        place = np.ravel_multi_index(np.subtract(index, starts).tolist(), sizes)
        numbers.setdefault(block, []).append(int(place))
    return numbers


def _find_in_block(
    block: np.ndarray,
    *,
    block_id: tuple[int, ...],
    about: _About,
    search: SearchOptions,
    examine: Callable[..., bool],
) -> np.ndarray:
    frames, drifts = _frames_of(block, about)
    options = pipeline.Search(search.threshold, search.minimum_agreement, search.symmetrise)
    network = about.handle.get()
    found = pipeline.detect(frames, about.sampling, network, options, **about.conditions)
    results = np.empty(block.shape[: block.ndim - frames.ndim + 1], dtype=object)
    shown = contradiction.NOT_EXAMINED
    for number, (sites, domain, masked) in enumerate(found):
        drift = drifts[number] if drifts else None
        results.flat[number] = FrameResult(sites.table(), domain, drift, masked, shown)
    examine(results, block, block_id=block_id)
    return results


def _examine_block(
    results: np.ndarray,
    block: np.ndarray,
    *,
    block_id: tuple[int, ...],
    about: _About,
    materials: Sequence[str],
    examined: Mapping[tuple[int, ...], Sequence[int]],
) -> bool:
    """Write into results what other lattices their frames show; return whether any was examined."""
    numbers = [
        number
        for number in examined.get(block_id, ())
        if results.flat[number].shown == contradiction.NOT_EXAMINED
    ]
    if numbers:
        chosen = block.reshape(results.size, *block.shape[results.ndim :])[numbers]
        frames, _ = _frames_of(chosen, about)
        sites = [results.flat[number].sites for number in numbers]
        network = about.handle.get()
        shown = contradiction.reexamine(frames, sites, about.sampling, network, materials)
        for number, lattice in zip(numbers, shown, strict=True):
            results.flat[number] = results.flat[number]._replace(shown=lattice)
    return bool(numbers)


def _probability_of_block(block: np.ndarray, *, about: _About, symmetrise: bool) -> np.ndarray:
    frames, drifts = _frames_of(block, about)
    if about.focus is not None:
        check_drift(drifts, about.sampling, align=about.focus.align)
    settings = about.conditions | {"symmetrise": symmetrise}
    maps = probability_maps(frames, about.sampling, about.handle.get(), **settings)
    if maps.ndim == 4:
        maps = np.moveaxis(maps, -1, 1)
    return maps.reshape(*block.shape[: block.ndim - frames.ndim + 1], *maps.shape[1:])


def _agreement_of_block(
    block: np.ndarray, *, handle: EnsembleHandle, sampling: float, symmetrise: bool
) -> np.ndarray:
    frames = block.reshape(-1, *block.shape[-2:])
    maps = agreement_maps(frames, sampling, handle.get(), symmetrise=symmetrise)
    return maps.reshape(block.shape)


def _masked_of_block(block: np.ndarray, *, sampling: float, camera: bool) -> np.ndarray:
    frames = block.reshape(-1, *block.shape[-2:])
    masks = [mask_bad(frame, sampling, camera=camera)[1] for frame in frames]
    return np.reshape(masks, block.shape)


def _waves_of_block(block: np.ndarray, *, about: _About, symmetrise: bool) -> np.ndarray:
    frames, drifts = _frames_of(block, about)
    assert about.focus is not None
    check_drift(drifts, about.sampling, align=about.focus.align)
    settings = about.conditions | {"symmetrise": symmetrise}
    waves = exit_waves(frames, about.sampling, about.handle.get(), **settings)
    return waves.reshape(*block.shape[:-3], *waves.shape[1:])


def _frames_of(block: np.ndarray, about: _About) -> tuple[np.ndarray, list[Drift]]:
    """Return the images or focal series of a block in a row, aligned if requested, and drifts."""
    if about.focus is None:
        return block.reshape(-1, *block.shape[-2:]), []
    frames = block.reshape(-1, *block.shape[-3:])
    drifts = [drift_of(series, about.sampling) for series in frames]
    if about.focus.align:
        frames = np.stack([align(*both) for both in zip(frames, drifts, strict=True)])
    return frames, drifts


def _metadata(signal: Signal2D, model: Model, images: Images) -> dict:
    card, focus = model.card, images.focus
    vectors: dict[str, Any] = {
        "model": card.name,
        "model_version": card.version,
        "sampling": list(images.sampling),
        "species": list(card.classes),
    }
    precisions = list(model.handle.precisions)
    vectors["precision"] = precisions if model.members else precisions[0]
    vectors["engine"] = engine()
    if model.members:
        vectors["members"] = [member.name for member in model.members]
    if focus is not None:
        # As the axes are printed, the fastest first.
        vectors["focal_axis"] = signal.axes_manager.navigation_dimension - 1 - focus.axis
        vectors["align"] = focus.align
        vectors |= {"defoci": list(focus.defoci)} if focus.defoci is not None else {}
    return _kept_metadata(signal) | {"VectorMetadata": vectors}


def _kept_metadata(signal: Signal2D) -> dict:
    kept = signal.metadata.as_dictionary()
    names = ("General", "Acquisition_instrument", "Sample")
    return {name: kept[name] for name in names if name in kept}


def _search_metadata(model: Model, images: Images, search: SearchOptions) -> dict:
    """Describe the columns of the atoms, where they lie, and how they were found."""
    card, members, axes = model.card, model.members, images.signal_axes
    vectors: dict[str, Any] = placement_metadata(axes) | {
        "column_names": column_names(card, len(members)),
        "on_extrapolation": search.on_extrapolation,
        "modality": card.modality,
    }
    if other_modality(images.mode, card):
        vectors["other_modality"] = True
    if not card.materials:
        vectors["any_crystal"] = True
    if members and search.minimum_agreement is not None:
        vectors["minimum_agreement"] = float(search.minimum_agreement)
    if search.threshold is not None:
        return vectors | {"threshold": float(search.threshold)}
    if members and search.minimum_agreement is None:
        vectors["threshold_of_mean"] = float(card.threshold)
    cards = members or (card,)
    thresholds: dict[str, Any] = {"threshold": [one.threshold for one in cards]}
    if any(one.anchor for one in cards):
        thresholds["anchor"] = [one.anchor or one.threshold for one in cards]
    # Each member of an ensemble has its own.
    return vectors | (thresholds if members else {k: v[0] for k, v in thresholds.items()})


def _materials(signal: Signal2D, card: ModelCard) -> tuple[str, ...]:
    """Return the materials with a lattice on a card, or those of ``metadata.Sample`` if any are."""
    return with_lattices(card.materials, signal.metadata.get_item("Sample.elements", []))


def _expected_materials(signal: Signal2D, card: ModelCard, layer: Layer | None) -> tuple[str, ...]:
    """Return the materials whose lattices the sites must have; none if others may be right."""
    if layer is not None:
        return with_lattices([layer.formula])
    complete = len(with_lattices(card.materials)) == len(card.materials)
    return _materials(signal, card) if complete else ()


def _check_workers(output: Output) -> None:
    if output.num_workers is not None:
        check_count("num_workers", output.num_workers, "a whole number, or None")


def _check_fraction(name: str, value: float, *, inclusive: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}: expected a number from 0 to 1.")
    if not (0 < value < 1 or (inclusive and value in (0, 1))):
        between = "from 0 to 1" if inclusive else "between 0 and 1"
        raise ValueError(f"{name} is {value}: expected a number {between}.")


def check_count(name: str, value: int, expected: str) -> None:
    """Raise unless an argument is a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}: expected {expected}.")
    if value < 1:
        raise ValueError(f"{name} is {value}: expected 1 or more.")
