# SPDX-License-Identifier: GPL-3.0-or-later
"""Species from focal series: networks compared with classical methods."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hyperspy_dlatoms.data.benchmark.exit_waves import ExitWaves, Plan, load_all, load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of
from hyperspy_dlatoms.evaluation.confusion import Labelled, confusion, counts_by_kind
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from peers import baselines
from peers.dichalcogenides import LATTICES
from peers.focal_series import FocalSeries, take_series

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.registry.catalogue import ModelLike

DOSES = (1000.0, 3162.0, 10_000.0, 31_623.0)
"""Of each image (e/Å²)."""

SEED = 5230
STEP = 50.0
"""Between the defoci of a series (Å)."""

DRIFT = 0.05
"""Of each image against the one before, left over by the alignment (Å)."""

IMAGING = {
    "defocus": [20, 80],
    "Cs": [-1.5e5, -4e4],
    "astigmatism": [0, 20],
    "coma": [0, 400],
    "threefold": [0, 100],
    "focal_spread": [20, 35],
    "blur": [0.1, 0.3],
    "mtf_c1": 1.0,
    "mtf_c2": [0.01, 0.05],
    "mtf_c3": [0.35, 0.45],
    "mtf_c4": [2, 3],
    "sampling": 0.1,
}
"""Conditions as `draw_conditions` takes them; the defocus is that of the middle image."""

NOMINAL = Lens(defocus=50.0, Cs=-9.5e4, focal_spread=27.5)
"""The middle of these."""

_CALIBRATION = ({"tilt": 1.0}, {"tilt": 1.0, "hole": True}, {"tilt": 0.0})
UNSEEN = ({"tilt": 0.5}, {"tilt": 2.0, "hole": True})
"""Arguments of the specimens that all methods are compared on, see `dichalcogenide_specimen`."""

Maker = Callable[[Sequence[FocalSeries]], baselines.Method]


@dataclass(frozen=True, eq=False)
class SpeciesScores:
    """Scores of several methods for the species.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each method, dose and species: ``method``, ``calibration``, ``dose`` (e/Å²),
        ``species``, ``found``, ``false``, ``missed``, ``precision``, ``recall``, ``f1``, and
        ``seconds``, the median processor time for a series.
    confusions : dict
        By (method, calibration, dose) the counts of true kinds by found kinds, shape (6, 6), as
        `hyperspy_dlatoms.evaluation.confusion.confusion` gives them for `kinds`.
    kinds : list of str
        Names of the kinds, the last one "none".
    """

    table: pd.DataFrame
    confusions: dict[tuple[str, str, float], np.ndarray] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)


def classical_methods(bond: float) -> dict[str, Maker]:
    """Return the classical methods for the species, by name."""
    return {
        "intensity histogram, one image": baselines.intensity_histogram,
        "intensity histogram and honeycomb, one image": partial(
            baselines.intensity_histogram, bond=bond
        ),
        "rings and honeycomb, best single image": partial(baselines.best_single_image, bond=bond),
        "rings and honeycomb, three images": partial(baselines.all_images, bond=bond),
        "exit wave, phase at known sites": partial(baselines.phase_at_known_sites, bond=bond),
        "exit wave, phase peaks": partial(baselines.phase_peaks, bond=bond),
        "exit wave, phase peaks, all aberrations known": partial(
            baselines.phase_peaks, bond=bond, knowledge="all"
        ),
        "exit wave, phase peaks, nominal lens": partial(
            baselines.phase_peaks, bond=bond, knowledge=NOMINAL
        ),
    }


def network_method(model: ModelLike, **told: str) -> baselines.Method:
    """Return a method that finds the sites of a focal series by a network that is told `told`."""

    def find(series: FocalSeries) -> Labelled:
        signal = as_signal(series)
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            sites = signal.classify_species(model, show_progressbar=False, **told)
        species = sites.metadata.VectorMetadata.species
        table = sites.to_dataframe()
        index = table.species.map(species.index).to_numpy(dtype=int)
        # Without heights, as for h-BN, a vacancy has no atom left.
        there = ~table.species.str.endswith("vacancy").astype(bool)
        heights = table.get("height", there.astype(float)).to_numpy()
        places = table[["y_px", "x_px"]].to_numpy() * series.sampling
        return Labelled(places, baselines.kinds_of(index, heights))

    return find


def as_signal(series: FocalSeries) -> Signal2D:
    """Make a signal of a series of evenly spaced defoci."""
    import hyperspy.api as hs

    import hyperspy_dlatoms  # noqa: F401

    signal = hs.signals.Signal2D(series.counts)
    (focal,) = signal.axes_manager.navigation_axes
    focal.name, focal.units = "defocus", "Å"
    focal.offset, focal.scale = series.defoci[0], np.diff(series.defoci).mean()
    for axis in signal.axes_manager.signal_axes:
        axis.units, axis.scale = "Å", series.sampling
    return signal


def series_of(
    data: Path,
    dose: float,
    number: int,
    which: Sequence[Mapping[str, Any]],
    formula: str,
    specimens: Mapping[str, ExitWaves] | None = None,
) -> list[FocalSeries]:
    """Take focal series of specimens under conditions that are drawn once for all of them."""
    conditions = conditions_of(IMAGING | {"dose": dose}, SEED, number)
    defoci = conditions.lens.defocus + STEP * np.array([-1.0, 0.0, 1.0])
    result = []
    for arguments in which:
        plan = plan_of(arguments, formula)
        rng = np.random.default_rng([SEED, int(dose), number, plan.seed])
        specimen = (specimens or {}).get(plan.key) or load_exit_waves(plan, data)
        result.append(take_series(rng, specimen, conditions, defoci, DRIFT))
    return result


def plan_of(arguments: Mapping[str, Any], formula: str) -> Plan:
    """Plan one of the specimens."""
    # Each specimen has its own seed.
    seed = SEED + [*_CALIBRATION, *UNSEEN].index(arguments)
    return Plan("dichalcogenide", seed, 80e3, {"formula": formula, **arguments}, snapshots=4)


def compare_species(
    data: Path,
    networks: Mapping[str, baselines.Method] | None = None,
    *,
    formula: str = "MoS2",
    doses: Iterable[float] = DOSES,
    lenses: int = 4,
    classical: bool = True,
) -> SpeciesScores:
    """Compare networks and classical methods on focal series of sheets that no recipe draws.

    The classical methods are fitted twice: on series of other specimens under exactly the
    conditions of those to be classified ("same"), and on series under other conditions of the same
    ranges and dose ("other"), as must be done if the aberrations of each series cannot be measured.
    A network is not fitted to anything.
    """
    if lenses < 2:
        raise ValueError(f"lenses is {lenses}: expected 2 or more, to calibrate on others.")
    plans = [plan_of(arguments, formula) for arguments in (*_CALIBRATION, *UNSEEN)]
    specimens = load_all(plans, data)
    metal, chalcogen, a, _ = LATTICES[formula]
    methods = classical_methods(a / np.sqrt(3)) if classical else {}
    tally: dict[tuple[str, str, float], _Tally] = {}
    for dose in doses:
        unseen = [series_of(data, dose, n, UNSEEN, formula, specimens) for n in range(lenses)]
        known = [series_of(data, dose, n, _CALIBRATION, formula, specimens) for n in range(lenses)]
        for number, tested in enumerate(unseen):
            others = [one for n, some in enumerate(known) if n != number for one in some]
            fitted = {(name, "none"): find for name, find in (networks or {}).items()}
            for name, make in methods.items():
                fitted[name, "same"] = make(known[number])
                fitted[name, "other"] = make(others)
            for method, find in fitted.items():
                counts = tally.setdefault((*method, float(dose)), _Tally())
                for series in tested:
                    counts.add(find, series)
    kinds = [metal, chalcogen, f"{metal} vacancy"]
    kinds += [f"{chalcogen} vacancy (one)", f"{chalcogen} vacancy (both)", "none"]
    species = [metal, chalcogen, f"{metal} vacancy", f"{chalcogen} vacancy", *kinds[3:5]]
    rows = [
        {"method": method, "calibration": calibration, "dose": dose, "species": name}
        | _scores(*counts.species[index])
        | {"seconds": float(np.median(counts.seconds))}
        for (method, calibration, dose), counts in tally.items()
        for index, name in enumerate(species)
    ]
    confusions = {key: counts.confusion for key, counts in tally.items()}
    return SpeciesScores(pd.DataFrame(rows), confusions, kinds)


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """Pivot the table of `SpeciesScores`: a column with the F1 of each species."""
    species = list(dict.fromkeys(table.species))
    keys = ["method", "calibration", "dose", "seconds"]
    result = table.pivot_table(index=keys, columns="species", values="f1", sort=False, dropna=False)
    result = result.dropna(how="all")[species].reset_index()
    return result[["method", "calibration", "dose", *species, "seconds"]]


def together(scores: Sequence[SpeciesScores]) -> SpeciesScores:
    """Add up the counts of several materials, whose kinds get the names of their roles."""
    metal, chalcogen = scores[0].kinds[:2]
    roles = {metal: "metal", chalcogen: "chalcogen"}
    kinds = [
        " ".join([roles.get(word, word), *rest])
        for word, *rest in (kind.split() for kind in scores[0].kinds)
    ]
    counts = {key: sum(one.confusions[key] for one in scores) for key in scores[0].confusions}
    return SpeciesScores(pd.concat([one.table for one in scores]), counts, kinds)


def card_scores(scores: SpeciesScores, method: str) -> dict[str, dict[str, dict[str, float]]]:
    """Return the scores of a network by species that its card holds."""
    names = scores.kinds
    one, both = 3, 4
    groups = {names[0]: [0], names[1]: [1], names[2]: [2]}
    groups[names[one].removesuffix(" (one)")] = [one, both]
    groups |= {names[one]: [one], names[both]: [both]}
    result: dict[str, dict[str, dict[str, float]]] = {name: {} for name in groups}
    for (name, _, dose), counts in scores.confusions.items():
        if name != method:
            continue
        for group, kinds in groups.items():
            right = counts[np.ix_(kinds, kinds)].sum()
            there, found = counts[kinds].sum(), counts[:, kinds].sum()
            about = _scores(right, found - right, there - right)
            about = {key: about[key] for key in ("precision", "recall", "f1")}
            if kinds[0] > 1:
                sublattice = [0, 2] if kinds == [2] else [1, one, both]
                others = counts[[kind for kind in sublattice if kind not in kinds]].sum()
                about |= {"false_per_site": (found - right) / max(others, 1)}
                about |= {"vacancies": there, "sites": others}
            if there:
                result[group][f"{dose:g}"] = {key: float(value) for key, value in about.items()}
    return {group: by_dose for group, by_dose in result.items() if by_dose}


class _Tally:
    """Sums over the series of one method at one dose."""

    def __init__(self):
        self.species = np.zeros((6, 3), dtype=int)
        self.confusion = np.zeros((baselines.KINDS + 1, baselines.KINDS + 1), dtype=int)
        self.seconds: list[float] = []

    def add(self, find: baselines.Method, series: FocalSeries) -> None:
        true = baselines.labelled(series.truth)
        # On a machine with other work to do, wall-clock time says nothing.
        start = time.process_time()
        found = find(series)
        self.seconds.append(time.process_time() - start)
        self.confusion += confusion(found, true, baselines.KINDS, series.extent)
        # First with both kinds of chalcogen vacancy as one species, then each by itself.
        as_species = (
            sites._replace(kinds=baselines.species_of(sites.kinds)) for sites in (found, true)
        )
        self.species[:4] += counts_by_kind(*as_species, 4, series.extent)
        self.species[4:] += counts_by_kind(found, true, baselines.KINDS, series.extent)[3:]


def _scores(found: int, false: int, missed: int) -> dict[str, float]:
    def share(whole: int, part: int = found) -> float:
        return part / whole if whole else np.nan

    return {
        "found": int(found),
        "false": int(false),
        "missed": int(missed),
        "precision": share(found + false),
        "recall": share(found + missed),
        "f1": share(2 * found + false + missed, 2 * found),
    }
