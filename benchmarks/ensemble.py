# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of `find_atoms_nn` with an ensemble against its first member alone."""

import resource
import subprocess
import sys
import time

import numpy as np
from movies import image, signal_of

LIMIT = 3.2
ROUNDS = 5


def images():
    """Make four noisy frames of 1024² with a lattice of columns."""
    one = image(1024, 0.1).astype(np.float32)
    return signal_of(np.stack([np.roll(one, 7 * number, axis=0) for number in range(4)]), 0.1)


def measure(models: list[str]) -> None:
    """Find the atoms in turn with all members and with the first, and print time and memory."""
    import hyperspy_dlatoms  # noqa: F401

    signal = images()
    ensemble, single = models, models[0]
    took = np.empty((ROUNDS + 1, 2, 2))
    for turn in took:
        for model, clocks in zip((ensemble, single), turn, strict=True):
            start = time.perf_counter(), time.process_time()
            signal.find_atoms_nn(model, show_progressbar=False, num_workers=1)
            clocks[:] = time.perf_counter() - start[0], time.process_time() - start[1]
    several, one = np.median(took[1:], axis=0)
    # On a busy machine, only CPU times can be compared.
    for name, ours, alone in zip(("by the clock", "on the processor"), several, one, strict=True):
        print(
            f"{len(models)} networks: {ours / 4:.2f} s a frame of 1024² {name}, one network "
            f"{alone / 4:.2f} s: {ours / alone:.2f} times (limit {LIMIT})"
        )


def measure_memory(models: list[str]) -> None:
    """Find the atoms once in this process, and print its peak memory in GiB."""
    import hyperspy_dlatoms  # noqa: F401

    model = models if len(models) > 1 else models[0]
    images().find_atoms_nn(model, show_progressbar=False, num_workers=1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main(models: list[str]) -> None:
    """Measure time in one process, and memory in a fresh process each."""
    subprocess.run([sys.executable, __file__, "time", *models], check=True)
    peaks = [
        float(
            subprocess.run(
                [sys.executable, __file__, "memory", *some],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()[-1]
        )
        for some in (models, models[:1])
    ]
    print(
        f"peak memory {peaks[0]:.2f} GiB, of one network {peaks[1]:.2f} GiB: "
        f"{peaks[0] / peaks[1]:.2f} times"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["time"]:
        measure(sys.argv[2:])
    elif sys.argv[1:2] == ["memory"]:
        measure_memory(sys.argv[2:])
    elif len(sys.argv) > 2:
        main(sys.argv[1:])
    else:
        from hyperspy_dlatoms import registry

        main(list(registry.ensembles()["metal-nanoparticle-ensemble"].members))
