# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of a frame, end to end, beside what people use today.

Each peer runs in an environment of its own, which is made at the first time::

    python benchmarks/speed.py
    python benchmarks/speed.py --peers ours find_peaks
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

import numpy as np
from movies import SPACING, image, signal_of

FRAMES = {"4096": (4096, 0.05), "1024": (1024, 0.1)}
PEERS = {
    "ours": [],
    "find_peaks": [],
    # mendeleev, which it needs, does not say that it needs six.
    "atomai": ["atomai", "six"],
}
"""What each peer needs besides NumPy; what needs nothing runs in this environment."""

TARGETS = (
    ("4096", "atomai", "seconds", 60.0),
    ("4096", "atomai", "memory", 8.0),
    ("1024", "atomai", "seconds", 10.0),
    ("4096", "find_peaks", "seconds", 1.0),
)


def ours(frame: np.ndarray, sampling: float):
    """Return a function that finds the atoms by the network."""
    import hyperspy_dlatoms  # noqa: F401

    signal = signal_of(frame, sampling)
    return lambda: signal.find_atoms_nn(
        "metal-nanoparticle", on_extrapolation="ignore", show_progressbar=False
    )


def find_peaks(frame: np.ndarray, sampling: float):
    """Return a function that finds the maxima by HyperSpy."""
    signal = signal_of(frame.astype(np.float32), sampling)
    return lambda: signal.find_peaks(
        method="local_max", min_distance=round(SPACING / sampling / 3), interactive=False
    )


def atomai(frame: np.ndarray, sampling: float):
    """Return a function that finds the atoms by AtomAI's default network, with random weights."""
    from atomai.models import Segmentor

    model = Segmentor("Unet")
    return lambda: model.predict(frame.astype(np.float32), verbose=False)


def measure(peer: str, name: str, rounds: int) -> None:
    """Time a peer in this process, and print seconds and peak memory."""
    frame = image(*FRAMES[name])
    find = globals()[peer](frame, FRAMES[name][1])
    find()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        find()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "memory": peak}))


def python_of(peer: str, environments: Path) -> str:
    """Return the interpreter that has the peer; its environment is made if it is not there."""
    if not PEERS[peer]:
        return sys.executable
    directory = environments / peer
    python = directory / "bin" / "python"
    if not python.exists():
        print(f"installing {peer}", flush=True)
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
    return str(python)


def main() -> None:
    """Measure all peers in turn, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=5, help="of each (%(default)s)")
    parser.add_argument("--environments", type=Path, default=Path("data/environments"))
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "FRAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, options.rounds)
        return
    measured = {}
    for name, (side, sampling) in FRAMES.items():
        for peer in options.peers:
            command = [python_of(peer, options.environments), __file__]
            command += ["--measure", peer, name, "--rounds", str(options.rounds)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            result = json.loads(answer.stdout.splitlines()[-1])
            median = statistics.median(result["seconds"])
            measured[name, peer] = {"seconds": median, "memory": result["memory"]}
            print(
                f"{side}² at {sampling} Å/px  {peer:12s} {median:7.2f} s "
                f"({min(result['seconds']):.2f}-{max(result['seconds']):.2f})  "
                f"{result['memory']:5.2f} GiB",
                flush=True,
            )
    for name, peer, what, least in TARGETS:
        if {(name, peer), (name, "ours")} <= measured.keys():
            ratio = measured[name, peer][what] / measured[name, "ours"][what]
            print(
                f"{name}²: {peer} takes {ratio:.1f} times our {what} (expected {least:g} or more)"
            )


if __name__ == "__main__":
    main()
