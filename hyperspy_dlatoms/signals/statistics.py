# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of species and vacancies as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.pair_distances import pair_distances
from hyperspy_dlatoms.analysis.prevalence import Rates, prevalence
from hyperspy_dlatoms.signals._export import Calibration, navigation_columns

if TYPE_CHECKING:
    import pandas as pd

VACANCY = " vacancy"
"""Ends the names of species that are vacancies."""

MEASURED = ("recall", "false_per_site", "vacancies", "sites")
"""What is known of a kind of vacancy, see `Rates`."""

_SUCH_AS = "a mapping such as {'S vacancy': {'recall': 0.9, 'false_per_site': 0.001}}"
_ONE, _BOTH = " (one)", " (both)"


def species_counts(frames: np.ndarray, calibration: Calibration, names: list) -> pd.DataFrame:
    """Count the atoms of each species.

    Parameters
    ----------
    frames : numpy.ndarray
        Object array of (n, k) arrays; its shape is the navigation shape (one frame: (1,)).
    calibration : Calibration
        What the columns are.
    names : list
        The names of the navigation axes in the order of the array; empty for one frame.

    Returns
    -------
    pandas.DataFrame
        As described in :meth:`AtomPositions.species_counts`.

    Raises
    ------
    ValueError
        If the species are not told apart.
    """
    import pandas as pd

    column = _species_column(calibration)
    number = len(calibration.species)
    counts = [np.bincount(frame[:, column].astype(int), minlength=number) for frame in frames.flat]
    result = pd.DataFrame(
        np.array(counts, dtype=int).reshape(-1, number), columns=calibration.species
    )
    indices = navigation_columns(frames.shape, names, calibration.species)
    if len(indices) == 1:
        result.index = pd.Index(*indices.values(), name=next(iter(indices)))
    elif indices:
        result.index = pd.MultiIndex.from_arrays(list(indices.values()), names=list(indices))
    return result


def vacancy_statistics(
    frames: np.ndarray,
    calibration: Calibration,
    names: list,
    *,
    rates: Mapping[str, Rates],
    border: float,
    level: float,
) -> pd.DataFrame:
    """Estimate how many vacancies there are.

    Parameters
    ----------
    frames, calibration, names
        As for `species_counts`.
    rates : mapping of str to Rates
        The errors of the network about each kind of vacancy.
    border : float
        What is left out along each edge of the image (Å).
    level : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        As described in :meth:`AtomPositions.vacancy_statistics`.

    Raises
    ------
    ValueError
        If there are no vacancies among the species, the size of the image is not known, nothing is
        left of it, or there are rates for something else.
    """
    import pandas as pd

    area, inner = _area(calibration, border)
    frames = _cut(frames, calibration, inner)
    kinds = _kinds(frames, calibration)
    known = {kind.name for kind in kinds}
    for name in rates:
        if name not in known:
            raise ValueError(f"There are rates for {name!r}: expected {' or '.join(known)}.")
    indices = navigation_columns(frames.shape, names, ("vacancy",))
    rows = []
    for number, frame in enumerate(frames.flat):
        for kind in kinds:
            sites = int(kind.sites(frame).sum())
            found = int(kind.vacant(frame).sum())
            row = {label: values[number] for label, values in indices.items()}
            row |= {"vacancy": kind.name, "sites": sites, "found": found}
            estimate = low = high = np.nan
            if kind.name in rates and sites:
                estimate, low, high = prevalence(found, sites, rates[kind.name], level)
            row |= {"number": estimate * sites}
            row |= {"fraction": estimate, "fraction_low": low, "fraction_high": high}
            row |= {
                f"density{end}": share * sites / area
                for end, share in (("", estimate), ("_low", low), ("_high", high))
            }
            rows.append(row | {"area": area})
    columns = [*indices, "vacancy", "sites", "found", "number"]
    columns += [f"{name}{end}" for name in ("fraction", "density") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*columns, "area"])


