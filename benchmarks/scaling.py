# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of a search against frame size, sampling, and the number of frames and of workers.

Each table varies one thing and gives the median and spread of several rounds, from frames in
memory to atoms::

    python benchmarks/scaling.py
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator

import dask.array as da
import hyperspy.api as hs
import numpy as np
from movies import calibrated, image, signal_of
from rich.console import Console
from rich.table import Table

import hyperspy_dlatoms  # noqa: F401

SIDES = (256, 512, 1024, 2048, 4096)
SAMPLINGS = (0.03, 0.05, 0.1, 0.2)
FRAMES = (1, 10, 100)
WORKERS = (1, 2, 4, 8, 16)


def seconds(signal, rounds: int, **options) -> list[float]:
    """Time a search in a signal."""
    taken = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        signal.find_atoms_nn(
            "metal-nanoparticle",
            on_extrapolation="ignore",
            show_progressbar=False,
            lazy_output=False,
            **options,
        )
        taken.append(time.perf_counter() - start)
    return taken[1:]


def movie(frames: int, side: int):
    """Make a lazy movie, one frame per chunk."""
    one = image(side, 0.1)
    stack = da.stack([da.from_array(np.roll(one, number, axis=0)) for number in range(frames)])
    return calibrated(hs.signals.Signal2D(stack).as_lazy(), 0.1)


def tables(rounds: int) -> Iterator[tuple[str, list[tuple[str, float, list[float]]]]]:
    """Yield a title and rows: what varies, number of megapixels, and seconds."""
    yield (
        "frame size, at 0.1 Å/px",
        [
            (f"{side}²", side**2 / 1e6, seconds(signal_of(image(side, 0.1), 0.1), rounds))
            for side in SIDES
        ],
    )
    yield (
        "sampling (Å/px), frames of 1024²",
        [
            (f"{one:g}", 1024**2 / 1e6, seconds(signal_of(image(1024, one), one), rounds))
            for one in SAMPLINGS
        ],
    )
    yield (
        "frames of 512², at 0.1 Å/px",
        [
            (f"{number}", number * 512**2 / 1e6, seconds(movie(number, 512), rounds))
            for number in FRAMES
        ],
    )
    yield (
        "workers (threads), 32 frames of 1024² at 0.1 Å/px",
        [
            (
                f"{number}",
                32 * 1024**2 / 1e6,
                seconds(movie(32, 1024), rounds, num_workers=number),
            )
            for number in WORKERS
            if number <= (os.cpu_count() or 1)
        ],
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of each (%(default)s)")
    options = parser.parse_args()
    for title, rows in tables(options.rounds):
        table = Table("", "median (s)", "spread (s)", "megapixels a second", title=title)
        for name, megapixels, taken in rows:
            median = statistics.median(taken)
            spread = max(taken) - min(taken)
            table.add_row(name, f"{median:.3f}", f"{spread:.3f}", f"{megapixels / median:.1f}")
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
