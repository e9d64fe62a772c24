# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole evaluation: curves, false atoms on films, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms._doing import tracker
from hyperspy_dlatoms.data.benchmark.curves import SEED, Benchmark, Point
from hyperspy_dlatoms.data.benchmark.exit_waves import ExitWaves, Plan, Truth, load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.evaluation.bound import Sensitivity, frame_bounds, load_sensitivity
from hyperspy_dlatoms.evaluation.calibration import (
    coverage,
    expected_calibration_error,
    reliability,
)
from hyperspy_dlatoms.evaluation.comparison import Comparison, compare
from hyperspy_dlatoms.evaluation.finder import Finder
from hyperspy_dlatoms.evaluation.scores import by_height, calibration_of_heights, scores

LOWEST = 0.05  # Lowest probability of atoms in the reliability curve.
# Lowest dose of frames in the calibration (e/Å²): below it most networks find nothing.
CALIBRATED = 100.0


@dataclass(frozen=True, eq=False)
class Example:
    """A frame for the report: counts (H, W), Å/px, the found y, x (n, 2) in px, and the truth."""

    title: str
    counts: np.ndarray
    sampling: float
    found: np.ndarray
    truth: Truth


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of an evaluation.

    Parameters
    ----------
    numbers : dict
        All the numbers, in a form that JSON can hold.
    examples : list of Example
        One frame at each dose.
    """

    numbers: dict[str, Any]
    examples: list[Example] = field(default_factory=list)


def evaluate(
    find: Finder,
    benchmark: Benchmark,
    data: Path,
    *,
    frames: int = 8,
    seed: int = SEED,
    show_progressbar: bool = True,
) -> Evaluation:
    """Evaluate a finder.

    Parameters
    ----------
    find : Finder
        The method.
    benchmark : Benchmark
        The specimens and conditions.
    data : pathlib.Path
        Directory of the exit waves. Missing ones are computed; if interrupted, this continues the
        next time.
    frames : int, optional
        Number of frames at each point of a curve.
    seed : int, optional
        Seed of the aberrations and the noise: equal seeds give equal numbers.
    show_progressbar : bool, optional
        Whether to show the progress on stderr.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If `frames` is not positive.
    """
    if frames < 1:
        raise ValueError(f"frames is {frames}: expected 1 or more at each point.")
    data.mkdir(parents=True, exist_ok=True)
    track = tracker(show_progressbar)
    for plan in track(list(benchmark.plans()), "exit waves"):
        _load(plan, data)
    taker = _FrameTaker(benchmark, data, seed)
    examples: list[Example] = []
    pooled: dict[str, list[Comparison]] = {"dose": [], "thickness": []}
    lowered: list[Comparison] = []
    curves = {}
    for place, (name, points) in enumerate(benchmark.curves.items()):
        rows = []
        for number, point in enumerate(track(list(points), name)):
            compared = []
            for n in range(frames):
                frame = taker.take(np.random.default_rng([seed, place, number, n]), point, n)
                found = find(*frame.image)
                compared.append(frame.compare(found))
                if name == "dose" and point.value >= CALIBRATED:
                    lowered.append(frame.compare(find(*frame.image, LOWEST)))
                if name == "dose" and n == 0:
                    title = f"{point.value:g} e/Å²"
                    examples.append(Example(title, *frame.image, found[:, :2], frame.truth))
            joined = Comparison.join(compared)
            rows.append({"value": point.value, **scores(joined)})
            if name == "thickness" or (name == "dose" and point.value >= CALIBRATED):
                pooled[name].append(joined)
        curves[name] = rows
    thin_and_thick = Comparison.join(pooled["thickness"]).sites if pooled["thickness"] else None
    numbers = {
        "material": benchmark.material,
        "imaging": benchmark.imaging,
        "frames": frames,
        "seed": seed,
        "curves": curves,
        "heights": [] if thin_and_thick is None else by_height(thin_and_thick),
        "height_calibration": (
            [] if thin_and_thick is None else calibration_of_heights(thin_and_thick)
        ),
        "films": _films(find, benchmark, taker, frames, track),
        "calibration": _calibration(Comparison.join(pooled["dose"]), Comparison.join(lowered)),
    }
    return Evaluation(numbers, examples)


@dataclass(frozen=True, eq=False)
class _Frame:
    image: tuple[np.ndarray, float]
    truth: Truth
    bounds: np.ndarray | None

    def compare(self, found: np.ndarray) -> Comparison:
        counts, sampling = self.image
        return compare(found, self.truth, sampling, counts.shape, bounds=self.bounds)


class _FrameTaker:
    """Takes frames of a benchmark's specimens, and keeps the latest specimens in memory."""

    def __init__(self, benchmark: Benchmark, data: Path, seed: int):
        plans = {plan.key: plan for plan in benchmark.plans()}
        self._load = lru_cache(maxsize=8)(lambda key: _load(plans[key], data))
        self._imaging = benchmark.imaging
        self.seed = seed

    def take(self, rng: np.random.Generator, point: Point, number: int) -> _Frame:
        specimen, sensitivity = self._load(point.plans[number % len(point.plans)].key)
        conditions = conditions_of(self._imaging | point.changes, self.seed, number)
        image = take_frame(rng, specimen, conditions)
        bounds = frame_bounds(sensitivity, specimen.energy, conditions) if sensitivity else None
        return _Frame(image, specimen.truth, bounds)


def _load(plan: Plan, data: Path) -> tuple[ExitWaves, Sensitivity | None]:
    return load_exit_waves(plan, data), load_sensitivity(plan, data) if plan.bound else None


def _films(
    find: Finder, benchmark: Benchmark, taker: _FrameTaker, frames: int, track: Callable
) -> list[dict[str, Any]]:
    """Count the atoms found in films, where there are none."""
    rows = []
    for place, (thickness, plans) in enumerate(track(list(benchmark.films.items()), "films")):
        for dose in benchmark.film_doses:
            point = Point(thickness, plans, {"dose": dose})
            compared = []
            for n in range(frames):
                rng = np.random.default_rng([taker.seed, 1000 + place, int(dose), n])
                frame = taker.take(rng, point, n)
                compared.append(frame.compare(find(*frame.image)))
            joined = Comparison.join(compared)
            row = {"thickness": thickness, "dose": dose, "area": joined.area}
            row |= {"false": len(joined.atoms), "density": len(joined.atoms) / joined.area}
            rows.append(row)
    return rows


def _calibration(reported: Comparison, lowered: Comparison) -> dict[str, Any]:
    """Compare probabilities and deviations with the truth, over the frames of all doses."""
    sites = reported.sites
    errors = sites[["error_y", "error_x"]].to_numpy()
    sigmas = sites[["sigma_y", "sigma_x"]].to_numpy()
    result = {"doses_from": CALIBRATED, "lowest": LOWEST, "coverage": coverage(errors, sigmas)}
    heights = sites[["height_error", "height_sigma"]].to_numpy().T
    result["height_coverage"] = coverage(*heights)
    for name, comparison in (("reported", reported), ("lowered", lowered)):
        probability, right = (
            comparison.atoms[column].to_numpy() for column in ("probability", "right")
        )
        result[name] = {
            "reliability": reliability(probability, right),
            "error": expected_calibration_error(probability, right),
        }
    return result
