# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of a lazy stack of 2000 frames of 1024² with a store, against that of 100 frames."""

import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

FEW, MANY = 100, 2000
LIMIT = 1.1


def measure(frames: int) -> None:
    """Find the atoms of a stack that is made frame by frame, and say what it took."""
    import dask.array as da
    import hyperspy.api as hs

    import hyperspy_dlatoms  # noqa: F401

    def noisy(block_info=None) -> np.ndarray:
        first, last = block_info[None]["array-location"][0]
        rng = np.random.default_rng(first)
        return rng.poisson(20, (last - first, 1024, 1024)).astype(np.uint16)

    stack = da.map_blocks(
        noisy,
        chunks=((4,) * (frames // 4), (1024,), (1024,)),
        dtype=np.uint16,
        meta=np.empty((0, 0, 0), np.uint16),
    )
    signal = hs.signals.Signal2D(stack).as_lazy()
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.1, "Å"
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
