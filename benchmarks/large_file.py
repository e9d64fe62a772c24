# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie of 30 GiB, larger than the memory allowed, from a file through a store to a table.

The file is a Zarr array of 4096² frames at 0.05 Å/px. A few frames are repeated by links, so that
it takes 128 MiB of disk but reads like any other file. For comparison, the script also prints
the time that reading alone takes, with as many threads::

    python benchmarks/large_file.py
    python benchmarks/large_file.py --gib 2
    python benchmarks/large_file.py --gib 20 --side 1024 --compressed    # 10 000 frames of 1024²
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import dask.array as da
import hyperspy.api as hs
import numpy as np
import zarr
from dask.diagnostics import ProgressBar
from movies import calibrated, image

import hyperspy_dlatoms  # noqa: F401

SAMPLING, DIFFERENT = {4096: 0.05, 1024: 0.1}, 4
"""Å/px for each frame size, and the number of different frames."""

LIMIT = 2.0
"""Peak memory allowed (GiB), little beside the file's 30."""


def movie(path: Path, frames: int, side: int, compressed: bool) -> None:
    """Make the file, compressed by Zarr's default or not at all."""
    shape, chunk = (frames, side, side), (1, side, side)
    compressors = "auto" if compressed else None
    array = zarr.create_array(
        path, shape=shape, chunks=chunk, dtype=np.uint16, compressors=compressors
    )
    frame = image(side, SAMPLING[side])
    for number in range(DIFFERENT):
        array[number] = np.roll(frame, 97 * number, axis=(0, 1))
    for number in range(DIFFERENT, frames):
        (path / "c" / str(number) / "0").mkdir(parents=True)
        first = path / "c" / str(number % DIFFERENT) / "0" / "0"
        os.link(first, path / "c" / str(number) / "0" / "0")


def main() -> None:
    """Find the atoms in the movie, write the table, and print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=30.0, help="of the file (%(default)s)")
    parser.add_argument("--side", type=int, choices=SAMPLING, default=4096, help="px (%(default)s)")
    parser.add_argument("--compressed", action="store_true")
    options = parser.parse_args()
    side = options.side
    frames = max(int(options.gib * 2**30 / (2 * side**2)), DIFFERENT)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "movie.zarr")
        movie(path, frames, side, options.compressed)
        stack = da.from_zarr(path)
        start, busy = time.perf_counter(), time.process_time()
        stack.max(axis=(1, 2)).compute()
        read, read_busy = time.perf_counter() - start, time.process_time() - busy
        signal = calibrated(hs.signals.Signal2D(stack).as_lazy(), SAMPLING[side])
        start, busy = time.perf_counter(), time.process_time()
        atoms = signal.find_atoms_nn(
            "metal-nanoparticle",
            store=Path(directory, "atoms"),
            on_extrapolation="ignore",
            show_progressbar=True,
        )
        found, found_busy = time.perf_counter() - start, time.process_time() - busy
        with ProgressBar(minimum=60):
            atoms.to_csv(Path(directory, "atoms.csv"))
        seconds = time.perf_counter() - start
        size = Path(directory, "atoms.csv").stat().st_size / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{frames} frames of {side}² ({frames * 2 * side**2 / 2**30:.1f} GiB): {seconds:.0f} s, "
        f"{frames / found:.2f} frames a second, a table of {size:.3f} GiB; "
        f"peak {peak:.2f} GiB (limit {LIMIT:g})\n"
        f"reading alone {read:.1f} s, finding {found / read:.1f} times as long; in CPU time "
        f"{read_busy:.1f} and {found_busy:.1f} s, {found_busy / read_busy:.1f} times"
    )


if __name__ == "__main__":
    main()
