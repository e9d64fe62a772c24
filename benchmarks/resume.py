# SPDX-License-Identifier: GPL-3.0-or-later
"""A search killed at 60 % and resumed: how long the rest takes, and whether results agree."""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from movies import image, signal_of

SIDE, SAMPLING = 1024, 0.1
SHARE = 0.6


def write_movie(path: Path, frames: int) -> None:
    """Write noisy frames with a lattice of columns, a few per chunk."""
    one = image(SIDE, SAMPLING)
    movie = np.stack([np.roll(one, 7 * number, axis=0) for number in range(frames)])
    signal_of(movie, SAMPLING).save(path, chunks=(4, SIDE, SIDE))


def main() -> None:
    """Run once uninterrupted, once killed and resumed, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=160, help="of the movie (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        movie = directory / "movie.hspy"
        write_movie(movie, options.frames)

        def command(name: str, *more: str) -> list[str]:
            find = [sys.executable, "-m", "hyperspy_dlatoms.cli", "find", str(movie)]
            return [*find, "--on-extrapolation", "ignore", "-o", str(directory / name), *more]

        def run(name: str, *more: str) -> float:
            start = time.perf_counter()
            subprocess.run(command(name, *more), check=True, capture_output=True)
            return time.perf_counter() - start

        whole = run("whole.csv")
        # The blocks are of 32 MiB.
        blocks = -(-options.frames // (32 * 2**20 // (2 * SIDE**2)))
        parts = directory / "cut.csv.parts"
        process = subprocess.Popen(
            command("cut.csv"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while len(list(parts.glob("*.npz"))) < SHARE * blocks:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = len(list(parts.glob("*.npz")))
        resumed = run("cut.csv", "--resume")
        same = (directory / "whole.csv").read_bytes() == (directory / "cut.csv").read_bytes()
        print(
            f"{options.frames} frames in {blocks} blocks: killed with {kept} of them written, "
            f"the rest took {resumed:.1f} s, all at once {whole:.1f} s; the tables are "
            f"{'the same' if same else 'DIFFERENT'} to the byte"
        )


if __name__ == "__main__":
    main()
