# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a network over a signal, one block of frames after another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import dask.array as da
import numpy as np
from hyperspy.signals import (
    ComplexSignal2D,
    LazyComplexSignal2D,
    LazySignal,
    LazySignal2D,
    Signal2D,
)

from hyperspy_dlatoms.detection.exit_waves import working_grid
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.signals import _checkpoint, _quality
from hyperspy_dlatoms.signals._arguments import Output, Search, Series
from hyperspy_dlatoms.signals._axes import (
    Focus,
    Sampling,
    check_defocus_domain,
    check_images,
    find_focus,
    frames_of,
    image_axes,
    images_of,
    navigation_axes,
)
from hyperspy_dlatoms.signals._calibration import materials_in, sampling_of
from hyperspy_dlatoms.signals._model import Model, resolve
from hyperspy_dlatoms.signals.atom_positions import AtomPositions, LazyAtomPositions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperspy_dlatoms.detection.alignment import Drift
    from hyperspy_dlatoms.networks.domain import DomainScore
    from hyperspy_dlatoms.registry.catalogue import ModelLike
    from hyperspy_dlatoms.registry.handles import EnsembleHandle, Handle, NetworkHandle


class FrameResult(NamedTuple):
    """What was found in a frame: its atoms (n, k), its domain score, and the drift of a series."""

    atoms: np.ndarray
    domain: DomainScore | None
    drift: Drift | None


def find_atoms(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | str | None,
    search: Search,
    output: Output,
    series: Series | None = None,
) -> AtomPositions:
    """Find the atoms of every frame, or the sites of every focal series.

    The arguments are those of ``Signal2D.find_atoms_nn`` and ``Signal2D.classify_species``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, pathlib.Path, AtomNetwork, AtomEnsemble, list or tuple
        The network, or several.
    sampling : float, "estimate" or None
        Å/px; from the signal axes where None, found in the images where ``"estimate"``.
    search : Search
        How the sites are found.
    output : Output
        How the result is computed.
    series : Series, optional
        How the images make focal series; not given for single images.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        The atoms of each frame.
    """
    check_images(signal)
    output.check()
    search.check()
    model = resolve(model)
    focus = _focus(signal, model, series, "find_atoms_nn", "classify_species")
    if focus is not None:
        check_defocus_domain(focus.defoci, model.card, search.on_extrapolation)
    sampling = sampling_of(signal, model, sampling)
    frames, whole = _frames(signal, focus)
    navigation = frames.ndim - whole
    find: Callable[..., np.ndarray] = partial(
        _findings_of_block,
        handle=model.handle,
        sampling=sampling.mean,
        search=search,
        focus=focus,
    )
    if output.store is not None:
        description = _checkpoint.search_of(
            model,
            frames,
            whole,
            sampling=sampling.mean,
            threshold=search.threshold,
            minimum_agreement=search.minimum_agreement,
            symmetrise=search.symmetrise,
            focus=focus,
        )
        find = _checkpoint.remembering(find, output.store, description)
    findings = da.map_blocks(
        find,
        frames,
        token="find-atoms",
        dtype=object,
        drop_axis=list(range(navigation, frames.ndim)),
        # Without it dask would call the function on an empty block.
        meta=np.empty((0,) * navigation, object),
    )
    if output.store is not None and not output.lazy:
        findings = _checkpoint.fill(
            findings, output.store, show_progressbar=output.shows_progress, **output.workers
        )
    described = {
        "axes": navigation_axes(signal, focus and focus.axis),
        "metadata": _add_search(_metadata(signal, model, sampling, focus), signal, model, search),
        "ragged": True,
    }
    reports = _quality.REPORTS[: 1 if focus is None else None]
    if not _stays_lazy(signal, output):
        computed = LazySignal(findings, ragged=True)
        computed.compute(show_progressbar=output.show_progressbar, **output.workers)
        found, *told = (_quality.part(computed.data, which) for which in range(1 + len(reports)))
        atoms = AtomPositions(found, **described)
        atoms._judge(found, dict(zip(reports, told, strict=True)))
        return atoms
    atoms = LazyAtomPositions(_quality.lazily(_quality.part, findings, which=0), **described)
    for which, name in enumerate(reports, start=1):
        atoms.metadata.VectorMetadata[name] = _quality.lazily(_quality.part, findings, which=which)
    return atoms


