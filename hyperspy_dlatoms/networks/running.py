# SPDX-License-Identifier: GPL-3.0-or-later
"""Running of networks: engine, device, and smaller batches when memory runs out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.networks._backend import import_backend

if TYPE_CHECKING:
    import keras

ENGINE = "HYPERSPY_DLATOMS_ENGINE"  # The environment variable that chooses the engine.
ENGINES = ("keras", "onnx")  # Keras with its backend, or ONNX Runtime on the processor.
# Dtype policies of Keras by the precision of the convolutions.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")

Call = Callable[..., tuple[np.ndarray, ...]]


def engine() -> str:
    """Return what runs networks: ``"keras"``, or ``"onnx"`` if TensorFlow is not installed."""
    given = os.environ.get(ENGINE)
    if given and given not in ENGINES:
        raise ValueError(f"{ENGINE} is {given!r}: expected one of {', '.join(ENGINES)}.")
    if given or os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return given or "keras"
    return "onnx" if _without_tensorflow() else "keras"


@lru_cache(maxsize=1)
def _without_tensorflow() -> bool:
    """Whether ONNX Runtime is installed, but not TensorFlow."""
    return find_spec("tensorflow") is None and find_spec("onnxruntime") is not None


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Build Keras layers in a dtype policy, for instance ``"mixed_bfloat16"``, then go back."""
    import_backend()
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def has_accelerator() -> bool:
    """Whether networks run on an accelerator."""
    return engine() == "keras" and _keras_has_accelerator()


@lru_cache(maxsize=1)
def _keras_has_accelerator() -> bool:
    import_backend()
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if name == "jax":
        import jax

        return jax.default_backend() != "cpu"
    if name == "torch":
        import torch

        return torch.cuda.is_available()
    return False


def compiled(model: keras.Model) -> Call:
    """Return a function of arrays that runs a model; axis 0 of inputs and outputs is frames."""
    import keras

    backends = {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}
    return halving(backends[keras.backend.backend()](model))


def _by_tensorflow(model: keras.Model) -> Call:
    import tensorflow as tf

    signature = [tf.TensorSpec(one.shape, tf.float32) for one in model.inputs]

    # With a signature, new shapes are not traced again.
    @tf.function(reduce_retracing=True, input_signature=signature)
    def call(*inputs):
        return model(_alone(inputs), training=False)

    return lambda *inputs: tuple(one.numpy() for one in call(*map(tf.convert_to_tensor, inputs)))


def _by_jax(model: keras.Model) -> Call:
    import jax

    @jax.jit
    def call(trainable, others, *inputs):
        return model.stateless_call(trainable, others, _alone(inputs), training=False)[0]

    def of_arrays(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        # Passed in, since the trace would capture weights that may change later.
        held = [
            [variable.value for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        return tuple(map(np.asarray, call(*held, *inputs)))

    return of_arrays


def _by_torch(model: keras.Model) -> Call:
    import torch
    from keras.ops import convert_to_numpy

    def of_arrays(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            return tuple(map(convert_to_numpy, model(_alone(inputs), training=False)))

    return of_arrays


def _alone(inputs: tuple) -> Any:
    """Return a single input as it is, and several as a list, as models take them."""
    return inputs[0] if len(inputs) == 1 else list(inputs)


def halving(call: Call) -> Call:
    """Make a function of arrays of frames halve its batch when memory runs out."""

    # It raises MemoryError if a single frame is too large.
    def careful(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            return call(*inputs)
        except Exception as error:
            if not _out_of_memory(error):
                raise
            if len(inputs[0]) < 2:
                raise MemoryError(
                    f"There is not enough memory to run the network on {inputs[0].shape[1]} "
                    f"by {inputs[0].shape[2]} px at once: close other programs that use the "
                    "device, or run on the CPU (CUDA_VISIBLE_DEVICES=-1)."
                ) from error
        # Outside the handler, which would keep alive what the failed call holds.
        half = len(inputs[0]) // 2
        parts = [
            careful(*(one[part] for one in inputs)) for part in (slice(half), slice(half, None))
        ]
        return tuple(map(np.concatenate, zip(*parts, strict=True)))

    return careful


def _out_of_memory(error: Exception) -> bool:
    # Each backend has its own class; JAX uses one for all its errors.
    return type(error).__name__ in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in str(error)
