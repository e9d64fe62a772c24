# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves from focal series: networks compared with the iterative reconstruction."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from hyperspy_dlatoms.data.benchmark.exit_waves import ExitWaves, Plan, load_all
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.detection.exit_waves import exit_waves
from hyperspy_dlatoms.networks.waves import band_limited
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.wave import propagated
from peers import baselines
from peers.dichalcogenides import LATTICES
from peers.focal_series import FocalSeries, moved
from peers.species_comparison import DOSES, NOMINAL, UNSEEN, plan_of, series_of

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork

MARGIN = 5.0
"""Width left out along each edge (Å)."""

WaveMethod = Callable[[FocalSeries], np.ndarray]


class WaveErrors(NamedTuple):
    """Errors of a wave.

    Attributes
    ----------
    relative : float
        Root mean square of the difference, relative to that of the true wave from its mean: 0 is
        perfect, 1 no better than an empty wave.
    phase : float
        Root mean square of the difference of the phases (rad).
    amplitude : float
        Root mean square of the difference of the amplitudes.
    """

    relative: float
    phase: float
    amplitude: float


def wave_errors(found: np.ndarray, true: np.ndarray) -> WaveErrors:
    """Compare a wave with the true one, up to an overall phase and scale."""
    if found.shape != true.shape:
        raise ValueError(f"The waves have shapes {found.shape}, {true.shape}: expected one shape.")
    fitted = found * (np.vdot(found, true) / np.vdot(found, found))

    def rms(values: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.abs(values) ** 2)))

    return WaveErrors(
        rms(fitted - true) / rms(true - true.mean()),
        rms(np.angle(fitted * true.conj())),
        rms(np.abs(fitted) - np.abs(true)),
    )


def wave_methods(
    networks: Mapping[str, AtomNetwork],
    elements: Sequence[str],
    *,
    symmetrise: bool = False,
    classical: bool = True,
) -> dict[str, WaveMethod]:
    """Return the methods for the exit wave of a series, by name."""

    def by(network: AtomNetwork, *, defoci_known: bool, series: FocalSeries) -> np.ndarray:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return exit_waves(
                series.counts[None],
                series.sampling,
                network,
                defoci=series.defoci if defoci_known else None,
                elements=elements,
                symmetrise=symmetrise,
            )[0]

    def iterative(knowledge: baselines.Knowledge, series: FocalSeries) -> np.ndarray:
        return baselines.wave_image(series, knowledge)[0]

    methods: dict[str, WaveMethod] = {}
    for name, network in networks.items():
        for known, label in ((True, "defoci known"), (False, "images alone")):
            methods[f"{name}, {label}"] = lambda series, network=network, known=known: by(
                network, defoci_known=known, series=series
            )
    if not classical:
        return methods
    knowledges = {
        "all aberrations known": "all",
        "defoci and Cs known": "focus",
        "nominal lens": NOMINAL,
    }
    for label, knowledge in knowledges.items():
        methods[f"IWFR, {label}"] = partial(iterative, knowledge)
    return methods


def compare_waves(
    data: Path,
    networks: Mapping[str, AtomNetwork],
    *,
    formula: str = "MoS2",
    doses: Iterable[float] = DOSES,
    lenses: int = 4,
    symmetrise: bool = False,
    classical: bool = True,
) -> pd.DataFrame:
    """Compare networks with the iterative reconstruction on sheets that no recipe draws.

    Networks that can be told the material are told it. The true wave is the mean over the thermal
    snapshots, moved to where the specimen is in the middle image. It is in the plane in which the
    networks give waves and from which the defoci are counted, and is compared up to the spatial
    frequency that they reach, `hyperspy_dlatoms.networks.waves.CUTOFF`.
    """
    plans = [plan_of(arguments, formula) for arguments in UNSEEN]
    specimens = load_all(plans, data)
    if plane_of(networks.values()) == "middle":
        specimens = {plan.key: in_the_middle(plan, specimens[plan.key]) for plan in plans}
    true = [band_limited(specimens[plan.key].waves.mean(axis=0), SAMPLING) for plan in plans]
    methods = wave_methods(
        networks, LATTICES[formula][:2], symmetrise=symmetrise, classical=classical
    )
    rows = []
    for dose in doses:
        for number in range(lenses):
            taken = series_of(data, dose, number, UNSEEN, formula, specimens)
            for method, find in methods.items():
                for series, still in zip(taken, true, strict=True):
                    wave = moved(still, series.middle)[_inner()]
                    start = time.process_time()
                    found = find(series)
                    seconds = time.process_time() - start
                    errors = wave_errors(band_limited(found, SAMPLING)[_inner()], wave)
                    rows.append(
                        {"dose": dose, "method": method} | errors._asdict() | {"seconds": seconds}
                    )
    groups = pd.DataFrame(rows).groupby(["dose", "method"], sort=False)
    table = groups[list(WaveErrors._fields)].mean()
    return table.assign(seconds=groups.seconds.median()).reset_index()


def plane_of(networks: Iterable[AtomNetwork]) -> str:
    """Return the plane of the waves of networks, "exit" or "middle", see `simulation.exit_wave`."""
    recipes = [network.card.recipe for network in networks]
    planes = {parse_recipe(recipe).waves.plane if recipe else "exit" for recipe in recipes}
    if len(planes) > 1:
        raise ValueError("The networks give waves in different planes: compare them one by one.")
    return planes.pop() if planes else "exit"


def in_the_middle(plan: Plan, specimen: ExitWaves) -> ExitWaves:
    """Return the waves of a specimen in the mean plane of the atoms that belong to sites."""
    built = plan.build(np.random.default_rng(plan.seed))
    heights = built.atoms.positions[built.column >= 0, 2]
    distance = heights.mean() - built.atoms.cell[2, 2]
    waves = [propagated(wave, distance, SAMPLING, specimen.energy) for wave in specimen.waves]
    return replace(specimen, waves=np.stack(waves))


def _inner() -> tuple[slice, slice]:
    edge = round(MARGIN / SAMPLING)
    return (slice(edge, -edge),) * 2