def predict_atoms(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
    series: Series | None = None,
) -> Signal2D:
    """Map the probability of an atom, or that of each kind of site in focal series.

    The arguments are those of ``Signal2D.predict_atoms_nn`` and ``Signal2D.predict_species``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, pathlib.Path, AtomNetwork, AtomEnsemble, list or tuple
        The network, or several.
    sampling : float, "estimate" or None
        Å/px; from the signal axes where None, found in the images where ``"estimate"``.
    symmetrise : bool
        Whether to take the mean over turns and flips.
    output : Output
        How the result is computed.
    series : Series, optional
        How the images make focal series; not given for single images.

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, with the axes of the signal.
    """
    model = resolve(model)
    focus = _focus(signal, model, series, "predict_atoms_nn", "predict_species")
    if focus is not None:
        check_defocus_domain(focus.defoci, model.card, "warn")
    classes = model.card.classes
    mapped = _map(
        signal, model, _probability_of_block, len(classes), sampling, symmetrise, output, focus
    )
    if focus is not None:
        _name(mapped, signal, f"Probability of {', '.join(classes)}", "in")
    return mapped


def map_agreement(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
) -> Signal2D:
    """Map the agreement of an ensemble; the arguments are those of ``Signal2D.ensemble_agreement``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, AtomEnsemble, list or tuple
        The ensemble.
    sampling : float, "estimate" or None
        Å/px; from the signal axes where None, found in the images where ``"estimate"``.
    symmetrise : bool
        Whether to take the mean over turns and flips.
    output : Output
        How the result is computed.

    Returns
    -------
    Signal2D or LazySignal2D
        Agreement, float32, with the axes of the signal.

    Raises
    ------
    TypeError
        If the model is a single network.
    """
    model = resolve(model)
    if not model.members:
        raise TypeError(
            f"{model.card.name!r} is a single network, which has nobody to agree with: give the "
            "name of an ensemble, or a list of networks."
        )
    _focus(signal, model, None, "ensemble_agreement", "classify_species")
    agreement = _map(signal, model, _agreement_of_block, 1, sampling, symmetrise, output)
    _name(agreement, signal, "Agreement", "on")
    return agreement


def reconstruct_waves(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | None,
    output: Output,
    series: Series,
) -> ComplexSignal2D:
    """Reconstruct the exit wave of every focal series.

    The arguments are those of ``Signal2D.reconstruct_exit_wave_nn``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, pathlib.Path or AtomNetwork
        The network.
    sampling : float or None
        Å/px; from the signal axes where None.
    output : Output
        How the result is computed.
    series : Series
        How the images make focal series.

    Returns
    -------
    ComplexSignal2D or LazyComplexSignal2D
        The waves.

    Raises
    ------
    ValueError
        If the model finds sites, or is an ensemble.
    """
    check_images(signal)
    output.check()
    model = resolve(model)
    card = model.card
    if model.members or card.kind != "exit wave":
        raise ValueError(f"{card.name!r} finds sites: expected a single network of exit waves.")
    focus = find_focus(signal, card, series.checked())
    check_defocus_domain(focus.defoci, card, "warn")
    sampling = sampling_of(signal, model, sampling)
    frames, whole = _frames(signal, focus)
    navigation = frames.ndim - whole
    shape, grid = working_grid(frames.shape[-2:], sampling.mean, card.sampling)
    waves = da.map_blocks(
        _waves_of_block,
        frames,
        dtype=np.complex64,
        chunks=(*frames.chunks[:navigation], *((side,) for side in shape)),
        drop_axis=list(range(navigation, frames.ndim)),
        new_axis=[navigation, navigation + 1],
        meta=np.empty((0,) * (navigation + 2), np.complex64),
        handle=model.handle,
        sampling=sampling.mean,
        focus=focus,
    )
    axes = navigation_axes(signal, focus.axis)
    if not axes:
        waves = waves[0]
    for axis, size in zip(image_axes(signal), shape, strict=True):
        described = axis.get_axis_dictionary()
        described["size"] = size
        described["offset"] += described["scale"] * grid.origin
        described["scale"] *= grid.scale
        axes.append(described)
    metadata = _metadata(signal, model, sampling, focus)
    del metadata["VectorMetadata"]["species"]
    metadata["Signal"] = {"quantity": "Exit wave"}
    result = LazyComplexSignal2D(waves, axes=axes, metadata=metadata)
    title = signal.metadata.General.title
    result.metadata.General.title = f"Exit wave of {title}" if title else "Exit wave"
    return _finish(result, signal, output)


