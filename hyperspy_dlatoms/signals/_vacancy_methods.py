# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of `AtomPositions` about species and vacancies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.analysis import vacancies
from hyperspy_dlatoms.analysis.vacancies import species_column
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._frame_physics import distance_edges
from hyperspy_dlatoms.signals._mapping import map_frames
from hyperspy_dlatoms.signals._material import named_in
from hyperspy_dlatoms.signals._quality import warn_of_statistics
from hyperspy_dlatoms.signals._selection import warn_of_region

if TYPE_CHECKING:
    import pandas as pd

    from hyperspy_dlatoms.analysis._prevalence import Rates
    from hyperspy_dlatoms.signals import AtomPositions


def species_counts(self: AtomPositions) -> pd.DataFrame:
    """Count the atoms of each species in each frame.

    Returns
    -------
    pandas.DataFrame
        A row for each frame and a column for each species, vacancies included. The index holds the
        values of the navigation axes, or the frame number for axes without a name.

    Raises
    ------
    ValueError
        If there is no column of species.

    See Also
    --------
    vacancy_statistics : Counts corrected for the error rates of the network.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> sites = np.array([[2, 2, 0.9, 0.1, 0.1, 0], [4, 2, 0.9, 0.1, 0.1, 1.0]])
    >>> atoms = AtomPositions.from_frames([sites, sites[:1]], sampling=1, species=["Mo", "S"])
    >>> atoms.species_counts()
             Mo  S
    index_0
    0         1  1
    1         1  0
    """
    import pandas as pd

    frames, calibration, navigation = self._for_tables()
    column, species = species_column(calibration.columns), calibration.species
    counts = [
        np.bincount(frame[:, column].astype(int), minlength=len(species)) for frame in frames.flat
    ]
    counted = np.array(counts, int).reshape(-1, len(species))
    return pd.DataFrame(counted, navigation.table_index(species), columns=species)


