# SPDX-License-Identifier: GPL-3.0-or-later
"""Time to search a lazy movie on one worker process and on two, each with one core."""

import argparse
import statistics
import time

import dask
from movies import noise

LEAST = 1.7
"""Factor by which two workers must be faster than one."""


def measure(workers: int, frames: int, rounds: int) -> float:
    """Return the median time for a movie, in seconds."""
    from distributed import Client, LocalCluster

    import hyperspy_dlatoms  # noqa: F401

    signal = noise(frames)
    # A worker with one thread should use one core, whatever TensorFlow detects.
    one_core = {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": one_core}),
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        seconds = []
        for _ in range(rounds + 1):
            atoms = signal.find_atoms_nn(
                "metal-nanoparticle", on_extrapolation="ignore", lazy_output=True
            )
            start = time.perf_counter()
            atoms.compute(show_progressbar=False)
            seconds.append(time.perf_counter() - start)
    # In the first round each worker imports TensorFlow.
    return statistics.median(seconds[1:])


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=128, help="of the movie (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each (%(default)s)")
    options = parser.parse_args()
    one, two = (measure(workers, options.frames, options.rounds) for workers in (1, 2))
    print(
        f"{options.frames} frames of 1024²: one worker {one:.1f} s, two {two:.1f} s, "
        f"{one / two:.2f} times as fast (expected {LEAST} or more)"
    )


if __name__ == "__main__":
    main()
