# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring the sampling of uncalibrated images, from a lattice that the network knows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hyperspy_dlatoms.analysis.lattice import (
    fits_of,
    lattices_of,
    with_lattices,
    without_light_columns,
)
from hyperspy_dlatoms.detection._window import lattice_centre, window_about
from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.detection.pipeline import detect

if TYPE_CHECKING:
    import ase

    from hyperspy_dlatoms.analysis.lattice import Lattice
    from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
    from hyperspy_dlatoms.networks.network import AtomNetwork

EXACT = 0.02  # Relative error up to which a sampling counts as found.
CONTRADICTION = 1.1  # Ratio of samplings from which one contradicts the other.
_DOMAIN = (0.03, 0.26)
_STEP = 0.07
_BEYOND = 1.05
# Å: width of the part of a large image used at first, and for the final estimate.
_WINDOW = 80.0
_LARGE_WINDOW = 120.0
# As logarithms: how far off a sampling may be for a network to find the atoms, how far two lattices
# that are the same may differ, and when the estimate has converged.
_CONSISTENT = 0.12
_CLUSTER = 0.04
_CONVERGED = 0.01
_ROUNDS = 3
# For a lattice to count: least number of sites, their neighbours, likeness, and for a square one
# the mean probability of a site. The few sites on amorphous films mostly have no neighbours.
_FEWEST = 24
_NEIGHBOURS = 0.5
_LIKENESS = 0.88
_SURE = 0.75
# How much more doubtful than the best, and how much less likely a lattice, the finest one may be to
# be chosen.
_CLEARLY = 3.0
_MUCH_LESS_LIKE = 0.06
# For a finer lattice that may be the right one although it is faint.
_LIKENESS_IN_DOUBT = 0.65
_ABOUT_AS_SURE = 2.0


class SamplingError(ValueError):
    """A sampling that cannot be estimated from the image.

    Attributes
    ----------
    candidates : dict of str to float
        The sampling (Å/px) for each material, if only the material is in doubt.
    suggested : tuple of float
        The samplings (Å/px) of several lattices, any of which may be the right one.
    """

    def __init__(
        self,
        message: str,
        candidates: dict[str, float] | None = None,
        suggested: tuple[float, ...] = (),
    ) -> None:
        super().__init__(message)
        self.candidates = candidates or {}
        self.suggested = suggested


class Estimate(NamedTuple):
    """The kind of lattice, its nearest distance (px), and the sampling (Å/px) for each material."""

    zone: str
    nearest: float
    samplings: dict[str, float]


class _Fit(NamedTuple):
    """The lattice of the sites in an image, assuming a sampling (Å/px)."""

    sampling: float
    lattice: Lattice
    nearest: float
    likeness: float
    probability: float

    @property
    def suggested(self) -> float:
        """The sampling that the lattice suggests, midway between those of its materials."""
        nearest = self.lattice.nearest.values()
        return math.sqrt(min(nearest) * max(nearest)) / self.nearest


class _Unscaled(NamedTuple):
    """An image of unknown sampling, and the network applied to it."""

    frame: np.ndarray
    centre: tuple[int, int]
    network: AtomNetwork | AtomEnsemble
    lattices: Sequence[Lattice]

    def fit(self, sampling: float, width: float = _WINDOW) -> _Fit | None:
        """Find the sites at a sampling, and the lattice that they form if its size fits."""
        side = math.ceil(width / sampling)
        window = window_about(self.frame.shape[-2:], self.centre, side)
        # Filters of warnings are not safe in the threads of dask, so they are not set here.
        frame = self.frame[..., *window][np.newaxis]
        (found,) = detect(frame, sampling, self.network, quiet=True)
        if len(found.sites) < _FEWEST:
            return None
        probability = float(found.sites.probability.mean())
        fits = [
            _Fit(sampling, lattice, spacing.nearest, spacing.likeness, probability)
            for lattice, spacing in fits_of(found.sites.position, self.lattices)
            if spacing.neighbours >= _NEIGHBOURS
            and spacing.likeness >= _LIKENESS_IN_DOUBT
            and lattice.mismatch(spacing.nearest, sampling) <= _CONSISTENT
        ]
        return max(fits, key=lambda fit: fit.likeness, default=None)

    def refined(self, fit: _Fit) -> _Fit | None:
        """Repeat with the sampling that the lattice suggests, until this no longer changes."""
        for _ in range(_ROUNDS):
            again = self.fit(fit.suggested, _LARGE_WINDOW)
            if again is None or again.likeness < _LIKENESS or not _same(again, fit):
                return None
            if abs(math.log(again.nearest / fit.nearest)) < _CONVERGED:
                return again
            fit = again
        return None


