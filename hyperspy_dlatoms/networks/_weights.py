# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the weights in a model file match its card, before a network is built from them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks._folding import OF_NORM, trained
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import PREFIX
from hyperspy_dlatoms.networks.model_file import ModelFileError

# Working px, ten times the receptive radius of the shipped networks.
_LARGEST_RADIUS = 2048
_VARIANCE = f"/{OF_NORM[-1]}"


def weights_of(path: Path, card: ModelCard, arrays: Mapping[str, np.ndarray]) -> dict:
    """Return the weights in a model file; ModelFileError if they do not match its card."""
    if card.architecture != "unet":
        raise ModelFileError(
            f"{str(path)!r} has the architecture {card.architecture!r}, but this version of "
            "hyperspy-dlatoms only knows 'unet': update hyperspy-dlatoms."
        )
    if card.stride != architecture.STRIDE:
        raise ModelFileError(
            f"{str(path)!r}: its card has the stride {card.stride}, expected "
            f"{architecture.STRIDE}, that of {card.architecture!r}."
        )
    weights = {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}
    try:
        shapes = trained(architecture.shapes(card.arguments, len(card.classes)), weights)
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"{str(path)!r}: no {card.architecture!r} can be built from the arguments "
            f"{card.arguments!r} of its card ({error})."
        ) from error
    if wrong := _difference(shapes, weights):
        raise ModelFileError(
            f"{str(path)!r} does not match its card: of the weights of its architecture, {wrong}. "
            "Fetch or copy it again."
        )
    # By now the file is known to hold all the weights of a network this large.
    radius = architecture.receptive_radius(card.arguments)
    if radius > _LARGEST_RADIUS:
        raise ModelFileError(
            f"{str(path)!r} does not match its card, whose arguments describe a network with a "
            f"receptive radius of {radius} px: at most {_LARGEST_RADIUS} px are allowed."
        )
    for name, array in weights.items():
        if name.endswith(_VARIANCE) and (array < 0).any():
            raise ModelFileError(
                f"{str(path)!r}: the array {name!r} holds negative variances: the file is "
                "damaged, fetch or copy it again."
            )
    return weights


def _difference(shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]) -> str:
    """Say how arrays differ from shapes by name; empty if they do not."""
    missing = sorted(shapes.keys() - arrays.keys())
    extra = sorted(arrays.keys() - shapes.keys())
    if missing or extra:
        return f"{_some(missing)} missing, {_some(extra)} too many"
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            return f"the array {name!r} has shape {arrays[name].shape}, expected {shape}"
    return ""


def _some(names: list[str], most: int = 3) -> str:
    if not names:
        return "none"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" * (len(names) > most))