@filled
def vacancy_statistics(
    self: AtomPositions,
    *,
    dose: float | None = None,
    rates: Mapping[str, Mapping[str, float]] | None = None,
    border: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate how many vacancies there are, taking the errors of the network into account.

    A fraction of the sites of a species, its atoms and vacancies, is reported as vacant. Some
    vacancies are overlooked and some atoms mistaken for vacancies; the true fraction and its
    interval follow from how often either happens where the truth is known. See
    :func:`hyperspy_dlatoms.analysis.prevalence` for the model and its sources.

    Parameters
    ----------
    dose : float, optional
        Dose of each image (e/Å²), required if `rates` are not given: they are then taken from the
        card of the network, at the highest measured dose that is not above this one. Ensembles have
        none.
    rates : mapping, optional
        For each vacancy its ``recall`` and ``false_per_site``, the false reports per site that is
        not vacant; and the numbers of ``vacancies`` and ``sites`` on which these were measured, by
        default taken as exact. Other vacancies get no estimate.
    {BORDER}
    level : float, optional
        Probability that an interval holds the true value.

    Returns
    -------
    pandas.DataFrame
        A row for each frame and each vacancy: the navigation indices; ``vacancy``, its name;
        ``sites``, and ``found``, those reported as vacant; ``number``, the estimated number of
        vacant ones; ``fraction`` of the sites and ``density`` per nm², with the ends of their
        intervals, ``_low`` and ``_high``; and ``area`` (nm²), that of the image within the border.
        If sites have two atoms and there is a column `height`, vacancies with one atom left and
        with none are also counted separately, ``(one)`` and ``(both)``. NaN without rates and
        without sites.

    Raises
    ------
    ValueError
        If there are no vacancies among the species, the size of the image is not known, an
        argument is out of range, or the error rates of the network are not known.

    Warns
    -----
    ExtrapolationWarning
        If frames are outside the domain of the network: their vacancies may not be real.
    DLAtomsWarning
        If sites were selected by a region or a mask: the fractions apply there, the densities do
        not.

    Notes
    -----
    The interval is for the material, of which the frame is a sample: it includes the uncertainty of
    small counts, so its upper end is above 0 even for a frame without any vacancy. Sites are taken
    as independent.

    See Also
    --------
    vacancy_pairs : Their pair correlation.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> sites = np.zeros((400, 6))
    >>> sites[:10, 5] = 1
    >>> atoms = AtomPositions.from_frames(sites, sampling=0.1, species=["S", "S vacancy"])
    >>> atoms.metadata.VectorMetadata.image_shape = [600, 600]
    >>> rates = {"S vacancy": {"recall": 0.8, "false_per_site": 0.005}}
    >>> table = atoms.vacancy_statistics(rates=rates)
    >>> table[["found", "number", "density_low", "density_high"]].round(2)
       found  number  density_low  density_high
    0     10   10.06         0.11          0.54
    """
    atoms = self._computed()
    frames, calibration, navigation = atoms._for_tables()
    warn_of_statistics(atoms.metadata.get_item("VectorMetadata.domain", []))
    selections = atoms.metadata.get_item("VectorMetadata.selections", [])
    warn_of_region(selections, "the density of vacancies")
    frames, area = _inside(frames, calibration, border)
    known = {} if rates is None else vacancies.checked_rates(rates)
    sites = list(frames.flat)
    kinds = vacancies.kinds_of(sites, calibration.columns, calibration.species)
    if rates is None:
        # A card may list vacancies of one and of both atoms; here columns may not have two.
        names = [kind.name for kind in kinds]
        known = {name: one for name, one in _rates_of_model(self, dose).items() if name in names}
    result = vacancies.vacancy_statistics(sites, kinds, known, area, level)
    return _export.with_navigation(result, navigation)


@filled
def vacancy_pairs(
    self: AtomPositions,
    *,
    max_distance: float = 20.0,
    bin_width: float = 1.0,
    border: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Count pairs of vacancies by distance, with the counts expected at random.

    The expectation is for the same number of vacancies placed at random on the sites of the frame,
    so lattice, edges and holes are accounted for; see
    :func:`hyperspy_dlatoms.analysis.pair_distances`.

    Parameters
    ----------
    max_distance : float, optional
        Å.
    bin_width : float, optional
        Å.
    {BORDER}
    seed : int, optional
        Seed of the random draws behind the limits.

    Returns
    -------
    pandas.DataFrame
        A row for each frame, each vacancy and each range of distances: the navigation indices;
        ``vacancy``, its name; ``low`` and ``high`` (Å); ``pairs``; ``expected``, their mean number
        at random; ``ratio`` of the two, the pair correlation, NaN if no sites are that far apart;
        and ``expected_low`` and ``expected_high``, the limits of 95 % of the random counts in each
        range.

    Raises
    ------
    ValueError
        If there are no vacancies among the species, an argument is out of range, or the size of the
        image, which `border` needs, is not known.

    Warns
    -----
    ExtrapolationWarning
        If frames are outside the domain of the network: their vacancies may not be real.

    Notes
    -----
    To combine frames, add up their pairs and their expected numbers:
    ``table.groupby(["vacancy", "low"])[["pairs", "expected"]].sum()``.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> sites = np.zeros((5, 6))
    >>> sites[:, 0] = np.arange(5)
    >>> sites[:2, 5] = 1
    >>> atoms = AtomPositions.from_frames(sites, sampling=3.0, species=["S", "S vacancy"])
    >>> table = atoms.vacancy_pairs(max_distance=8.0, bin_width=4.0)
    >>> table[["vacancy", "low", "high", "pairs", "expected", "ratio"]]
         vacancy  low  high  pairs  expected  ratio
    0  S vacancy  0.0   4.0      1       0.4    2.5
    1  S vacancy  4.0   8.0      0       0.3    0.0
    """
    edges = distance_edges(max_distance, bin_width)
    atoms = self._computed()
    frames, calibration, navigation = atoms._for_tables()
    warn_of_statistics(atoms.metadata.get_item("VectorMetadata.domain", []))
    if border:
        frames, _ = _inside(frames, calibration, border)
    sites = list(frames.flat)
    kinds = vacancies.kinds_of(sites, calibration.columns, calibration.species)
    result = vacancies.vacancy_pairs(sites, kinds, calibration.sampling, edges, seed)
    return _export.with_navigation(result, navigation)


def _inside(
    frames: np.ndarray, calibration: _export.Calibration, border: float
) -> tuple[np.ndarray, float]:
    """Return the sites of frames that are not near the edges, and the area left in nm²."""
    size = calibration.known_shape * calibration.sampling
    if not border >= 0:
        raise ValueError(f"border is {border}: expected a width in Å, 0 or more.")
    # The first pixel is centred at 0.
    first = -0.5 * calibration.sampling + border
    last = first + size - 2 * border
    if not (last > first).all():
        raise ValueError(
            f"border is {border} Å, which leaves nothing of an image of {size[0]:.4g} by "
            f"{size[1]:.4g} Å."
        )

    def inside(frame: np.ndarray) -> np.ndarray:
        places = calibration.in_angstrom(frame)
        return frame[((places >= first) & (places < last)).all(axis=1)]

    return map_frames(inside, frames), float(np.prod(last - first)) / 100


def _rates_of_model(atoms: AtomPositions, dose: float | None) -> dict[str, Rates]:
    """Read the network's error rates for vacancies from its card."""
    model = atoms.metadata.get_item("VectorMetadata.model", "")
    if model not in registry.names():
        raise ValueError(
            f"The network is {model!r}, whose error rates are not known here: give rates, "
            f"{vacancies.SUCH_AS}."
        )
    if dose is None:
        raise ValueError(
            "The error rates of the network depend on the dose: give dose, in e/Å² for each "
            "image, or rates."
        )
    rates = vacancies.rates_from_scores(registry.handle(model).card.scores, float(dose))
    return named_in(atoms.metadata.get_item("VectorMetadata.material", None), rates)
