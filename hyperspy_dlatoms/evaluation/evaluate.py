# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole evaluation: curves, false atoms on films, calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms.data.benchmark.curves import Point, Trial
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, Subject, load_subject
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, frame_bounds, take_frame
from hyperspy_dlatoms.evaluation.calibration import (
    coverage,
    expected_calibration_error,
    reliability,
)
from hyperspy_dlatoms.evaluation.comparison import Comparison, Truth, compare
from hyperspy_dlatoms.evaluation.finder import Finder
from hyperspy_dlatoms.evaluation.scores import by_height, scores

SEED = 4177
"""Of the aberrations and the noise."""

LOWEST = 0.05
"""Probability from which atoms count in the reliability curve."""

CALIBRATED = 100.0
"""Dose from which frames count for the calibration (e/Å²)."""

Load = Callable[[Plan], Subject]


@dataclass(frozen=True, eq=False)
class Example:
    """A frame of the report.

    Parameters
    ----------
    title : str
        What it shows.
    counts : numpy.ndarray
        Electrons a pixel, shape (H, W).
    sampling : float
        Å/px.
    found : numpy.ndarray
        y, x of the found atoms in px, shape (n, 2).
    truth : Truth
        What is there.
    """

    title: str
    counts: np.ndarray
    sampling: float
    found: np.ndarray
    truth: Truth


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation gave.

    Parameters
    ----------
    numbers : dict
        All the numbers, as JSON can hold them.
    examples : list of Example
        One frame at each dose.
    """

    numbers: dict[str, Any]
    examples: list[Example] = field(default_factory=list)


def evaluate(
    find: Finder,
    trial: Trial,
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
        What is tested.
    trial : Trial
        What it is tested on.
    data : pathlib.Path
        Where the exit waves are kept; those that are not there are made, which may be cut short
        and goes on the next time.
    frames : int, optional
        At each point of a curve.
    seed : int, optional
        Of the aberrations and the noise: equal seeds give equal numbers.
    show_progressbar : bool, optional
        Whether to show how far it is, on stderr.

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
    track = _tracker(show_progressbar)
    for plan in track(list(trial.plans()), "exit waves"):
        load_subject(plan, data)
    plans = {plan.key: plan for plan in trial.plans()}
    kept = lru_cache(maxsize=8)(lambda key: load_subject(plans[key], data))

    def load(plan: Plan) -> Subject:
        return kept(plan.key)

    examples: list[Example] = []
    pooled: dict[str, list[Comparison]] = {"dose": [], "thickness": []}
    candid: list[Comparison] = []
    curves = {}
    for place, (name, points) in enumerate(trial.curves.items()):
        rows = []
        for number, point in enumerate(track(list(points), name)):
            compared = []
            for n in range(frames):
                rng = np.random.default_rng([seed, place, number, n])
                frame = _frame(rng, load, trial, point, seed, n)
                found = find(*frame.image)
                compared.append(frame.compare(found))
                if name == "dose" and point.value >= CALIBRATED:
                    candid.append(frame.compare(find(*frame.image, LOWEST)))
                if name == "dose" and n == 0:
                    title = f"{point.value:g} e/Å²"
                    examples.append(Example(title, *frame.image, found[:, :2], frame.truth))
            joined = Comparison.join(compared)
            rows.append({"value": point.value, **scores(joined)})
            if name == "thickness" or (name == "dose" and point.value >= CALIBRATED):
                pooled[name].append(joined)
        curves[name] = rows
    heights = by_height(Comparison.join(pooled["thickness"]).sites) if pooled["thickness"] else []
    numbers = {
        "material": trial.material,
        "imaging": trial.imaging,
        "frames": frames,
        "seed": seed,
        "curves": curves,
        "heights": heights,
        "films": _films(find, trial, load, frames, seed, track),
        "calibration": _calibration(Comparison.join(pooled["dose"]), Comparison.join(candid)),
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


def _frame(
    rng: np.random.Generator, load: Load, trial: Trial, point: Point, seed: int, number: int
) -> _Frame:
    subject = load(point.plans[number % len(point.plans)])
    conditions = conditions_of(trial.imaging | point.changes, seed, number)
    image = take_frame(rng, subject, conditions)
    return _Frame(image, subject.truth, frame_bounds(subject, conditions))


def _films(
    find: Finder, trial: Trial, load: Load, frames: int, seed: int, track: Callable
) -> list[dict[str, Any]]:
    """Count the atoms found where there are none."""
    rows = []
    for place, (thickness, plans) in enumerate(track(list(trial.films.items()), "films")):
        for dose in trial.film_doses:
            point = Point(thickness, plans, {"dose": dose})
            compared = []
            for n in range(frames):
                rng = np.random.default_rng([seed, 1000 + place, int(dose), n])
                frame = _frame(rng, load, trial, point, seed, n)
                compared.append(frame.compare(find(*frame.image)))
            joined = Comparison.join(compared)
            row = {"thickness": thickness, "dose": dose, "area": joined.area}
            row |= {"false": len(joined.atoms), "density": len(joined.atoms) / joined.area}
            rows.append(row)
    return rows


def _calibration(reported: Comparison, candid: Comparison) -> dict[str, Any]:
    """Judge probabilities and deviations over the frames of all doses."""
    sites = reported.sites
    errors = sites[["error_y", "error_x"]].to_numpy()
    sigmas = sites[["sigma_y", "sigma_x"]].to_numpy()
    result = {"doses_from": CALIBRATED, "lowest": LOWEST, "coverage": coverage(errors, sigmas)}
    heights = sites[["height_error", "height_sigma"]].to_numpy().T
    result["height_coverage"] = coverage(*heights)
    for name, comparison in (("reported", reported), ("lowered", candid)):
        probability, right = (
            comparison.atoms[column].to_numpy() for column in ("probability", "right")
        )
        result[name] = {
            "reliability": reliability(probability, right),
            "error": expected_calibration_error(probability, right),
        }
    return result


def _tracker(show_progressbar: bool) -> Callable:
    from rich.console import Console
    from rich.progress import track

    def tracked(items: list, name: str):
        console = Console(stderr=True)
        return track(items, name.ljust(10), console=console, disable=not show_progressbar)

    return tracked
