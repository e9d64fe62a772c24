# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a network over a signal, one block of frames after another."""

from __future__ import annotations

from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dask.array as da
import numpy as np
from hyperspy.signals import LazySignal2D, Signal2D

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.signals import export
from hyperspy_dlatoms.signals.atom_positions import AtomPositions, LazyAtomPositions
from hyperspy_dlatoms.signals.sampling import Sampling, frame_sampling

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork, NetworkHandle

#: Frames are grouped into blocks of about so many bytes; one frame is never cut.
_BLOCK_SIZE = 32 * 2**20


class Output(NamedTuple):
    """How the result is computed.

    Attributes
    ----------
    show_progressbar : bool or None
        Whether to show a progress bar; HyperSpy's preference where None.
    num_workers : int or None
        How many blocks are worked on at once; dask's default where None.
    lazy : bool or None
        Whether the result stays lazy; as the signal is where None.
    """

    show_progressbar: bool | None
    num_workers: int | None
    lazy: bool | None


class Model(NamedTuple):
    """A network that is loaded where it is needed.

    Attributes
    ----------
    handle : NetworkHandle
        Loads the network, once in a process.
    card : ModelCard
        Its card.
    """

    handle: NetworkHandle
    card: ModelCard


def resolve(model: str | Path | AtomNetwork) -> Model:
    """Return the handle and the card of a network without loading it.

    Parameters
    ----------
    model : str, pathlib.Path or AtomNetwork
        A name in the registry, the path of a model file, or a loaded network.

    Returns
    -------
    Model
        What `find_atoms` and `predict_atoms` need to know of it.
    """
    from hyperspy_dlatoms.networks.model_file import read_model
    from hyperspy_dlatoms.registry import catalogue

    handle = catalogue.handle(model)
    return Model(handle, read_model(handle.path)[0])


def find_atoms(
    signal: Signal2D,
    model: str | Path | AtomNetwork,
    *,
    sampling: float | None,
    threshold: float | None,
    output: Output,
) -> AtomPositions:
    """Find the atoms of every frame; the arguments are those of ``Signal2D.find_atoms_nn``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, pathlib.Path or AtomNetwork
        The network.
    sampling : float or None
        Å/px; from the signal axes where None.
    threshold : float or None
        The least probability of a site; the card's where None.
    output : Output
        How the result is computed.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        The atoms of each frame.
    """
    _check_signal(signal)
    _check_output(output)
    _check_threshold(threshold)
    sampling = frame_sampling(_signal_axes(signal), sampling)
    handle, card = resolve(model)
    threshold = card.threshold if threshold is None else float(threshold)
    frames = _frames(signal)
    navigation = frames.ndim - 2
    sites = da.map_blocks(
        _sites_of_block,
        frames,
        dtype=object,
        drop_axis=[navigation, navigation + 1],
        # Without it dask would call the function on an empty block to learn what comes out.
        meta=np.empty((0,) * navigation, object),
        handle=handle,
        sampling=sampling.mean,
        threshold=threshold,
    )
    atoms = LazyAtomPositions(
        sites,
        axes=_axes_dictionaries(signal, navigation=True),
        metadata=_metadata(signal, card, sampling, threshold),
        ragged=True,
    )
    return _finish(atoms, signal, output)


def predict_atoms(
    signal: Signal2D,
    model: str | Path | AtomNetwork,
    *,
    sampling: float | None,
    output: Output,
) -> Signal2D:
    """Map the probability of an atom; the arguments are those of ``Signal2D.predict_atoms_nn``.

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

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, with the axes of the signal.
    """
    _check_signal(signal)
    _check_output(output)
    sampling = frame_sampling(_signal_axes(signal), sampling)
    handle, card = resolve(model)
    frames = _frames(signal)
    navigation = frames.ndim - 2
    classes = len(card.classes)
    by_class = (classes,) if classes > 1 else ()
    maps = da.map_blocks(
        _maps_of_block,
        frames,
        dtype=np.float32,
        chunks=(*frames.chunks[:-2], *((n,) for n in by_class), *frames.chunks[-2:]),
        new_axis=[navigation] if by_class else None,
        meta=np.empty((0,) * (frames.ndim + len(by_class)), np.float32),
        handle=handle,
        sampling=sampling.mean,
    )
    axes = _axes_dictionaries(signal, navigation=True)
    if by_class:
        axes.append({"name": "species", "size": classes, "navigate": True})
    if signal.axes_manager.navigation_dimension == 0:
        maps = maps[0]
    probability = LazySignal2D(
        maps,
        axes=axes + _axes_dictionaries(signal, navigation=False),
        metadata=_metadata(signal, card, sampling, None),
    )
    return _finish(probability, signal, output)


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


def _sites_of_block(
    block: np.ndarray, *, handle: NetworkHandle, sampling: float, threshold: float
) -> np.ndarray:
    from hyperspy_dlatoms.detection.detect import find_sites

    frames = block.reshape(-1, *block.shape[-2:])
    sites = np.empty(len(frames), dtype=object)
    for index, found in enumerate(find_sites(frames, sampling, handle.get(), threshold)):
        sites[index] = found
    return sites.reshape(block.shape[:-2])


def _maps_of_block(block: np.ndarray, *, handle: NetworkHandle, sampling: float) -> np.ndarray:
    from hyperspy_dlatoms.detection.detect import probability_maps

    frames = block.reshape(-1, *block.shape[-2:])
    maps = probability_maps(frames, sampling, handle.get())
    if maps.ndim == 4:
        maps = np.moveaxis(maps, -1, 1)
    return maps.reshape(*block.shape[:-2], *maps.shape[1:])


def _signal_axes(signal: Signal2D) -> tuple:
    x, y = signal.axes_manager.signal_axes
    return y, x


def _axes_dictionaries(signal: Signal2D, *, navigation: bool) -> list[dict]:
    manager = signal.axes_manager
    axes = manager.navigation_axes if navigation else manager.signal_axes
    return [axis.get_axis_dictionary() for axis in reversed(axes)]


def _metadata(
    signal: Signal2D, card: ModelCard, sampling: Sampling, threshold: float | None
) -> dict:
    axes = _signal_axes(signal)
    vectors = {
        "model": card.name,
        "model_version": card.version,
        "sampling": list(sampling),
        "species": list(card.classes),
    }
    if threshold is not None:
        vectors |= {
            "threshold": threshold,
            "column_names": [*export.COLUMNS] + ["species"] * (len(card.classes) > 1),
            "image_shape": [int(axis.size) for axis in axes],
            "offsets": [float(axis.offset) if axis.is_uniform else 0.0 for axis in axes],
            "scales": [float(axis.scale) if axis.is_uniform else 1.0 for axis in axes],
            "units": [axis.units if isinstance(axis.units, str) else "" for axis in axes],
        }
    kept = signal.metadata.as_dictionary()
    metadata = {key: kept[key] for key in ("General", "Acquisition_instrument") if key in kept}
    if threshold is not None:
        metadata["Signal"] = {"signal_type": AtomPositions._signal_type}
    return metadata | {"VectorMetadata": vectors}


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


def _check_output(output: Output) -> None:
    workers = output.num_workers
    if workers is None:
        return
    if isinstance(workers, bool) or not isinstance(workers, Integral):
        raise TypeError(f"num_workers is {workers!r}: expected a whole number, or None.")
    if workers < 1:
        raise ValueError(f"num_workers is {workers}: expected 1 or more.")


def _check_threshold(threshold: float | None) -> None:
    if threshold is None:
        return
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise TypeError(f"threshold is {threshold!r}: expected a probability, or None.")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}: expected a probability between 0 and 1.")
