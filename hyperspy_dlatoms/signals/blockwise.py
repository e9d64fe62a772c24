# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a network over a signal, one block of frames after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
from hyperspy.signals import LazySignal2D, Signal2D

from hyperspy_dlatoms.detection.columns import columns_of
from hyperspy_dlatoms.signals import guard
from hyperspy_dlatoms.signals.arguments import Output, Search
from hyperspy_dlatoms.signals.atom_positions import AtomPositions, LazyAtomPositions
from hyperspy_dlatoms.signals.calibration import materials_in, sampling_of
from hyperspy_dlatoms.signals.model import Model, resolve
from hyperspy_dlatoms.signals.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperspy_dlatoms.networks.ensemble import EnsembleHandle
    from hyperspy_dlatoms.networks.network import NetworkHandle
    from hyperspy_dlatoms.registry.catalogue import ModelLike

#: Frames are grouped into blocks of about so many bytes; one frame is never cut.
_BLOCK_SIZE = 32 * 2**20


def find_atoms(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | str | None,
    search: Search,
    output: Output,
) -> AtomPositions:
    """Find the atoms of every frame; the arguments are those of ``Signal2D.find_atoms_nn``.

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

    Returns
    -------
    AtomPositions or LazyAtomPositions
        The atoms of each frame.
    """
    _check_signal(signal)
    output.check()
    search.check()
    model = resolve(model)
    sampling = sampling_of(signal, model, sampling)
    frames = _frames(signal)
    navigation = frames.ndim - 2
    findings = da.map_blocks(
        _findings_of_block,
        frames,
        dtype=object,
        drop_axis=[navigation, navigation + 1],
        # Without it dask would call the function on an empty block.
        meta=np.empty((0,) * navigation, object),
        handle=model.handle,
        sampling=sampling.mean,
        search=search,
    )
    atoms = LazyAtomPositions(
        guard.lazily(guard.part, findings, which=0),
        axes=_axes_dictionaries(signal, navigation=True),
        metadata=_add_search(_metadata(signal, model, sampling), signal, model, search),
        ragged=True,
    )
    atoms.metadata.VectorMetadata.domain = guard.lazily(guard.part, findings, which=1)
    return _finish(atoms, signal, output)


def predict_atoms(
    signal: Signal2D,
    model: ModelLike,
    *,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
) -> Signal2D:
    """Map the probability of an atom; the arguments are those of ``Signal2D.predict_atoms_nn``.

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

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, with the axes of the signal.
    """
    model = resolve(model)
    classes = len(model.card.classes)
    return _map(signal, model, _probability_of_block, classes, sampling, symmetrise, output)


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
    agreement = _map(signal, model, _agreement_of_block, 1, sampling, symmetrise, output)
    title = signal.metadata.General.title
    agreement.metadata.General.title = f"Agreement on {title}" if title else "Agreement"
    agreement.metadata.Signal.quantity = "Agreement"
    return agreement


def _map(
    signal: Signal2D,
    model: Model,
    of_block: Callable[..., np.ndarray],
    channels: int,
    sampling: float | str | None,
    symmetrise: bool,
    output: Output,
) -> Signal2D:
    """Map something of every frame; several channels become a navigation axis ``species``."""
    _check_signal(signal)
    output.check()
    sampling = sampling_of(signal, model, sampling)
    frames = _frames(signal)
    navigation = frames.ndim - 2
    by_class = (channels,) if channels > 1 else ()
    maps = da.map_blocks(
        of_block,
        frames,
        dtype=np.float32,
        chunks=(*frames.chunks[:-2], *((n,) for n in by_class), *frames.chunks[-2:]),
        new_axis=[navigation] if by_class else None,
        meta=np.empty((0,) * (frames.ndim + len(by_class)), np.float32),
        handle=model.handle,
        sampling=sampling.mean,
        symmetrise=symmetrise,
    )
    axes = _axes_dictionaries(signal, navigation=True)
    if by_class:
        axes.append({"name": "species", "size": channels, "navigate": True})
    if signal.axes_manager.navigation_dimension == 0:
        maps = maps[0]
    mapped = LazySignal2D(
        maps,
        axes=axes + _axes_dictionaries(signal, navigation=False),
        metadata=_metadata(signal, model, sampling),
    )
    return _finish(mapped, signal, output)


def _finish(result, signal: Signal2D, output: Output):
    lazy = signal._lazy if output.lazy is None else output.lazy
    if not lazy:
        workers = {} if output.num_workers is None else {"num_workers": int(output.num_workers)}
        result.compute(show_progressbar=output.show_progressbar, **workers)
    return result


