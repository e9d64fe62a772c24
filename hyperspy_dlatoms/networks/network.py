# SPDX-License-Identifier: GPL-3.0-or-later
"""A loaded network: images in, maps of sites out."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms._doing import doing
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks._folding import fill, fold
from hyperspy_dlatoms.networks._precision import precision as precision_of
from hyperspy_dlatoms.networks._scattering import encode_material
from hyperspy_dlatoms.networks._weights import weights_of
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import Domain
from hyperspy_dlatoms.networks.maps import REACH, SiteMaps, with_levels, with_maps
from hyperspy_dlatoms.networks.model_file import ModelFileError, open_model, write_model
from hyperspy_dlatoms.networks.running import POLICIES, Call, compiled, engine, policy
from hyperspy_dlatoms.networks.waves import from_cells

if TYPE_CHECKING:
    import keras

_loading = threading.RLock()


class AtomNetwork:
    """A trained network and its card.

    Parameters
    ----------
    card : ModelCard
        Its card.
    model : keras.Model or None
        Built by :func:`hyperspy_dlatoms.networks.build`, with its weights; None if they come from
        a file.
    path : pathlib.Path, optional
        The file it was read from.
    domain : Domain, optional
        The domain; None if none was fitted.
    folded : keras.Model, optional
        Runs the weights of a file, see `hyperspy_dlatoms.networks._folding`; None if ONNX Runtime
        does.
    weights : dict of str to numpy.ndarray, optional
        The weights of the file, by name.
    """

    def __init__(
        self,
        card: ModelCard,
        model: keras.Model | None,
        path: Path | None = None,
        domain: Domain | None = None,
        *,
        folded: keras.Model | None = None,
        weights: dict[str, np.ndarray] | None = None,
    ) -> None:
        self.card = card
        self._model, self._weights = model, weights or {}
        self.path = path
        self.domain = domain
        self.receptive_radius = int(architecture.receptive_radius(card.arguments))
        """Distance in working px within which pixels act on a cell."""
        self.grid_multiple = int(architecture.grid_multiple(card.arguments))
        """The sides of an image must be multiples of this, in working px."""
        self.takes_elements = bool(card.arguments.get("material", False))
        """Whether the network can be told the elements of a layer."""
        self._lock = threading.Lock()
        if model is not None:
            folded = fold(card, model)
        self.precision = "float32" if folded is None else folded.get_layer("stem").compute_dtype
        """Precision of the convolutions, ``"float32"`` or ``"bfloat16"``."""
        self._of_keras = folded is not None
        if folded is None:
            self._call, self._parts = _by_onnx(card, self._weights)
        else:
            self._call, self._parts = _by_keras(card, folded)

    def __repr__(self) -> str:
        return f"<AtomNetwork {self.card.name} {self.card.version}>"

    def _repr_html_(self) -> str:
        return self.card._repr_html_()

    def __reduce__(self):
        if self.path is None:
            raise ValueError(
                f"The network {self.card.name!r} is only in memory, so it cannot be sent to other "
                "processes: save it to a file with `save` and load that."
            )
        return AtomNetwork.load, (self.path, self.precision)

    @classmethod
    def from_model(
        cls, card: ModelCard, model: keras.Model, domain: Domain | None = None
    ) -> AtomNetwork:
        """Wrap a Keras model with its weights, and its domain if one was fitted."""
        return cls(card, model, domain=domain)

    @classmethod
    def load(cls, path: str | os.PathLike[str], precision: str | None = None) -> AtomNetwork:
        """Read a network from a model file; one already read and since unchanged is reused.

        Parameters
        ----------
        path : str or os.PathLike
            Model file.
        precision : {"float32", "bfloat16"}, optional
            Precision of its convolutions. By default that of the environment variable
            ``HYPERSPY_DLATOMS_PRECISION``, or else bfloat16 where that is faster and the card says
            that the network is as accurate in it.

        Returns
        -------
        AtomNetwork

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If it is not a model file, is damaged, or its weights do not fit its architecture.
        ValueError
            If the requested precision is unknown.
        """
        if precision and precision not in POLICIES:
            raise ValueError(f"precision is {precision!r}: expected one of {', '.join(POLICIES)}.")
        path = Path(path).absolute()
        # Threads that ask for the same network at once share one.
        with _loading:
            file = open_model(path)
            return _built(path, file.sha256, precision or precision_of(file.card), engine())

    @property
    def model(self) -> Any:
        """The Keras model as it was trained, built at first use; None if ONNX Runtime runs it."""
        with _loading:
            if self._model is None and self._of_keras:
                with policy(POLICIES[self.precision]):
                    self._model = architecture.build(self.card.arguments, len(self.card.classes))
                for variable in self._model.weights:
                    variable.assign(self._weights[variable.path])
        return self._model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, and its domain if it has one, to a model file (float16).

        Parameters
        ----------
        path : str or os.PathLike
            File to write.
        """
        arrays = self._weights
        if self._model is not None:
            from keras.ops import convert_to_numpy

            arrays = {one.path: convert_to_numpy(one) for one in self._model.weights}
        write_model(path, self.card, arrays | (self.domain.to_arrays() if self.domain else {}))

    def maps(
        self,
        batch: np.ndarray,
        defoci: Sequence[float] | None = None,
        elements: Sequence[str] | None = None,
    ) -> SiteMaps:
        """Run the network on normalised images at its own sampling.

        Parameters
        ----------
        batch : numpy.ndarray
            Float32 array of shape (n, h, w), or (n, images, h, w) for a network of focal series; h
            and w multiples of `grid_multiple`.
        defoci : sequence of float, optional
            Defoci of the images of a focal series (Å), positive for underfocus; None if unknown.
        elements : sequence of str, optional
            The metal and the chalcogen of a layer, for a network that takes them; None if
            unknown.

        Returns
        -------
        SiteMaps
            On the grid of cells, (h / stride, w / stride).

        Raises
        ------
        ValueError
            If the shape of `batch` or the number of defoci does not fit, or if the network returns
            exit waves or takes no elements.
        """
        return self.infer(batch, defoci, elements)[0]

    def infer(
        self,
        batch: np.ndarray,
        defoci: Sequence[float] | None = None,
        elements: Sequence[str] | None = None,
    ) -> tuple[SiteMaps, np.ndarray]:
        """Return the maps of a batch, and the features of all levels on the coarsest grid.

        The features come from the same pass and have shape (n, h / grid_multiple,
        w / grid_multiple, C), float32; the domain score is computed from them.
        """
        if self.card.kind != "sites":
            raise ValueError(f"{self.card.name!r} returns exit waves, not sites: use `waves`.")
        *parts, levels = self._run(batch, defoci, elements)
        maps = SiteMaps(**dict(zip(self._parts, parts, strict=True)))
        return maps, _with_sites(levels, maps.probability)

    def waves(
        self,
        batch: np.ndarray,
        defoci: Sequence[float] | None = None,
        elements: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Return exit waves, complex64 (n, h, w), from the contrast of series (n, images, h, w).

        See `normalisation.contrast_of_series` for the contrast, and `waves.band_limited` for the
        phase and scale of the waves.
        """
        if self.card.kind != "exit wave":
            raise ValueError(f"{self.card.name!r} finds sites, not exit waves: use `maps`.")
        return from_cells(self._run(batch, defoci, elements)[0])

    def _run(
        self,
        batch: np.ndarray,
        defoci: Sequence[float] | None,
        elements: Sequence[str] | None = None,
    ) -> tuple[np.ndarray, ...]:
        """Check a batch; return the maps, or the waves, and the levels."""
        batch = np.asarray(batch, dtype=np.float32)
        multiple, series = self.grid_multiple, (self.card.images,) if self.card.images > 1 else ()
        fits = batch.ndim == 3 + len(series) and batch.shape[1:-2] == series
        if not fits or batch.shape[-2] % multiple or batch.shape[-1] % multiple:
            expected = ", ".join(["n", *map(str, series), "h", "w"])
            raise ValueError(
                f"The batch has shape {batch.shape}, expected ({expected}) with h and w multiples "
                f"of {multiple} working px."
            )
        inputs = [np.moveaxis(batch, 1, -1) if series else batch[..., np.newaxis]]
        if series:
            code = architecture.encode_defoci(defoci, self.card.images)
            if self.takes_elements:
                of_wave = self.card.arguments.get("wave", False)
                code = np.concatenate([code, encode_material(elements, strength=of_wave)])
            inputs.append(np.broadcast_to(code, (len(batch), *code.shape)))
        elif defoci is not None:
            raise ValueError(
                f"{self.card.name!r} takes single images, expected no defoci, got {defoci!r}."
            )
        if elements is not None and not self.takes_elements:
            raise ValueError(f"{self.card.name!r} takes no elements, got {elements!r}.")
        if self._of_keras:
            from keras import ops

            # Copied to the device while another thread computes.
            inputs = [ops.convert_to_tensor(one) for one in inputs]
        with self._lock:
            return self._call(*inputs)


def _with_sites(levels: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Add to the features (n, h, w, C) of each coarse cell three that describe the sites in it."""
    # The means of p and of p (1 - p), p the probability of a site of any class on the network's own
    # cells (n, m h, m w, K), and the largest p.
    n, rows, columns, _ = levels.shape
    p = probability.sum(axis=-1)
    finer = p.shape[1] // rows, p.shape[2] // columns
    p = p.reshape(n, rows, finer[0], p.shape[2])

    def over_cells(reduce: np.ufunc, values: np.ndarray) -> np.ndarray:
        # Along whole rows first, which is faster.
        of_rows = reduce.reduce(values, axis=2)
        return reduce.reduce(of_rows.reshape(n, rows, columns, finer[1]), axis=3)

    mean, squares = (over_cells(np.add, one) / (finer[0] * finer[1]) for one in (p, np.square(p)))
    sites = np.stack([mean, mean - squares, over_cells(np.maximum, p)], axis=-1)
    return np.concatenate([levels, sites], axis=-1).astype(np.float32, copy=False)


def _by_keras(card: ModelCard, folded: keras.Model) -> tuple[Call, tuple[str, ...]]:
    """Return a function that runs a folded model, and the names of the maps it returns first."""
    whole, parts = with_levels(folded), ()
    if card.kind == "sites":
        n_decoys, reach = len(card.arguments.get("decoys", ())), REACH / card.sampling
        whole, parts = with_maps(whole, len(card.classes), n_decoys, reach)
    return compiled(whole), parts


def _by_onnx(card: ModelCard, weights: dict[str, np.ndarray]) -> tuple[Call, tuple[str, ...]]:
    """Return the same for the weights of a model file, run by ONNX Runtime."""
    from hyperspy_dlatoms.networks._onnx import session

    call, names = session(card, weights)
    return call, names[:-1] if card.kind == "sites" else ()


@lru_cache(maxsize=8)
def _built(path: Path, sha256: str, chosen: str, by: str) -> AtomNetwork:
    """Build the network of a model file, once for each content, precision and engine."""
    card, arrays, _ = open_model(path)
    weights = weights_of(path, card, arrays)
    folded = None
    if by == "keras":
        with doing(f"Loading the network {card.name!r}"), policy(POLICIES[chosen]):
            folded = architecture.build(card.arguments, len(card.classes), folded=True)
        fill(folded, weights)
    try:
        domain = Domain.from_arrays(arrays)
        if domain is not None and "sampling" in card.domain:
            # The card may say, from later measurements, that coarser images are read as well.
            domain = replace(domain, sampling=np.array(card.domain["sampling"], np.float32))
    except ValueError as error:
        raise ModelFileError(f"{str(path)!r}: {error}.") from error
    return AtomNetwork(card, None, path, domain, folded=folded, weights=weights)
