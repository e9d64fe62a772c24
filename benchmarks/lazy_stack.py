# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of a lazy stack of 2000 frames of 1024² with a store, against 100 frames."""

import resource
import subprocess
import sys
import tempfile
import time

from movies import noise

FEW, MANY = 100, 2000
LIMIT = 1.1


def measure(frames: int) -> None:
    """Find the atoms of a stack that is made frame by frame, and print time and memory."""
    import hyperspy_dlatoms  # noqa: F401

    signal = noise(frames)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as store:
        signal.find_atoms_nn(
            "metal-nanoparticle", store=store, on_extrapolation="ignore", show_progressbar=False
        )
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main() -> None:
    """Measure in fresh processes."""
    peaks = {}
    for frames in (FEW, MANY):
        command = [sys.executable, __file__, str(frames)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds, peaks[frames] = (float(number) for number in answer.split()[-2:])
        print(f"{frames} frames: {seconds / frames:.3f} s a frame, peak {peaks[frames]:.2f} GiB")
    ratio = peaks[MANY] / peaks[FEW]
    print(f"peak memory of {MANY} frames is {ratio:.3f} times that of {FEW} (limit {LIMIT})")


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
