# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampling of images, found in them, and compared with the one that is stated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.analysis.lattice import elements_of, has_lattice, lattices_of
from hyperspy_dlatoms.detection.contradiction import contradiction, is_no_sheet
from hyperspy_dlatoms.detection.sampling import estimate_sampling as estimate_from_frames
from hyperspy_dlatoms.signals._axes import Sampling, frame_sampling
from hyperspy_dlatoms.signals._model import Model, resolve

if TYPE_CHECKING:
    import ase
    from hyperspy.misc.utils import DictionaryTreeBrowser
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.registry.catalogue import ModelLike

ESTIMATE = "estimate"
"""Stands for a sampling that is to be found in the images."""

_FRAMES = 3


def estimate_sampling(
    signal: Signal2D,
    model: ModelLike | Model,
    material: str | ase.Atoms | None = None,
    frames: int = _FRAMES,
) -> float:
    """Find the sampling of images; the arguments are those of ``Signal2D.estimate_sampling``.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : str, pathlib.Path, AtomNetwork, AtomEnsemble, list, tuple or Model
        The network, or several.
    material : str, ase.Atoms or None
        What is in the images; from the metadata, or what the network knows, where None.
    frames : int
        How many images are looked at.

    Returns
    -------
    float
        Å/px.
    """
    if isinstance(frames, bool) or not isinstance(frames, Integral):
        raise TypeError(f"frames is {frames!r}: expected a whole number of images.")
    if frames < 1:
        raise ValueError(f"frames is {frames}: expected 1 or more.")
    model = model if isinstance(model, Model) else resolve(model)
    images = model.card.images
    if images > 1:
        raise ValueError(
            f"{model.card.name!r} looks at focal series of {images} images: estimate the sampling "
            "with a network of single images, or set the signal axes."
        )
    materials = materials_in(signal, model) if material is None else (material,)
    return estimate_from_frames(_some_images(signal, frames), model.handle.get(), materials)


def sampling_of(signal: Signal2D, model: Model, sampling: float | str | None) -> Sampling:
    """Return the sampling of images as it is stated, or found in them.

    Parameters
    ----------
    signal : Signal2D
        Images.
    model : Model
        The network that finds it where `sampling` is ``"estimate"``.
    sampling : float, "estimate" or None
        Å/px; from the signal axes where None.

    Returns
    -------
    Sampling
        Å/px along y and x.
    """
    if isinstance(sampling, str) and sampling == ESTIMATE:
        found = estimate_sampling(signal, model)
        return Sampling(found, found)
    x, y = signal.axes_manager.signal_axes
    return frame_sampling((y, x), sampling)


def materials_in(signal: Signal2D, model: Model) -> tuple[str, ...]:
    """Name the materials that a network knows, those in the metadata where any of them is there.

    Parameters
    ----------
    signal : Signal2D
        Images; ``metadata.Sample.elements`` may list chemical symbols.
    model : Model
        The network.

    Returns
    -------
    tuple of str
        As the model card names them.
    """
    known = tuple(filter(has_lattice, model.card.materials))
    elements = set(signal.metadata.get_item("Sample.elements", []))
    return tuple(name for name in known if elements_of(name) <= elements) or known


def compare(vectors: DictionaryTreeBrowser, found: np.ndarray) -> None:
    """Warn of a calibration that the atoms found contradict.

    Parameters
    ----------
    vectors : hyperspy.misc.utils.DictionaryTreeBrowser
        With `model`, `sampling` (Å/px) and `materials`; without the last nothing is compared.
    found : numpy.ndarray
        Object array of the atoms of each frame, see `AtomPositions`.

    Warns
    -----
    UserWarning
        Where the lattice of the atoms suggests a sampling that is more than a tenth off, or where
        they are to be a sheet, and make no lattice of it.
    """
    materials = vectors.get_item("materials", [])
    if not materials:
        return
    y, x = vectors.sampling
    stated = (y * x) ** 0.5
    frames, lattices = list(found.ravel()), lattices_of(materials)
    estimate = contradiction(frames, stated, lattices)
    if estimate is not None:
        suggested = _listed(estimate.samplings)
        warnings.warn(
            f"The atoms that {vectors.model!r} found make a lattice, {estimate.zone}, that "
            f"suggests a sampling of {suggested}, not of {stated:.4g} Å/px as is stated: either "
            "the calibration is wrong, or it is another material.",
            stacklevel=4,
        )
    elif is_no_sheet(frames, lattices):
        warnings.warn(
            f"The sites that {vectors.model!r} found do not make the lattice of "
            f"{', '.join(materials)}: either the calibration of {stated:.4g} Å/px is wrong, or it "
            "is another material. `estimate_sampling` may tell the calibration.",
            stacklevel=4,
        )


def _listed(samplings: dict[str, float]) -> str:
    values = sorted(samplings.values())
    text = f"{values[0]:.4g}"
    if len(values) > 1:
        text += f" to {values[-1]:.4g}"
    return f"{text} Å/px for {', '.join(samplings)}"


def _some_images(signal: Signal2D, number: int) -> np.ndarray:
    """Read a few images, evenly spread, shape (n, H, W)."""
    shape = signal.data.shape[:-2]
    count = int(np.prod(shape))
    chosen: Sequence[int] = np.unique(np.linspace(0, count - 1, min(number, count)).round())
    indices = [np.unravel_index(int(one), shape) if shape else () for one in chosen]
    return np.stack([np.asarray(signal.data[index]) for index in indices])