def _frames(signal: Signal2D) -> da.Array:
    """Return the images as a dask array with at least one navigation axis, frames never cut."""
    data = signal.data
    if not isinstance(data, da.Array):
        # One chunk first and named without hashing, which would read the whole array.
        data = da.from_array(data, chunks=-1, name=False)
    if signal.axes_manager.navigation_dimension == 0:
        data = data[np.newaxis]
    navigation = data.ndim - 2
    chunks = {axis: "auto" for axis in range(navigation)}
    chunks |= {navigation: -1, navigation + 1: -1}
    frame_size = data.dtype.itemsize * data.shape[-1] * data.shape[-2]
    return data.rechunk(chunks, block_size_limit=max(_BLOCK_SIZE, frame_size))


def _findings_of_block(
    block: np.ndarray,
    *,
    handle: NetworkHandle | EnsembleHandle,
    sampling: float,
    search: Search,
) -> np.ndarray:
    from hyperspy_dlatoms.detection.detect import survey

    findings = np.empty(block.shape[:-2], dtype=object)
    found = survey(
        block.reshape(-1, *block.shape[-2:]),
        sampling,
        handle.get(),
        search.threshold,
        minimum_agreement=search.minimum_agreement,
        symmetrise=search.symmetrise,
    )
    for index, finding in zip(np.ndindex(findings.shape), found, strict=True):
        findings[index] = finding
    return findings


def _probability_of_block(
    block: np.ndarray,
    *,
    handle: NetworkHandle | EnsembleHandle,
    sampling: float,
    symmetrise: bool,
) -> np.ndarray:
    from hyperspy_dlatoms.detection.mapping import probability_maps

    frames = block.reshape(-1, *block.shape[-2:])
    maps = probability_maps(frames, sampling, handle.get(), symmetrise=symmetrise)
    if maps.ndim == 4:
        maps = np.moveaxis(maps, -1, 1)
    return maps.reshape(*block.shape[:-2], *maps.shape[1:])


def _agreement_of_block(
    block: np.ndarray, *, handle: EnsembleHandle, sampling: float, symmetrise: bool
) -> np.ndarray:
    from hyperspy_dlatoms.detection.mapping import agreement_maps

    frames = block.reshape(-1, *block.shape[-2:])
    return agreement_maps(frames, sampling, handle.get(), symmetrise=symmetrise).reshape(
        block.shape
    )


def _signal_axes(signal: Signal2D) -> tuple:
    x, y = signal.axes_manager.signal_axes
    return y, x


def _axes_dictionaries(signal: Signal2D, *, navigation: bool) -> list[dict]:
    manager = signal.axes_manager
    axes = manager.navigation_axes if navigation else manager.signal_axes
    return [axis.get_axis_dictionary() for axis in reversed(axes)]


def _metadata(signal: Signal2D, model: Model, sampling: Sampling) -> dict:
    card, members = model.card, model.members
    vectors = {
        "model": card.name,
        "model_version": card.version,
        "sampling": list(sampling),
        "species": list(card.classes),
    }
    if members:
        vectors["members"] = [member.name for member in members]
    kept = signal.metadata.as_dictionary()
    metadata = {key: kept[key] for key in ("General", "Acquisition_instrument") if key in kept}
    return metadata | {"VectorMetadata": vectors}


def _add_search(metadata: dict, signal: Signal2D, model: Model, search: Search) -> dict:
    axes = _signal_axes(signal)
    metadata["Signal"] = {"signal_type": AtomPositions._signal_type}
    metadata["VectorMetadata"] |= {
        "column_names": columns_of(model.card, model.members),
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
    return metadata


def _threshold(model: Model, search: Search) -> float | list[float]:
    """Give the threshold, or one for each member of an ensemble where they have their own."""
    if search.threshold is not None:
        return float(search.threshold)
    if model.members:
        return [member.threshold for member in model.members]
    return model.card.threshold


def _check_signal(signal: Signal2D) -> None:
    dtype = signal.data.dtype
    if dtype.names is not None:
        raise TypeError(
            f"The images are in colour (dtype {dtype}): expected one real number a pixel. "
            "Use signal.change_dtype('uint8') and pick or add up the channels."
        )
    if dtype.kind not in "biuf":
        raise TypeError(
            f"The images have dtype {dtype}: expected real numbers. "
            "Take the amplitude, phase or real part of complex images."
        )
