# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of a frame, end to end, beside those of baselines.

Each baseline runs in an environment of its own, which is created at first use::

    python benchmarks/speed.py
    python benchmarks/speed.py --baselines ours find_peaks
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
BASELINES = {
    "ours": [],
    "find_peaks": [],
    # mendeleev, which it needs, does not say that it needs six.
    "atomai": ["atomai", "six"],
}
"""Packages of each baseline besides NumPy; one without any runs in this environment."""

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


def measure(baseline: str, name: str, rounds: int) -> None:
    """Time a baseline in this process, and print seconds and peak memory."""
    frame = image(*FRAMES[name])
    find = globals()[baseline](frame, FRAMES[name][1])
    find()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        find()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "memory": peak}))


def python_of(baseline: str, environments: Path) -> str:
    """Return the interpreter that has the baseline; its environment is made if it is not there."""
    if not BASELINES[baseline]:
        return sys.executable
    directory = environments / baseline
    python = directory / "bin" / "python"
    if not python.exists():
        print(f"installing {baseline}", flush=True)
        venv.create(directory, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *BASELINES[baseline]], check=True
        )
    return str(python)


def main() -> None:
    """Measure all baselines in turn, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", nargs="+", choices=BASELINES, default=list(BASELINES))
    parser.add_argument("--rounds", type=int, default=5, help="of each (%(default)s)")
    parser.add_argument("--environments", type=Path, default=Path("data/environments"))
    parser.add_argument("--measure", nargs=2, metavar=("BASELINE", "FRAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, options.rounds)
        return
    measured = {}
    for name, (side, sampling) in FRAMES.items():
        for baseline in options.baselines:
            command = [python_of(baseline, options.environments), __file__]
            command += ["--measure", baseline, name, "--rounds", str(options.rounds)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            result = json.loads(answer.stdout.splitlines()[-1])
            median = statistics.median(result["seconds"])
            measured[name, baseline] = {"seconds": median, "memory": result["memory"]}
            print(
                f"{side}² at {sampling} Å/px  {baseline:12s} {median:7.2f} s "
                f"({min(result['seconds']):.2f}-{max(result['seconds']):.2f})  "
                f"{result['memory']:5.2f} GiB",
                flush=True,
            )
    for name, baseline, what, least in TARGETS:
        if {(name, baseline), (name, "ours")} <= measured.keys():
            ratio = measured[name, baseline][what] / measured[name, "ours"][what]
            print(f"{name}²: {baseline} takes {ratio:.1f} times our {what} (expected >= {least:g})")


if __name__ == "__main__":
    main()
