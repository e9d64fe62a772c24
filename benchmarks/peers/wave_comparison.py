# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves from focal series: a network beside the iterative reconstruction."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from hyperspy_dlatoms.data.benchmark.exit_waves import load_all
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING
from hyperspy_dlatoms.detection.exit_waves import exit_waves
from hyperspy_dlatoms.networks.waves import band_limited
from peers import baselines
from peers.focal_series import FocalSeries
from peers.species_comparison import DOSES, NOMINAL, UNSEEN, plan_of, series_of

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork

MARGIN = 5.0
"""What is left out along each edge (Å)."""

Way = Callable[[FocalSeries], np.ndarray]


class WaveErrors(NamedTuple):
    """How far a wave is from the true one.

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
    """Compare a wave with the true one, but for the phase and the scale of the whole.

    Parameters
    ----------
    found, true : numpy.ndarray
        Complex, of one shape.

    Returns
    -------
    WaveErrors

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> true = np.exp(0.2j * np.cos(np.arange(100.0)))
    >>> wave_errors(2j * true, true).relative < 1e-12
    True
    >>> round(wave_errors(np.ones(100), true).relative, 3)
    1.0
    """
    if found.shape != true.shape:
        raise ValueError(f"The waves have shapes {found.shape} and {true.shape}: expected one.")
    fitted = found * (np.vdot(found, true) / np.vdot(found, found))

    def rms(values: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.abs(values) ** 2)))

    return WaveErrors(
        rms(fitted - true) / rms(true - true.mean()),
        rms(np.angle(fitted * true.conj())),
        rms(np.abs(fitted) - np.abs(true)),
    )


def wave_ways(networks: Mapping[str, AtomNetwork]) -> dict[str, Way]:
    """Give the ways to the exit wave of a series, by name.

    Parameters
    ----------
    networks : mapping of str to AtomNetwork
        Networks of exit waves.

    Returns
    -------
    dict of str to callable
        Each gives the wave of a series at `hyperspy_dlatoms.data.benchmark.waves.SAMPLING`.
    """

    def by(network: AtomNetwork, *, told: bool, series: FocalSeries) -> np.ndarray:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return exit_waves(
                series.counts[None],
                series.sampling,
                network,
                defoci=series.defoci if told else None,
            )[0]

    def classical(knowledge: baselines.Knowledge, series: FocalSeries) -> np.ndarray:
        return baselines.wave_image(series, knowledge)[0]

    ways: dict[str, Way] = {}
    for name, network in networks.items():
        for told, said in ((True, "defoci known"), (False, "images alone")):
            ways[f"{name}, {said}"] = lambda series, network=network, told=told: by(
                network, told=told, series=series
            )
    known = {
        "all aberrations known": "all",
        "defoci and Cs known": "focus",
        "nominal lens": NOMINAL,
    }
    for said, knowledge in known.items():
        ways[f"IWFR, {said}"] = partial(classical, knowledge)
    return ways


def compare_waves(
    data: Path,
    networks: Mapping[str, AtomNetwork],
    *,
    formula: str = "MoS2",
    doses: Iterable[float] = DOSES,
    lenses: int = 4,
) -> pd.DataFrame:
    """Compare networks with the iterative reconstruction on sheets that no recipe draws.

    The true wave is the mean of those of the thermal snapshots, and is compared up to the spatial
    frequencies that the networks give, `hyperspy_dlatoms.networks.waves.CUTOFF`.

    Parameters
    ----------
    data : pathlib.Path
        Where the exit waves are kept; those that are not there are made.
    networks : mapping of str to AtomNetwork
        Networks of exit waves, by name.
    formula : str, optional
        Which crystal.
    doses : iterable of float, optional
        Of each image (e/Å²).
    lenses : int, optional
        How many conditions are drawn.

    Returns
    -------
    pandas.DataFrame
        A row for each dose and way: the means of the fields of `WaveErrors`, and the median of the
        ``seconds`` on the processor that a series took.
    """
    plans = [plan_of(arguments, formula) for arguments in UNSEEN]
    specimens = load_all(plans, data)
    true = [
        band_limited(specimens[plan.key].waves.mean(axis=0), SAMPLING)[_inner()] for plan in plans
    ]
    rows = []
    for dose in doses:
        for number in range(lenses):
            taken = series_of(data, dose, number, UNSEEN, formula, specimens)
            for way, find in wave_ways(networks).items():
                for series, wave in zip(taken, true, strict=True):
                    start = time.process_time()
                    found = find(series)
                    seconds = time.process_time() - start
                    errors = wave_errors(band_limited(found, SAMPLING)[_inner()], wave)
                    rows.append(
                        {"dose": dose, "way": way} | errors._asdict() | {"seconds": seconds}
                    )
    groups = pd.DataFrame(rows).groupby(["dose", "way"], sort=False)
    table = groups[list(WaveErrors._fields)].mean()
    return table.assign(seconds=groups.seconds.median()).reset_index()


def _inner() -> tuple[slice, slice]:
    edge = round(MARGIN / SAMPLING)
    return (slice(edge, -edge),) * 2
