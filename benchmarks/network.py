# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames per second of a network alone, on the available device and Keras backend.

The floor is the time its multiply-adds would take at the rate of a large matrix product, measured
on the same device in the same run::

    python benchmarks/network.py
    KERAS_BACKEND=jax python benchmarks/network.py --precision bfloat16
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

LIMIT = 2.0
"""A network may take this many times the floor on a CPU."""

MATRIX = {True: 8192, False: 2048}
"""Rows of the matrices, with and without an accelerator."""


def multiply_adds(model, side: int) -> float:
    """Count the multiply-adds of the convolutions for a square frame."""
    import keras

    total, cells = 0.0, {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            cells[layer.output.name] = side**2
            continue
        first = layer.input[0] if isinstance(layer.input, list) else layer.input
        here = cells[first.name]
        if isinstance(layer, keras.layers.Conv2D):
            here /= layer.strides[0] ** 2
            total += here * np.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.MaxPooling2D):
            here /= 4
        elif isinstance(layer, keras.layers.UpSampling2D):
            here *= 4
        cells[layer.output.name] = here
    return total


def median_of(call: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median of some rounds and their spread (greatest less least), in seconds."""
    call()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), max(seconds) - min(seconds)


def rate_of_matrices(dtype: str, accelerated: bool, rounds: int) -> float:
    """Measure the multiply-adds per second of a matrix product."""
    from keras import ops

    rows = MATRIX[accelerated]
    one = ops.cast(np.random.default_rng(0).normal(size=(rows, rows)), dtype)
    # Reading one number waits until all are computed.
    seconds, _ = median_of(lambda: float(ops.matmul(one, one)[0, 0]), rounds)
    return rows**3 / seconds


def copies(batch: np.ndarray, answers: list[np.ndarray]) -> float:
    """Measure the seconds it takes to move a batch to the device, and the results back."""
    from keras import ops

    on_device = [ops.convert_to_tensor(one) for one in answers]

    def move() -> None:
        float(ops.convert_to_tensor(batch)[0, 0, 0])
        for one in on_device:
            ops.convert_to_numpy(one)

    return median_of(move, 5)[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="metal-nanoparticle")
    parser.add_argument("--side", type=int, default=512, help="working px (%(default)s)")
    parser.add_argument("--batch", type=int, help="frames (64 with an accelerator, else 1)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    options = parser.parse_args()
    os.environ["HYPERSPY_DLATOMS_PRECISION"] = options.precision

    import keras

    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.networks.running import has_accelerator

    network, accelerated = registry.load(options.model), has_accelerator()
    frames = options.batch or (64 if accelerated else 1)
    shape = (frames, options.side, options.side)
    batch = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    answers = list(network.infer(batch)[0][:3])
    whole, spread = median_of(lambda: network.infer(batch), options.rounds)
    rate = rate_of_matrices(options.precision, accelerated, options.rounds)
    floor = frames * multiply_adds(network.model, options.side) / rate
    moved = copies(batch, answers)
    device = "an accelerator" if accelerated else f"the CPU, {os.cpu_count()} cores"
    print(f"{keras.backend.backend()} on {device}, {options.precision}, {frames} x {options.side}²")
    print(f"frames a second   {frames / whole:.1f} (a batch {whole:.4f} s, spread {spread:.4f} s)")
    print(
        f"matrix product    {2e-9 * rate:.0f} GFLOP/s, "
        f"of which the network reaches {floor / whole:.0%}"
    )
    print(f"copies            {moved / whole:.1%} of the time")
    print(f"time over floor   {whole / floor:.2f} (limit on a CPU {LIMIT:g})")


if __name__ == "__main__":
    main()