def estimate_sampling(
    frames: np.ndarray,
    network: AtomNetwork | AtomEnsemble,
    materials: Sequence[str | ase.Atoms] = (),
) -> float:
    """Return the median sampling (Å/px) of frames (n, H, W) by the lattice of their atoms."""
    # Materials as for `lattices_of`, by default the network's; crystals are tried without light
    # columns too. SamplingError if most frames show no lattice, or several may be right.
    materials = materials or _materials_of(network)
    seen = [one for one in map(without_light_columns, materials) if one is not None]
    if not seen:
        return _common(_find_lattices(frames, network, materials))
    found, errors = {}, []
    for some in (materials, seen):
        try:
            estimates = _find_lattices(frames, network, some)
            found[_names(lattices_of(some))] = _common(estimates)
        except SamplingError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return _agreed(found)


def _find_lattices(
    frames: np.ndarray, network: AtomNetwork | AtomEnsemble, materials: Sequence[str | ase.Atoms]
) -> list[Estimate]:
    """Return the lattice of each frame that has one; raise SamplingError if most have none."""
    lattices = lattices_of(materials)
    estimates, error = [], None
    for frame in frames:
        try:
            estimates.append(find_lattice(frame, network, lattices))
        except SamplingError as one:
            error = one
    if len(frames) == 0:
        raise ValueError("There are no frames: expected one or more.")
    if error is not None and 2 * len(estimates) <= len(frames):
        raise error
    return estimates


def find_lattice(
    frame: np.ndarray, network: AtomNetwork | AtomEnsemble, lattices: Sequence[Lattice]
) -> Estimate:
    """Find the lattice of the atoms in a frame (H, W) of unknown sampling, or a part of it."""
    # Candidates are lattices with the size that a trial sampling implies. Of several the finest is
    # taken, since a support has larger cells than the metal on it. Repeated until convergence.
    frame = np.asarray(frame)
    plane = mask_bad(frame.reshape(-1, *frame.shape[-2:])[0])[0]
    image = _Unscaled(frame, lattice_centre(plane), network, lattices)
    fits = [fit for s in _samplings(network) if (fit := image.fit(s)) is not None]
    certain = [fit for fit in fits if fit.likeness >= _LIKENESS]
    refined = [image.refined(fit) for fit in _distinct(certain)]
    found = _distinct(fit for fit in refined if fit is not None)
    likely = [fit for fit in found if not _is_doubtful(fit)]
    if not likely:
        tried = _samplings(network)
        raise SamplingError(
            f"The sampling cannot be measured: the network {network.card.name!r} finds no "
            f"lattice of {_names(lattices)} with certainty, at any sampling from {tried[0]:.3f} to "
            f"{tried[-1]:.2f} Å/px. Calibrate the image, or check the material."
        )
    best = _choose(likely)
    for fit in fits:
        believed = 1 - fit.probability <= _ABOUT_AS_SURE * (1 - best.probability)
        # It may be the material's, and the best one that of its support.
        if believed and fit.nearest * CONTRADICTION < best.nearest:
            raise _undecided([fit, best])
        # It may be the right one, and the best one have interstitial positions as well.
        clear = fit.likeness >= _LIKENESS and not _is_doubtful(fit)
        if believed and clear and _is_half(fit, best):
            raise _undecided([best, fit])
    return Estimate(best.lattice.zone, best.nearest, best.lattice.samplings(best.nearest))


def _materials_of(network: AtomNetwork | AtomEnsemble) -> tuple[str, ...]:
    names = with_lattices(network.card.materials)
    if not names:
        raise ValueError(
            f"The card of the network {network.card.name!r} does not say which crystals it knows: "
            "give the material to estimate_sampling, a name such as 'Pt' or 'graphene', or an "
            "ase.Atoms, seen along z."
        )
    return names


