# SPDX-License-Identifier: GPL-3.0-or-later
"""Latency of `dlatoms watch`: from a frame of 1024² on disk to its table of atoms.

A process writes TIFF frames at a steady rate, as a microscope does: first half of each, then, a
while later, the rest. `benchmarks/scaling.py` gives the highest rate that can be kept up with::

    python benchmarks/watch.py --frames 20 --seconds 1
"""

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from hyperspy_dlatoms import data

SIDE = 1024
SAMPLING = 0.1101  # Sampling of the example image, Å/px.


def write(folder: Path, frames: int, seconds: float) -> None:
    """Write frames of a particle and its mirror images, waiting `seconds` before each."""
    image = data.nanoparticle().data
    frame = np.pad(image, [(0, SIDE - length) for length in image.shape], "symmetric")
    for number in range(frames):
        time.sleep(seconds)
        content = BytesIO()
        Image.fromarray(np.roll(frame, 7 * number, axis=1)).save(content, "tiff")
        with (folder / f"{number:06d}.tif").open("wb") as file:
            file.write(content.getvalue()[: content.tell() // 2])
            file.flush()
            time.sleep(min(0.05, seconds / 4))
            file.write(content.getvalue()[content.tell() // 2 :])


def main() -> None:
    """Run the command beside the writer, and print its summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="between frames (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        source, output = Path(directory, "in"), Path(directory, "out")
        source.mkdir()
        command = [sys.executable, "-m", "hyperspy_dlatoms.cli", "watch", str(source)]
        command += ["-o", str(output), "--model", "metal-nanoparticle", "--sampling", f"{SAMPLING}"]
        command += ["--on-extrapolation", "ignore", "--idle", f"{10 + 2 * options.seconds}"]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        # The command prints a line once the network is loaded.
        started.stdout.readline()
        arguments = (source, options.frames, options.seconds)
        writer = multiprocessing.Process(target=write, args=arguments)
        writer.start()
        summary = ("files", "failed", "latency")
        print(*(line for line in started.stdout if line.startswith(summary)), sep="", end="")
        writer.join()
        tables = len(list(output.glob("*.csv")))
    print(f"{tables} of {options.frames} frames of {SIDE}² have a table")


if __name__ == "__main__":
    main()
