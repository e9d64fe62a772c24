# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory for a frame, end to end, compared with baselines.

Also the share of CPU time, on one thread, that is spent outside the network: on masking,
resampling, normalising, selecting and scoring. AtomAI runs in its own environment, which is
created at first use::

    python benchmarks/speed.py
    python benchmarks/speed.py --baselines ours find_peaks
    python benchmarks/speed.py --baselines    # only the share outside the network
"""

import argparse
import json
import os
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
    # It needs mendeleev, which needs six but does not say so.
    "atomai": ["atomai", "six"],
}
"""Packages that each baseline needs besides NumPy; with none, it runs in this environment."""

SHARE = 0.25
"""Largest share of CPU time allowed outside the network."""

TARGETS = (
    ("4096", "atomai", "seconds", 60.0),
    ("4096", "atomai", "memory", 8.0),
    ("1024", "atomai", "seconds", 10.0),
    ("4096", "find_peaks", "seconds", 1.0),
)


def ours(frame: np.ndarray, sampling: float):
    """Return a function that finds the atoms with the network."""
    import hyperspy_dlatoms  # noqa: F401

    signal = signal_of(frame, sampling)
    return lambda: signal.find_atoms_nn(
        "metal-nanoparticle", on_extrapolation="ignore", show_progressbar=False
    )


def find_peaks(frame: np.ndarray, sampling: float):
    """Return a function that finds the maxima with HyperSpy."""
    signal = signal_of(frame.astype(np.float32), sampling)
    return lambda: signal.find_peaks(
        method="local_max", min_distance=round(SPACING / sampling / 3), interactive=False
    )


def atomai(frame: np.ndarray, sampling: float):
    """Return a function that finds the atoms with AtomAI's default network and random weights."""
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


def outside(name: str, rounds: int) -> None:
    """Measure the CPU seconds inside and outside the network, and print the least."""
    import hyperspy_dlatoms  # noqa: F401
    from hyperspy_dlatoms.registry.handles import handle

    network = handle("metal-nanoparticle").get()
    run, inside = network._call, []

    def timed(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        start = time.process_time()
        answer = run(*inputs)
        inside.append(time.process_time() - start)
        return answer

    network._call = timed
    find = ours(image(*FRAMES[name]), FRAMES[name][1])
    # The first call compiles.
    find()
    measured = []
    for _ in range(rounds):
        inside.clear()
        start = time.process_time()
        find()
        whole = time.process_time() - start
        measured.append((sum(inside), whole - sum(inside)))
    print(json.dumps([min(each) for each in zip(*measured, strict=True)]))


def python_of(baseline: str, environments: Path) -> str:
    """Return the baseline's interpreter; its environment is created if missing."""
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
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, default=list(BASELINES))
    parser.add_argument("--rounds", type=int, default=5, help="of each (%(default)s)")
    parser.add_argument("--environments", type=Path, default=Path("data/environments"))
    parser.add_argument("--measure", nargs=2, metavar=("BASELINE", "FRAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure and options.measure[0] == "outside":
        outside(options.measure[1], options.rounds)
        return
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
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    for name, (side, sampling) in FRAMES.items():
        command = [sys.executable, __file__, "--measure", "outside", name]
        command += ["--rounds", str(options.rounds)]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | one_thread
        )
        inside, rest = json.loads(answer.stdout.splitlines()[-1])
        print(
            f"{side}² at {sampling} Å/px  outside the network {1e3 * rest:.0f} of "
            f"{1e3 * (inside + rest):.0f} ms of processor time, {rest / (inside + rest):.2f} "
            f"(expected <= {SHARE:g})",
            flush=True,
        )
    for name, baseline, what, least in TARGETS:
        if {(name, baseline), (name, "ours")} <= measured.keys():
            ratio = measured[name, baseline][what] / measured[name, "ours"][what]
            print(f"{name}²: {baseline} takes {ratio:.1f} times our {what} (expected >= {least:g})")


if __name__ == "__main__":
    main()
