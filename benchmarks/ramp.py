# SPDX-License-Identifier: GPL-3.0-or-later
"""The cost of contrast that inverts within the frame.

The specimens of `dlatoms evaluate` are imaged with a defocus that changes across the frame, then
without, at each defocus of the ramp. Each site is looked for in the ramp, and in the frame that has
the site's own defocus everywhere. Where the contrast vanishes both fail, so the difference is the
cost of the ramp itself:

    python benchmarks/ramp.py data/evaluation-metal metal-nanoparticle
"""

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import track

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.data.benchmark.curves import benchmark, material_of
from hyperspy_dlatoms.data.benchmark.exit_waves import load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.evaluation.comparison import Comparison, compare
from hyperspy_dlatoms.evaluation.scores import scores
from hyperspy_dlatoms.simulation.imaging.illumination import plane
from hyperspy_dlatoms.simulation.imaging.lens import ramp_steps

SEED = 1597


def main() -> None:
    """Find the sites with and without the ramp, and print F1 and errors of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("model")
    parser.add_argument("--frames", type=int, default=8, help="at each ramp (%(default)s)")
    parser.add_argument("--full", action="store_true", help="all specimens, not a few")
    options = parser.parse_args()
    network = registry.load(options.model)
    options.data.mkdir(parents=True, exist_ok=True)
    material = material_of(network.card.name, network.card.classes)
    tested = benchmark(material, quick=not options.full)
    points = [point for point in tested.curves["defocus_ramp"] if point.value]
    for point in track(points, "ramps"):
        ramped, plain = [], []
        for n in range(options.frames):
            specimen = load_exit_waves(point.plans[n % len(point.plans)], options.data)
            conditions = conditions_of(tested.imaging | point.changes, SEED, n)
            rng = np.random.default_rng([SEED, int(point.value), n])
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                found, sampling, shape = read(rng, network, specimen, conditions)
                ramped.append(compare(found, specimen.truth, sampling, shape))
                plain.append(read_in_strips(rng, network, specimen, conditions))
        with_ramp, without = (scores(Comparison.join(parts)) for parts in (ramped, plain))
        print(
            f"ramp of {point.value:3.0f} Å: F1 {with_ramp['f1']:.3f} beside {without['f1']:.3f} "
            f"without, rms {with_ramp['rms']:.1f} and {without['rms']:.1f} pm"
        )


def read(rng, network, specimen, conditions) -> tuple[np.ndarray, float, tuple[int, int]]:
    """Take a frame and find its sites; also return its sampling and shape."""
    counts, sampling = take_frame(rng, specimen, conditions)
    return find_sites(counts[None], sampling, network)[0][:, :5], sampling, counts.shape


def read_in_strips(rng, network, specimen, conditions) -> Comparison:
    """Find each site in the frame without a ramp whose defocus is that of the site in the ramp."""
    steps = ramp_steps(conditions.defocus_ramp)
    kept = []
    for number, step in enumerate(steps):
        lens = replace(conditions.lens, defocus=conditions.lens.defocus + step)
        there = replace(conditions, lens=lens, defocus_ramp=0.0)
        found, sampling, shape = read(rng, network, specimen, there)
        along = (plane(np, shape[0], conditions.ramp_angle) + 0.5) * (len(steps) - 1)
        y, x = np.clip(np.rint(found[:, :2]).astype(int), 0, np.array(shape) - 1).T
        kept.append(found[np.rint(along[y, x]) == number])
    return compare(np.concatenate(kept), specimen.truth, sampling, shape)


if __name__ == "__main__":
    main()