def _samplings(network: AtomNetwork | AtomEnsemble) -> np.ndarray:
    """Return samplings (Å/px) one step apart, over the range that the network reads."""
    low, high = network.card.domain.get("sampling", _DOMAIN)
    low, high = math.log(low / _BEYOND), math.log(high * _BEYOND)
    return np.exp(np.linspace(low, high, math.ceil((high - low) / _STEP) + 1))


def _distinct(fits: Iterable[_Fit]) -> list[_Fit]:
    """Return one fit per lattice, the one nearest to its suggestion; the finest lattice first."""
    kept: list[_Fit] = []
    for fit in sorted(fits, key=lambda one: abs(math.log(one.suggested / one.sampling))):
        if not any(_same(fit, other) for other in kept):
            kept.append(fit)
    return sorted(kept, key=lambda one: one.nearest)


def _same(one: _Fit, other: _Fit) -> bool:
    return one.lattice is other.lattice and abs(math.log(one.nearest / other.nearest)) < _CLUSTER


def _is_half(one: _Fit, other: _Fit) -> bool:
    """Whether one square lattice holds every second site of another."""
    if one.lattice is not other.lattice or not _is_square(one.lattice):
        return False
    return abs(math.log(one.nearest / other.nearest / math.sqrt(2))) < _CLUSTER


def _is_doubtful(fit: _Fit) -> bool:
    """Whether a square lattice may hold only every second atom."""
    return _is_square(fit.lattice) and fit.probability < _SURE


def _is_square(lattice: Lattice) -> bool:
    """Whether a lattice is square, with one site in a cell."""
    return np.allclose(lattice.counts[:2], 4) and np.isclose(lattice.distances[1], math.sqrt(2))


def _choose(likely: Sequence[_Fit]) -> _Fit:
    """Return the finest of the lattices with high probability and likeness."""
    doubt = min(1 - fit.probability for fit in likely)
    likeness = max(fit.likeness for fit in likely)
    for fit in likely:
        sure = 1 - fit.probability <= _CLEARLY * doubt
        if sure and fit.likeness >= likeness - _MUCH_LESS_LIKE:
            return fit
    raise _undecided(likely)


def _undecided(fits: Iterable[_Fit]) -> SamplingError:
    suggested = tuple(fit.suggested for fit in fits)
    listed = " or ".join(f"{one:.4g}" for one in suggested)
    return SamplingError(
        f"The sampling cannot be measured: it may be {listed} Å/px. Calibrate the image, or take "
        "one with more contrast.",
        suggested=suggested,
    )


def _names(lattices: Iterable[Lattice]) -> str:
    return ", ".join(dict.fromkeys(name for one in lattices for name in one.nearest))


def _common(estimates: Sequence[Estimate]) -> float:
    """Return the sampling that frames and materials have in common, or raise if they differ."""
    names = [name for name in estimates[0].samplings if all(name in e.samplings for e in estimates)]
    candidates = {
        name: float(np.median([one.samplings[name] for one in estimates])) for name in names
    }
    for name, middle in candidates.items():
        near = [abs(one.samplings[name] / middle - 1) <= EXACT for one in estimates]
        if 2 * sum(near) <= len(near):
            listed = ", ".join(f"{one.samplings[name]:.4g}" for one in estimates)
            raise SamplingError(
                f"The sampling cannot be measured: the images suggest {listed} Å/px for {name}. "
                "Were they all taken at one magnification? Estimate it from fewer."
            )
    return _agreed(candidates)


def _agreed(candidates: dict[str, float]) -> float:
    """Return the sampling (Å/px) of all candidates, or raise if they differ."""
    values = list(candidates.values())
    if max(values) / min(values) > 1 + EXACT:
        listed = ", ".join(
            f"{value:.4g} Å/px if it is {name}" for name, value in candidates.items()
        )
        raise SamplingError(
            f"The sampling depends on what the lattice is of: {listed}. Give the material (to "
            "estimate_sampling, or as metadata.Sample.elements), or an ase.Atoms of the columns "
            "that are seen.",
            candidates,
        )
    return math.sqrt(max(values) * min(values))
