# SPDX-License-Identifier: GPL-3.0-or-later
"""The precision that a network runs in: half precision where it is faster and as accurate."""

import os
from functools import lru_cache
from pathlib import Path

from hyperspy_dlatoms.networks._backend import instructions
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.running import POLICIES, engine, has_accelerator

PRECISION = "HYPERSPY_DLATOMS_PRECISION"  # The environment variable that chooses the precision.
HALF = "bfloat16"  # Key of the comparison of both precisions in the scores of a card.
# The numbers of the comparison that decide.
F1, SHIFT = "F1 in float32 and bfloat16", "rms shift (pm)"
_LOSS = 0.002  # F1 that may be lost: less than the difference between two trainings of one recipe.
# pm: added in quadrature, it raises the error of a column at 1000 e/Å² from 5 to 5.1 pm.
_MOST_SHIFT = 1.0
# Instructions of x86 processors that multiply bfloat16, as Linux and NumPy call them.
_PROCESSOR = {"avx512_bf16", "avx512bf16", "amx_bf16"}
# Compute capability of the first NVIDIA GPUs that multiply it (A100 whitepaper, 2020).
_AMPERE = (8, 0)


def precision(card: ModelCard) -> str:
    """Return the precision that a network runs in, ``"float32"`` or ``"bfloat16"``."""
    # ``HYPERSPY_DLATOMS_PRECISION`` chooses it, else the device and the card. In bfloat16,
    # convolutions have 8 significant bits; sums, weights and results have 24.
    return requested() or (HALF if keeps_accuracy(card) and half_is_faster() else "float32")


def requested() -> str | None:
    """Return the precision that the environment variable chooses; None if it is not set."""
    given = os.environ.get(PRECISION)
    if given and given not in POLICIES:
        raise ValueError(f"{PRECISION} is {given!r}: expected one of {', '.join(POLICIES)}.")
    if given == HALF and engine() == "onnx":
        raise ValueError(
            f"{PRECISION} is {given!r}, but ONNX Runtime runs networks in float32: unset it."
        )
    return given or None


def keeps_accuracy(card: ModelCard) -> bool:
    """Whether a network was measured to find as much, as accurately, in half precision."""
    try:
        measured = card.scores[HALF]
        full, half = measured[F1]
        return bool(full - half <= _LOSS and measured[SHIFT] <= _MOST_SHIFT)
    except (KeyError, TypeError, ValueError):
        # Not measured, or not as `dlatoms calibrate` does.
        return False


def half_is_faster() -> bool:
    """Whether this device multiplies bfloat16 faster than float32."""
    # Looked up, not timed, so that the results of a machine do not depend on its load.
    return engine() == "keras" and _multiplies_half()


@lru_cache(maxsize=1)
def _multiplies_half() -> bool:
    # Importing a backend to look for a GPU takes seconds.
    if _may_have_gpu() and has_accelerator():
        return _capability() >= _AMPERE
    # XLA and PyTorch were slower with it on processors, or were not timed.
    by_tensorflow = os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
    return by_tensorflow and not _PROCESSOR.isdisjoint(instructions())


def _may_have_gpu() -> bool:
    """Whether Linux has the device file of an NVIDIA GPU, or runs under Windows (WSL)."""
    devices = Path("/dev")
    return (devices / "dxg").exists() or any(devices.glob("nvidia[0-9]*"))


def _capability() -> tuple[int, ...]:
    """Return the compute capability of the first GPU, (0,) for other accelerators."""
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details(
            tf.config.list_physical_devices("GPU")[0]
        )
        return details.get("compute_capability", (0,))
    if name == "jax":
        import jax

        capability = getattr(jax.devices()[0], "compute_capability", "0")
        return tuple(map(int, capability.split(".")))
    import torch

    return torch.cuda.get_device_capability()