def _focus(
    signal: Signal2D, model: Model, series: Series | None, single: str, of_series: str
) -> Focus | None:
    """Find how images make focal series, None for single images; refuse a network of the other."""
    card, images = model.card, images_of(model.card)
    if card.kind == "exit wave":
        raise ValueError(f"{card.name!r} gives exit waves: use reconstruct_exit_wave_nn.")
    if series is None and images > 1:
        raise ValueError(
            f"{card.name!r} looks at focal series of {images} images: use {of_series}, not "
            f"{single}."
        )
    if series is None:
        return None
    if images == 1:
        raise ValueError(
            f"{card.name!r} looks at single images: use {single}, or a network of focal series."
        )
    return find_focus(signal, card, series.checked())


def _frames(signal: Signal2D, focus: Focus | None) -> tuple[da.Array, int]:
    """Return the images of a signal, and how many axes of the array belong to one frame."""
    if focus is None:
        return frames_of(signal), 2
    return frames_of(signal, focus.axis), 3


def _name(mapped: Signal2D, signal: Signal2D, quantity: str, link: str) -> None:
    """Say in the metadata of a map what it is, of which images."""
    title = signal.metadata.General.title
    mapped.metadata.General.title = f"{quantity} {link} {title}" if title else quantity
    mapped.metadata.Signal.quantity = quantity.partition(" of ")[0]


def _map(
    signal: Signal2D,
    model: Model,
    of_block: Callable[..., np.ndarray],
    channels: int,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
    focus: Focus | None = None,
) -> Signal2D:
    """Map something of every frame; several channels become a navigation axis ``species``."""
    check_images(signal)
    output.check()
    sampling = sampling_of(signal, model, sampling)
    frames, whole = _frames(signal, focus)
    navigation = frames.ndim - whole
    by_class = (channels,) if channels > 1 else ()
    chunks = (*frames.chunks[:navigation], *((n,) for n in by_class), *frames.chunks[-2:])
    maps = da.map_blocks(
        of_block,
        frames,
        token="map-atoms",
        dtype=np.float32,
        chunks=chunks,
        # The classes take the place of the images of a series.
        drop_axis=list(range(navigation, frames.ndim)),
        new_axis=list(range(navigation, len(chunks))),
        meta=np.empty((0,) * len(chunks), np.float32),
        handle=model.handle,
        sampling=sampling.mean,
        symmetrise=symmetrise,
        focus=focus,
    )
    axes = navigation_axes(signal, focus and focus.axis)
    if not axes:
        maps = maps[0]
    if by_class:
        axes.append({"name": "species", "size": channels, "navigate": True})
    mapped = LazySignal2D(
        maps,
        axes=axes + [axis.get_axis_dictionary() for axis in image_axes(signal)],
        metadata=_metadata(signal, model, sampling, focus),
    )
    return _finish(mapped, signal, output)


def _stays_lazy(signal: Signal2D, output: Output) -> bool:
    return signal._lazy if output.lazy is None else output.lazy


def _finish(result, signal: Signal2D, output: Output):
    if not _stays_lazy(signal, output):
        result.compute(show_progressbar=output.show_progressbar, **output.workers)
    return result


def _findings_of_block(
    block: np.ndarray,
    *,
    handle: Handle,
    sampling: float,
    search: Search,
    focus: Focus | None,
) -> np.ndarray:
    from hyperspy_dlatoms.detection import pipeline

    network = handle.get()
    frames, drifts = _prepared(block, sampling, focus)
    findings = np.empty(block.shape[: block.ndim - frames.ndim + 1], dtype=object)
    found = pipeline.detect(
        frames,
        sampling,
        network,
        pipeline.Search(search.threshold, search.minimum_agreement, search.symmetrise),
        defoci=focus and focus.defoci,
    )
    for index, one, drift in zip(np.ndindex(findings.shape), found, drifts, strict=True):
        findings[index] = FrameResult(one.sites.table(), one.domain, drift)
    return findings


def _probability_of_block(
    block: np.ndarray,
    *,
    handle: Handle,
    sampling: float,
    symmetrise: bool,
    focus: Focus | None,
) -> np.ndarray:
    from hyperspy_dlatoms.detection.mapping import probability_maps

    frames, drifts = _prepared(block, sampling, focus)
    if focus is not None:
        _quality.warn_of_drift(drifts, sampling, align=focus.align)
    maps = probability_maps(
        frames, sampling, handle.get(), symmetrise=symmetrise, defoci=focus and focus.defoci
    )
    if maps.ndim == 4:
        maps = np.moveaxis(maps, -1, 1)
    return maps.reshape(*block.shape[: block.ndim - frames.ndim + 1], *maps.shape[1:])


