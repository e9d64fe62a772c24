# SPDX-License-Identifier: GPL-3.0-or-later
"""Check of a stated calibration, against the sites found with it and the image's spectrum."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from hyperspy_dlatoms.analysis.lattice import SHEETS, Lattice, Spacing, best_fit, lattices_of
from hyperspy_dlatoms.detection._window import lattice_evidence
from hyperspy_dlatoms.detection.pipeline import working_image
from hyperspy_dlatoms.detection.sampling import (
    CONTRADICTION,
    EXACT,
    Estimate,
    SamplingError,
    find_lattice,
)
from hyperspy_dlatoms.detection.sites import PROBABILITY
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork

# Stand for the lattice that an image shows: one that the network finds at no sampling, and an image
# that was not examined.
UNREAD = "unread"
NOT_EXAMINED = "not examined"
# Images of a long movie that are examined: it has one calibration, and examining one may take as
# long as searching some twenty more frames.
_EXAMINED = 5
# Fewest sites for a frame to count, five rows of a small particle; and frames of a long movie that
# are compared, since the whole movie has one calibration.
_FEWEST = 30
_MOST_FRAMES = 10
# Least mean probability of the sites, and least likeness to a lattice, at which its size is
# believed: for lattices that may be another, as those of metals, and for sheets. Measured at 0.85
# to 1.25 times the true sampling: half of the wrong calibrations get a warning, and no right one
# does.
_SURE = 0.8
_LIKENESS = 0.9
_LIKENESS_OF_A_SHEET = 0.8
# With the right calibration, sheets have a likeness to their lattice above 0.85; with one a quarter
# too coarse, below 0.65. With fewer sites, the likeness is a matter of chance.
_NO_LATTICE = 0.65
_FEWEST_OF_A_SHEET = 60
# Likeness, and share of the neighbours, from which sites certainly form a known lattice: 0.89 and
# 0.78 or more on 28 correctly read images whose spectrum shows a lattice; less on 35 of 42 with a
# calibration 0.7 to 1.4 times the right one, and the other seven contradict it. Sites between the
# columns of a particle may form a finer lattice: likeness 0.95, but neighbours 0.68.
_EXPECTED = 0.85
_EXPECTED_NEIGHBOURS = 0.75
# Evidence of a lattice in the spectrum, see `lattice_evidence`: from which another search is worth
# its time (one blank image in ten), and from which the lattice is reported (one in 10 000).
_FAINT = 2.3
_CLEAR = 9.2
_NARROWEST = 20.0  # Å: a few cells wide, where a spectrum says little that the sites do not.
# px: the period at the Nyquist frequency, and a tenth more for the resampling filter's edge.
_NYQUIST = 2.2
# Samplings that a message lists, one for each lattice constant; for more it gives the range.
_LISTED = 6


def describe_contradiction(
    found: Sequence[np.ndarray], sampling: float, materials: Sequence[str], model: str
) -> str:
    """Describe how the sites that a network found contradict the sampling (Å/px); empty if not."""
    lattices = lattices_of(materials)
    estimate = contradiction(found, sampling, lattices)
    if estimate is not None:
        return (
            f"The atoms that {model!r} found form a lattice, {estimate.zone}, that suggests a "
            f"sampling of {_listed(estimate.samplings)}, not of {sampling:.4g} Å/px as stated: "
            "either the calibration is wrong, or it is another material."
        )
    if is_no_sheet(found, lattices):
        return (
            f"The sites that {model!r} found do not form the lattice of {', '.join(materials)}: "
            f"either the calibration of {sampling:.4g} Å/px is wrong, or it is another material. "
            "`estimate_sampling` may find the calibration."
        )
    return ""


def describe_unfound(
    shown: Sequence[str], found: Sequence[np.ndarray], sampling: float, model: str
) -> tuple[str, bool]:
    """Describe the lattice that most images show but their sites do not form; empty if none."""
    # `shown` comes from `reexamine`. Also whether it fits at another sampling (Å/px).
    examined = [
        (one, len(sites)) for one, sites in zip(shown, found, strict=True) if one != NOT_EXAMINED
    ]
    against = [one for one, _ in examined if one]
    if 2 * len(against) <= sum(bool(one or number) for one, number in examined):
        return "", False
    where = "this image" if len(shown) == 1 else f"{len(against)} of {len(examined)} images"
    where += " examined" * (len(examined) < len(shown))
    number = int(np.median([number for one, number in examined if one]))
    sites = "1 site that does" if number == 1 else f"{number} sites that do"
    instead = f"{sites} not form it" if number else "nothing"
    fitting = [one for one in against if one != UNREAD]
    if 2 * len(fitting) >= len(against):
        return (
            f"In {where} {model!r} finds {fitting[len(fitting) // 2]}; with the {sampling:.4g} "
            f"Å/px stated it finds {instead}. Either the calibration is wrong (give `sampling`, or "
            "set the signal axes), or it is another material."
        ), True
    return (
        f"The spectrum of {where} shows a lattice, in which {model!r} finds {instead}, at any "
        "sampling: another material or zone axis, scanned images (STEM), or too little contrast. "
        "Try another network, or average images."
    ), False


def examined(count: int) -> np.ndarray:
    """Return the numbers of the images of a movie to pass to `reexamine`."""
    # The middle of each of as many parts, since first and last images are often the worst.
    number = min(count, _EXAMINED)
    return ((np.arange(number) + 0.5) * count / max(number, 1)).astype(int)


def reexamine(
    frames: np.ndarray,
    found: Sequence[np.ndarray],
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    materials: Sequence[str],
) -> list[str]:
    """Return for each frame the lattice that it shows but the sites found in it do not form."""
    # "" if the sites form the lattice of one of the materials, or the spectrum shows none; else
    # what the network finds at another sampling (Å/px), or ``UNREAD``. Of the frames in doubt, only
    # the one with the clearest spots is searched, on behalf of all, which takes about 2 s.
    lattices = lattices_of(materials)
    shown = [""] * len(frames)
    if min(frames.shape[-2:]) * sampling < _NARROWEST:
        return shown
    evidence = {}
    for number, (frame, sites) in enumerate(zip(frames, found, strict=True)):
        if not _are_expected(sites, lattices, sampling):
            evidence[number] = _evidence(frame, sampling, network)
    in_doubt = [number for number, clear in evidence.items() if clear > _FAINT]
    if in_doubt:
        clearest = max(in_doubt, key=lambda number: evidence[number])
        lattice = _elsewhere(frames[clearest], sampling, network, lattices)
        for number in in_doubt:
            unread = lattice == UNREAD and (
                evidence[number] <= _CLEAR or _has_some_lattice(found[number], lattices)
            )
            shown[number] = "" if unread else lattice
    return shown


def _evidence(frame: np.ndarray, sampling: float, network: AtomNetwork | AtomEnsemble) -> float:
    """Return the evidence of a lattice in a frame (Å/px), the lesser of with and without steps."""
    # With too coarse a calibration, single atoms are as large as regions with steps, and cutting
    # regions out there creates spots.
    least = math.inf
    for steps in (True, False):
        working, grid, _ = working_image(frame, sampling, network.card, steps=steps)
        planes = working.reshape(-1, *working.shape[-2:])
        shortest = _NYQUIST / grid.scale
        least = min(least, max(lattice_evidence(plane, shortest) for plane in planes))
    return least


def _are_expected(sites: np.ndarray, lattices: Sequence[Lattice], sampling: float) -> bool:
    """Whether sites form a known lattice with the size that the sampling (Å/px) implies."""
    if not lattices:
        return len(sites) > 0
    if (fit := best_fit(sites[:, :2], lattices)) is None:
        return False
    lattice, spacing = fit
    return (
        spacing.likeness >= _EXPECTED
        and spacing.neighbours >= _EXPECTED_NEIGHBOURS
        and lattice.mismatch(spacing.nearest, sampling) <= math.log(CONTRADICTION)
    )


def _has_some_lattice(sites: np.ndarray, lattices: Sequence[Lattice]) -> bool:
    """Whether sites look somewhat like a known lattice, as those of a twinned particle."""
    fit = best_fit(sites[:, :2], lattices)
    return fit is not None and fit[1].likeness >= _NO_LATTICE


def _elsewhere(
    frame: np.ndarray,
    sampling: float,
    network: AtomNetwork | AtomEnsemble,
    lattices: Sequence[Lattice],
) -> str:
    """Describe the lattice that a network finds at another sampling (Å/px); "" at this one."""
    if not lattices:
        return UNREAD
    try:
        zone, _, samplings = find_lattice(frame, network, lattices)
    except SamplingError as error:
        if not error.suggested:
            return UNREAD
        suggested = error.suggested
        lattice = f"lattices at {' or '.join(f'{one:.4g}' for one in suggested)} Å/px"
    else:
        suggested = tuple(samplings.values())
        lattice = f"a lattice, {zone}, at {_listed(samplings)}"
    off = min(abs(math.log(one / sampling)) for one in suggested)
    return lattice if off > math.log(CONTRADICTION) else ""


def contradiction(
    found: Sequence[np.ndarray], sampling: float, lattices: Sequence[Lattice]
) -> Estimate | None:
    """Return the lattice that contradicts the sampling (Å/px) of sites (y, x in px), or None."""
    # Even if the sampling is somewhat wrong, atoms are found at their true positions, so their
    # lattice gives the right one. Most frames with a lattice must suggest one more than
    # ``CONTRADICTION`` off in each material.
    least = _LIKENESS_OF_A_SHEET if _are_sheets(lattices) else _LIKENESS
    fits = [fit for fit in _fits(found, lattices, _FEWEST) if fit[1].likeness >= least]
    against = [
        (lattice, spacing)
        for lattice, spacing in fits
        if lattice.mismatch(spacing.nearest, sampling) > math.log(CONTRADICTION)
    ]
    if 2 * len(against) <= len(fits):
        return None
    lattice, spacing = sorted(against, key=lambda fit: fit[1].nearest)[len(against) // 2]
    return Estimate(lattice.zone, spacing.nearest, lattice.samplings(spacing.nearest))


def is_no_sheet(found: Sequence[np.ndarray], lattices: Sequence[Lattice]) -> bool:
    """Whether the sites of most frames do not form the lattice of any of the sheets."""
    # With too coarse a calibration, a network finds many sites in a sheet, but not at the atoms.
    # Metal particles need not form a lattice, so only sheets are checked.
    if not _are_sheets(lattices):
        return False
    fits = list(_fits(found, lattices, _FEWEST_OF_A_SHEET))
    return 2 * sum(spacing.likeness < _NO_LATTICE for _, spacing in fits) > len(fits)


def _listed(samplings: dict[str, float]) -> str:
    """List samplings (Å/px) by material, equal ones together."""
    groups: list[list[str]] = []
    for name in sorted(samplings, key=lambda one: samplings[one]):
        if groups and samplings[name] <= samplings[groups[-1][0]] * (1 + EXACT):
            groups[-1].append(name)
        else:
            groups.append([name])
    if len(groups) > _LISTED:
        low, high = min(samplings.values()), max(samplings.values())
        return f"{low:.4g} to {high:.4g} Å/px for {', '.join(samplings)}"
    means = [math.prod(samplings[name] for name in group) ** (1 / len(group)) for group in groups]
    return ", ".join(
        f"{mean:.4g} Å/px for {' or '.join(group)}"
        for mean, group in zip(means, groups, strict=True)
    )


def _are_sheets(lattices: Sequence[Lattice]) -> bool:
    return all(lattice.nearest.keys() <= SHEETS.keys() for lattice in lattices)


def _fits(
    found: Sequence[np.ndarray], lattices: Sequence[Lattice], fewest: int
) -> Iterator[tuple[Lattice, Spacing]]:
    """Yield the lattice that the sites of each frame resemble most, if they are sure enough."""
    telling = [sites for sites in found if len(sites) >= fewest]
    number = min(len(telling), _MOST_FRAMES)
    for chosen in np.unique(np.linspace(0, len(telling) - 1, number).astype(int)):
        sites = telling[chosen]
        if sites[:, PROBABILITY].mean() < _SURE:
            continue
        if (fit := best_fit(sites[:, :2], lattices)) is not None:
            yield fit
