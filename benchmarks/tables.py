# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure all speeds in the documentation again, on one machine in one go, into one text file.

The file begins with the processor, and each figure stands below the command that made it; a script
that fails is named. This takes 35 minutes on two idle cores, ten with `--short`::

    python benchmarks/tables.py -o docs/_static/speed.txt
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from hyperspy_dlatoms.networks._backend import instructions

HERE = Path(__file__).parent
COMMANDS = (
    ("import_time.py",),
    ("network.py", "--precision", "float32"),
    ("network.py", "--precision", "bfloat16"),
    ("engines.py",),
    ("speed.py",),
    ("scaling.py",),
    ("cluster.py",),
    ("watch.py", "--frames", "100", "--seconds", "1"),
    ("lazy_stack.py",),
    ("large_file.py", "--gib", "20", "--side", "1024", "--compressed"),
    ("large_file.py",),
    ("resume.py",),
)
SHORT = (
    ("import_time.py",),
    ("network.py", "--rounds", "5", "--precision", "float32"),
    ("network.py", "--rounds", "5", "--precision", "bfloat16"),
    ("engines.py", "--rounds", "5"),
    ("speed.py", "--rounds", "3", "--baselines", "ours", "find_peaks"),
    ("watch.py", "--frames", "10"),
    ("large_file.py", "--gib", "0.1", "--side", "1024", "--compressed"),
)


def machine() -> str:
    """Return the lines that describe the machine."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((one.partition(": ")[2] for one in lines if "model name" in one), name)
    half = sorted({"avx2", "avx512f", "avx512_bf16", "amx_bf16"} & instructions())
    packages = " ".join(f"{one} {version(one)}" for one in ("tensorflow", "keras", "hyperspy"))
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{name}, {os.cpu_count()} cores, {' '.join(half)}; load before {load}\n"
        f"Python {platform.python_version()}, {packages}, {time.strftime('%Y-%m-%d')}\n"
    )


def main() -> None:
    """Run the scripts one by one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    text = machine()
    for script, *arguments in SHORT if options.short else COMMANDS:
        command = [sys.executable, str(HERE / script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        printed = done.stdout if done.returncode == 0 else f"failed: {done.stderr[-500:]}"
        text += f"\n$ python benchmarks/{' '.join((script, *arguments))}\n{printed}"
        # Results so far are kept if it is interrupted.
        options.output.write_text(text, "utf-8")
        print(text[text.rindex("\n$ ") :], flush=True)


if __name__ == "__main__":
    main()
