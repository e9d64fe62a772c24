# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and pair distances of vacancies in frames of classified sites.

A frame is an (n, k) array of sites: y and x in px, and other columns by name, of which `species` is
an index into names such as "S" and "S vacancy", and `height` the number of atoms in a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis._pair_distances import pair_distances
from hyperspy_dlatoms.analysis._prevalence import Rates, prevalence

if TYPE_CHECKING:
    import pandas as pd

SUCH_AS = "a mapping such as {'S vacancy': {'recall': 0.9, 'false_per_site': 0.001}}"
# Endings of the names of vacancies, and of vacancies of one or both of two atoms.
_VACANCY = " vacancy"
_ONE, _BOTH = " (one)", " (both)"
# What is known about a kind of vacancy, see `Rates`.
_MEASURED = ("recall", "false_per_site", "vacancies", "sites")


def vacancy_statistics(
    frames: Iterable[np.ndarray],
    kinds: Sequence[Kind],
    rates: Mapping[str, Rates],
    area: float,
    level: float,
) -> pd.DataFrame:
    """Estimate how many vacancies of each kind each frame has, within an area in nm²."""
    import pandas as pd

    known = {kind.name for kind in kinds}
    for name in rates:
        if name not in known:
            raise ValueError(f"There are rates for {name!r}: expected {' or '.join(known)}.")
    names = ["frame", "vacancy", "sites", "found", "number"]
    names += [f"{name}{end}" for name in ("fraction", "density") for end in ("", "_low", "_high")]
    rows: list[tuple] = []
    for number, frame in enumerate(frames):
        for kind in kinds:
            sites, found = int(kind.sites(frame).sum()), int(kind.vacant(frame).sum())
            share = (np.nan,) * 3
            if kind.name in rates and sites:
                share = prevalence(found, sites, rates[kind.name], level)
            counted = number, kind.name, sites, found, share[0] * sites
            rows.append((*counted, *share, *(one * sites / area for one in share), area))
    return pd.DataFrame(rows, columns=[*names, "area"])


def vacancy_pairs(
    frames: Iterable[np.ndarray],
    kinds: Sequence[Kind],
    sampling: np.ndarray,
    edges: np.ndarray,
    seed: int,
) -> pd.DataFrame:
    """Count pairs of vacancies in each frame (sampling in Å/px) by distance, with bins in Å."""
    import pandas as pd

    kinds = [kind for kind in kinds if kind.height is None]
    names = ["frame", "vacancy", "low", "high", "pairs", "expected", "ratio"]
    names += ["expected_low", "expected_high"]
    parts = []
    for number, frame in enumerate(frames):
        for kind in kinds:
            sites = frame[kind.sites(frame)]
            rng = np.random.default_rng([seed, number, kind.vacancy])
            counted = pair_distances(sites[:, :2] * sampling, kind.vacant(sites), edges, rng)
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.where(counted.expected > 0, counted.pairs / counted.expected, np.nan)
            values = (number, kind.name, edges[:-1], edges[1:], counted.pairs, counted.expected)
            values += (ratio, counted.low, counted.high)
            parts.append(pd.DataFrame(dict(zip(names, values, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def checked_rates(rates: Mapping[str, Mapping[str, float]]) -> dict[str, Rates]:
    """Return the error rates that a user gives for each kind of vacancy."""
    for name, about in rates.items():
        lacking = {"recall", "false_per_site"} - set(about)
        unknown = set(about) - set(_MEASURED)
        if lacking or unknown:
            raise ValueError(
                f"rates[{name!r}] has {', '.join(about) or 'nothing'}: expected recall, "
                "false_per_site and, if they are known, vacancies and sites."
            )
    return {name: Rates(**about) for name, about in rates.items()}


def rates_from_scores(scores: Mapping[str, Any], dose: float) -> dict[str, Rates]:
    """Return the error rates for each kind of vacancy from a card, at a dose (e/Å² per image)."""
    # ``scores["species"][NAME][DOSE]`` has the fields of `Rates`; the highest DOSE that is not
    # above `dose` counts. Kinds that were not distinguished at that dose are left out.
    if not (np.isfinite(dose) and dose > 0):
        raise ValueError(f"dose is {dose}: expected a positive number, the e/Å² of each image.")
    if not scores.get("species"):
        raise ValueError(
            f"The card of the network has no error rates for vacancies: give rates, {SUCH_AS}."
        )
    result = {}
    for name, by_dose in scores["species"].items():
        if not name.endswith((_VACANCY, _VACANCY + _ONE, _VACANCY + _BOTH)):
            continue
        lower = [key for key in by_dose if float(key) <= dose]
        if not lower:
            raise ValueError(
                f"dose is {dose:g} e/Å²: the error rates of the network for {name!r} were measured "
                f"at {min(by_dose, key=float)} e/Å² and more. Give rates of your own."
            )
        about = by_dose[max(lower, key=float)]
        if about["recall"] > about["false_per_site"]:
            result[name] = Rates(*(float(about[key]) for key in _MEASURED))
    return result


def species_column(columns: Sequence[str]) -> int:
    """Return the number of the column with the index of the species."""
    if "species" not in columns:
        raise ValueError(
            f"The columns are {', '.join(columns)}: expected a column species, which "
            "classify_species and networks of several classes give."
        )
    return list(columns).index("species")


class Kind(NamedTuple):
    """A kind of vacancy: its name, the indices of atom and vacancy, and columns of a frame."""

    name: str
    atom: int
    vacancy: int
    column: int
    height: int | None = None
    empty: bool = False  # Whether both of two atoms are missing, if there are heights.

    def sites(self, frame: np.ndarray) -> np.ndarray:
        """Return which sites of a frame are these atoms or vacancies, bool, (n,)."""
        return np.isin(frame[:, self.column], (self.atom, self.vacancy))

    def vacant(self, frame: np.ndarray) -> np.ndarray:
        """Return which of them are vacancies, bool, (n,)."""
        found = frame[:, self.column] == self.vacancy
        if self.height is not None:
            found &= (frame[:, self.height] < 0.5) == self.empty
        return found


def kinds_of(
    frames: Sequence[np.ndarray], columns: Sequence[str], species: Sequence[str]
) -> list[Kind]:
    """Return the kinds of vacancies, in columns of two atoms also by the number of atoms left."""
    column = species_column(columns)
    height = list(columns).index("height") if "height" in columns else None
    kinds = []
    for vacancy, name in enumerate(species):
        atom = name.removesuffix(_VACANCY)
        if not name.endswith(_VACANCY) or atom not in species:
            continue
        kind = Kind(name, list(species).index(atom), vacancy, column)
        kinds.append(kind)
        if height is None:
            continue
        whole = [frame[frame[:, column] == kind.atom, height] for frame in frames]
        whole = np.concatenate([*whole, np.empty(0)])
        # Most of the columns without a vacancy have two atoms.
        if len(whole) and np.median(whole) >= 1.5:
            kinds.append(kind._replace(name=name + _ONE, height=height))
            kinds.append(kind._replace(name=name + _BOTH, height=height, empty=True))
    if not kinds:
        raise ValueError(
            f"The species are {', '.join(species)}: expected an atom and its vacancy, such as 'S' "
            "and 'S vacancy', from classify_species."
        )
    return kinds