def vacancy_pairs(
    frames: np.ndarray,
    calibration: Calibration,
    names: list,
    *,
    edges: np.ndarray,
    border: float,
    seed: int,
) -> pd.DataFrame:
    """Count pairs of vacancies by distance.

    Parameters
    ----------
    frames, calibration, names, border
        As for `vacancy_statistics`.
    edges : numpy.ndarray
        Of the bins (Å).
    seed : int
        Of the random draws.

    Returns
    -------
    pandas.DataFrame
        As described in :meth:`AtomPositions.vacancy_pairs`.

    Raises
    ------
    ValueError
        As for `vacancy_statistics`.
    """
    import pandas as pd

    if border:
        frames = _cut(frames, calibration, _area(calibration, border)[1])
    kinds = [kind for kind in _kinds(frames, calibration) if kind.height is None]
    indices = navigation_columns(frames.shape, names, ("vacancy", "pairs"))
    parts = []
    for number, frame in enumerate(frames.flat):
        for kind in kinds:
            sites = frame[kind.sites(frame)]
            counted = pair_distances(
                sites[:, :2] * calibration.sampling,
                kind.vacant(sites),
                edges,
                np.random.default_rng([seed, number, kind.vacancy]),
            )
            part = {label: values[number] for label, values in indices.items()}
            part |= {"vacancy": kind.name, "low": edges[:-1], "high": edges[1:]}
            part |= {"pairs": counted.pairs, "expected": counted.expected}
            with np.errstate(invalid="ignore", divide="ignore"):
                part["ratio"] = np.where(
                    counted.expected > 0, counted.pairs / counted.expected, np.nan
                )
            part |= {"expected_low": counted.low, "expected_high": counted.high}
            parts.append(pd.DataFrame(part))
    if not parts:
        columns = ["low", "high", "pairs", "expected", "ratio", "expected_low", "expected_high"]
        return pd.DataFrame(columns=[*indices, "vacancy", *columns])
    return pd.concat(parts, ignore_index=True)


def rates_of_model(model: str, dose: float | None) -> dict[str, Rates]:
    """Read the errors of a network about vacancies from its card.

    Parameters
    ----------
    model : str
        Its name in the registry.
    dose : float or None
        Of each image (e/Å²).

    Returns
    -------
    dict of str to Rates

    Raises
    ------
    ValueError
        If the network is not in the registry, the dose is missing, or the card does not know the
        errors at that dose.
    """
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.networks.model_file import read_model

    if model not in registry.names():
        raise ValueError(
            f"The network is {model!r}, whose errors are not known here: give rates, {_SUCH_AS}."
        )
    if dose is None:
        raise ValueError(
            "The errors of the network depend on the dose: give dose, in e/Å² of each image, or "
            "rates."
        )
    return rates_from_scores(read_model(registry.path(model))[0].scores, float(dose))


def rates_as_given(rates: Mapping[str, Mapping[str, float]]) -> dict[str, Rates]:
    """Check rates that a user gives.

    Parameters
    ----------
    rates : mapping
        As for :meth:`AtomPositions.vacancy_statistics`.

    Returns
    -------
    dict of str to Rates

    Raises
    ------
    ValueError
        If one lacks what is needed, has something else, or is out of range.
    """
    for name, about in rates.items():
        lacking = {"recall", "false_per_site"} - set(about)
        unknown = set(about) - set(MEASURED)
        if lacking or unknown:
            raise ValueError(
                f"rates[{name!r}] has {', '.join(about) or 'nothing'}: expected recall, "
                "false_per_site, and if they are known vacancies and sites."
            )
    return {name: Rates(**about) for name, about in rates.items()}


