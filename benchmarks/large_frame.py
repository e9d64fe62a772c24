# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of `find_atoms_nn` on a frame of 8192², against a limit of 3 GiB."""

import resource
import subprocess
import sys
import time

import numpy as np
from movies import signal_of

LIMIT = 3.0


def measure(sampling: float) -> None:
    """Find the atoms of one frame in this process, and print time and memory."""
    import hyperspy_dlatoms  # noqa: F401

    rng = np.random.default_rng(0)
    frame = np.empty((8192, 8192), np.float32)
    x = np.arange(8192) * sampling
    wave = 1 + 0.2 * np.cos(2 * np.pi * x / 2.3)
    for row, factor in zip(frame, wave, strict=True):
        row[:] = rng.poisson(20 * factor * wave)
    signal = signal_of(frame, sampling)
    start = time.perf_counter()
    atoms = signal.find_atoms_nn("metal-nanoparticle", show_progressbar=False)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{sampling} Å/px: {seconds:.1f} s, {seconds / 67.1:.3f} s a megapixel, "
        f"peak {peak:.2f} GiB, {peak / LIMIT:.2f} times the limit, "
        f"{len(atoms.to_dataframe())} sites"
    )


def main() -> None:
    """Measure in fresh processes."""
    for sampling in (0.05, 0.1, 0.2):
        subprocess.run([sys.executable, __file__, str(sampling)], check=True)


if __name__ == "__main__":
    measure(float(sys.argv[1])) if len(sys.argv) > 1 else main()