def _waves_of_block(
    block: np.ndarray, *, handle: NetworkHandle, sampling: float, focus: Focus
) -> np.ndarray:
    from hyperspy_dlatoms.detection.exit_waves import exit_waves

    frames, drifts = _prepared(block, sampling, focus)
    _quality.warn_of_drift(drifts, sampling, align=focus.align)
    waves = exit_waves(frames, sampling, handle.get(), defoci=focus.defoci)
    return waves.reshape(*block.shape[:-3], *waves.shape[1:])


def _agreement_of_block(
    block: np.ndarray,
    *,
    handle: EnsembleHandle,
    sampling: float,
    symmetrise: bool,
    focus: None,
) -> np.ndarray:
    from hyperspy_dlatoms.detection.mapping import agreement_maps

    frames, _ = _prepared(block, sampling, focus)
    return agreement_maps(frames, sampling, handle.get(), symmetrise=symmetrise).reshape(
        block.shape
    )


def _prepared(
    block: np.ndarray, sampling: float, focus: Focus | None
) -> tuple[np.ndarray, list[Drift | None]]:
    """Give the frames of a block in a row, aligned if so asked, and the drift of each series."""
    from hyperspy_dlatoms.detection.alignment import align, drift_of

    if focus is None:
        frames = block.reshape(-1, *block.shape[-2:])
        return frames, [None] * len(frames)
    frames = block.reshape(-1, *block.shape[-3:])
    drifts = [drift_of(series, sampling) for series in frames]
    if focus.align:
        frames = np.stack([align(*both) for both in zip(frames, drifts, strict=True)])
    return frames, drifts


def _metadata(signal: Signal2D, model: Model, sampling: Sampling, focus: Focus | None) -> dict:
    card, members = model.card, model.members
    vectors = {
        "model": card.name,
        "model_version": card.version,
        "sampling": list(sampling),
        "species": list(card.classes),
    }
    if members:
        vectors["members"] = [member.name for member in members]
    if focus is not None:
        # As the axes are printed, the fastest first.
        vectors["focal_axis"] = signal.axes_manager.navigation_dimension - 1 - focus.axis
        vectors["align"] = focus.align
        vectors |= {"defoci": list(focus.defoci)} if focus.defoci is not None else {}
    kept = signal.metadata.as_dictionary()
    metadata = {key: kept[key] for key in ("General", "Acquisition_instrument") if key in kept}
    return metadata | {"VectorMetadata": vectors}


def _add_search(metadata: dict, signal: Signal2D, model: Model, search: Search) -> dict:
    axes = image_axes(signal)
    metadata["Signal"] = {"signal_type": AtomPositions._signal_type}
    metadata["VectorMetadata"] |= {
        "column_names": column_names(model.card, len(model.members)),
        "image_shape": [int(axis.size) for axis in axes],
        "offsets": [float(axis.offset) if axis.is_uniform else 0.0 for axis in axes],
        "scales": [float(axis.scale) if axis.is_uniform else 1.0 for axis in axes],
        "units": [axis.units if isinstance(axis.units, str) else "" for axis in axes],
        "threshold": _threshold(model, search),
        "on_extrapolation": search.on_extrapolation,
    }
    if materials := materials_in(signal, model):
        metadata["VectorMetadata"]["materials"] = list(materials)
    if model.members and search.minimum_agreement is not None:
        metadata["VectorMetadata"]["minimum_agreement"] = float(search.minimum_agreement)
    elif model.members and search.threshold is None:
        metadata["VectorMetadata"]["threshold_of_mean"] = float(model.card.threshold)
    cards = model.members or (model.card,)
    if search.threshold is None and any(card.anchor for card in cards):
        anchors = [card.anchor or card.threshold for card in cards]
        metadata["VectorMetadata"]["anchor"] = anchors if model.members else anchors[0]
    return metadata


def _threshold(model: Model, search: Search) -> float | list[float]:
    """Give the threshold, or one for each member of an ensemble where they have their own."""
    if search.threshold is not None:
        return float(search.threshold)
    if model.members:
        return [member.threshold for member in model.members]
    return model.card.threshold