def rates_from_scores(scores: Mapping[str, Any], dose: float) -> dict[str, Rates]:
    """Read the errors of a network about vacancies from the scores on its card.

    Parameters
    ----------
    scores : mapping
        ``scores["species"][NAME][DOSE]`` has ``recall``, ``false_per_site``, ``vacancies`` and
        ``sites``, see `Rates`; DOSE, in e/Å², is a string.
    dose : float
        Of each image (e/Å²). The rates are those of the highest dose that is not above it.

    Returns
    -------
    dict of str to Rates
        Empty for vacancies that the network did not tell from other sites at that dose.

    Raises
    ------
    ValueError
        If there are no such scores, or none at so low a dose.

    Examples
    --------
    >>> about = {"recall": 0.9, "false_per_site": 0.001, "vacancies": 200, "sites": 9000}
    >>> rates_from_scores({"species": {"S vacancy": {"1000": about}}}, 2500.0)["S vacancy"].recall
    0.9
    """
    if not (np.isfinite(dose) and dose > 0):
        raise ValueError(f"dose is {dose}: expected electrons per Å² of each image.")
    result = {}
    for name, by_dose in scores.get("species", {}).items():
        if not name.endswith((VACANCY, VACANCY + _ONE, VACANCY + _BOTH)):
            continue
        lower = [key for key in by_dose if float(key) <= dose]
        if not lower:
            raise ValueError(
                f"dose is {dose:g} e/Å²: the errors of the network about {name!r} were measured "
                f"from {min(by_dose, key=float)} e/Å² on. Give rates of your own."
            )
        about = by_dose[max(lower, key=float)]
        if about["recall"] > about["false_per_site"]:
            result[name] = Rates(*(float(about[key]) for key in MEASURED))
    if not scores.get("species"):
        raise ValueError(
            f"The card of the network has no errors about vacancies: give rates, {_SUCH_AS}."
        )
    return result


class _Kind(NamedTuple):
    """A kind of vacancy: its name, the indices of atom and vacancy, and columns of a frame."""

    name: str
    atom: int
    vacancy: int
    column: int
    height: int | None
    empty: bool

    def sites(self, frame: np.ndarray) -> np.ndarray:
        return np.isin(frame[:, self.column], (self.atom, self.vacancy))

    def vacant(self, frame: np.ndarray) -> np.ndarray:
        found = frame[:, self.column] == self.vacancy
        if self.height is not None:
            found &= (frame[:, self.height] < 0.5) == self.empty
        return found


def _kinds(frames: np.ndarray, calibration: Calibration) -> list[_Kind]:
    """Give the kinds of vacancies, those of columns of two atoms also by what is left."""
    column = _species_column(calibration)
    species = calibration.species
    height = calibration.columns.index("height") if "height" in calibration.columns else None
    kinds = []
    for vacancy, name in enumerate(species):
        atom = name.removesuffix(VACANCY)
        if not name.endswith(VACANCY) or atom not in species:
            continue
        place = species.index(atom), vacancy, column
        kinds.append(_Kind(name, *place, None, False))
        if height is None:
            continue
        whole = [frame[frame[:, column] == place[0], height] for frame in frames.flat]
        whole = np.concatenate([*whole, np.empty(0)])
        if len(whole) and np.median(whole) >= 1.5:
            kinds.append(_Kind(name + _ONE, *place, height, False))
            kinds.append(_Kind(name + _BOTH, *place, height, True))
    if not kinds:
        raise ValueError(
            f"The species are {', '.join(species)}: expected an atom and its vacancy, such as 'S' "
            "and 'S vacancy', from classify_species."
        )
    return kinds


def _species_column(calibration: Calibration) -> int:
    if "species" not in calibration.columns:
        raise ValueError(
            f"The columns are {', '.join(calibration.columns)}: expected species, from "
            "classify_species or a network of several classes."
        )
    return calibration.columns.index("species")


def _area(calibration: Calibration, border: float) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    """Give the area looked at in nm², and where it lies: its corners in Å."""
    if calibration.image_shape is None:
        raise ValueError(
            "metadata.VectorMetadata lacks image_shape, the height and width of the image in "
            "pixels: set it."
        )
    if not border >= 0:
        raise ValueError(f"border is {border}: expected a width in Å, 0 or more.")
    # The first pixel is centred at 0.
    first = -0.5 * calibration.sampling + border
    last = (np.array(calibration.image_shape) - 0.5) * calibration.sampling - border
    if not (last > first).all():
        size = np.array(calibration.image_shape) * calibration.sampling
        raise ValueError(
            f"border is {border} Å: nothing is left of an image of {size[0]:.4g} by "
            f"{size[1]:.4g} Å."
        )
    return float(np.prod(last - first)) / 100, (first, last)


def _cut(
    frames: np.ndarray, calibration: Calibration, inner: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    result = np.empty(frames.shape, dtype=object)
    for index in np.ndindex(frames.shape):
        places = frames[index][:, :2] * calibration.sampling
        inside = ((places >= inner[0]) & (places < inner[1])).all(axis=1)
        result[index] = frames[index][inside]
    return result
