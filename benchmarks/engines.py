# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time of a network in TensorFlow (both precisions) and in ONNX Runtime, in turns.

CPU time is printed because wall-clock time depends on what else is running. The script checks that
both engines give the same atoms to 1e-3 px. It needs the extra `onnx`::

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 python benchmarks/engines.py
"""

import argparse
import os
import statistics
import time

import numpy as np
from movies import signal_of

from hyperspy_dlatoms import data, registry
from hyperspy_dlatoms.networks._precision import PRECISION
from hyperspy_dlatoms.networks.running import ENGINE

SETTINGS = (("keras", "float32"), ("keras", "bfloat16"), ("onnx", "float32"))
CLOSE = 1e-3
"""Largest difference in position, px."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="metal-nanoparticle")
    parser.add_argument("--side", type=int, default=512, help="working px (%(default)s)")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    shape = (1, options.side, options.side)
    batch = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    counts = data.nanoparticle()
    example = signal_of(counts.data, 10 * counts.axes_manager[0].scale)
    networks, atoms, first = {}, {}, {}
    for setting in SETTINGS:
        os.environ[ENGINE], os.environ[PRECISION] = setting
        start = time.process_time()
        networks[setting] = registry.load(options.model)
        atoms[setting] = example.find_atoms_nn(options.model, show_progressbar=False).data[0]
        first[setting] = time.process_time() - start
    seconds = {setting: [] for setting in SETTINGS}
    for _ in range(options.rounds + 1):
        for setting, network in networks.items():
            start = time.process_time()
            network.infer(batch)
            seconds[setting].append(time.process_time() - start)
    # The first round traces the graphs.
    median = {setting: statistics.median(some[1:]) for setting, some in seconds.items()}
    reference = median[SETTINGS[0]]
    for setting in SETTINGS:
        ours, theirs = atoms[setting], atoms[SETTINGS[0]]
        apart = np.abs(ours[:, :2] - theirs[:, :2]).max() if len(ours) == len(theirs) else np.inf
        print(
            f"{' '.join(setting):15s} {median[setting]:.4f} CPU s for {options.side}², "
            f"{reference / median[setting]:.2f} times as fast as the first; first call "
            f"{first[setting]:.1f} CPU s; atoms within {apart:.1e} px"
        )
        assert setting[1] == "bfloat16" or apart <= CLOSE


if __name__ == "__main__":
    main()
