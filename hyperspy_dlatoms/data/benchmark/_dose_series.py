# SPDX-License-Identifier: GPL-3.0-or-later
"""The dose curve of a benchmark as a data set."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import dask
import dask.array as da
import numpy as np

from hyperspy_dlatoms.data.benchmark.curves import SEED, benchmark
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.data.frames import Frames, inside


def dose_series(
    material: str, directory: Path, show_progressbar: bool = False, num_workers: int | None = None
) -> Frames:
    """Generate a frame of each specimen at each dose, keeping the exit waves in the directory."""
    from dask.diagnostics import ProgressBar

    test = benchmark(material)
    cases = [
        (dataclasses.replace(plan, bound=False), test.imaging | point.changes, number)
        for point in test.curves["dose"]
        for number, plan in enumerate(point.plans)
    ]
    plans = {plan.key: plan for plan, _, _ in cases}
    directory.mkdir(parents=True, exist_ok=True)
    tasks = [dask.delayed(load_exit_waves)(plan, directory) for plan in plans.values()]
    with ProgressBar() if show_progressbar else nullcontext():
        made = dask.compute(*tasks, scheduler="threads", num_workers=num_workers or 1)
    truths = {key: one.truth.positions for key, one in zip(plans, made, strict=True)}
    first, sampling = _frame(*cases[0], directory)
    frames = [
        da.from_delayed(dask.delayed(_frame)(*case, directory)[0], first.shape, first.dtype)
        for case in cases
    ]
    positions = [inside(truths[plan.key] / sampling, len(first)) for plan, _, _ in cases]
    meta = {
        "dose": [float(imaging["dose"]) for _, imaging, _ in cases],
        "specimen": [plan.arguments | {"seed": plan.seed} for plan, _, _ in cases],
    }
    return Frames(da.stack(frames), positions, sampling, meta)


def _frame(plan: Plan, imaging: dict, number: int, directory: Path) -> tuple[np.ndarray, float]:
    """Take a frame; all doses have the same aberrations, but each its own noise."""
    rng = np.random.default_rng([SEED, plan.seed, int(imaging["dose"])])
    return take_frame(rng, load_exit_waves(plan, directory), conditions_of(imaging, SEED, number))
