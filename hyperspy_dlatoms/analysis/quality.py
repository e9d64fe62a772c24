# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said about positions without knowing the true ones."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms._near import connected
from hyperspy_dlatoms.analysis.lattice import FEWEST

# Of the usual distance of neighbours: pairs closer than this are one atom twice, or include a false
# one. Dumbbells and the bonds of 5-7 defects do not: their distances differ by less than a fifth.
_TOO_CLOSE = 0.6
# Of it, the first shell of neighbours: a square lattice has the next shell at 1.41, an fcc metal
# along [110], with six neighbours, at 1.63.
_SHELL = 1.3
_MOST_NEAR = 6  # Most neighbours in that shell: those of a centred lattice.
# Neighbours beyond it if they come in opposite pairs: in a rectangular lattice, the second pair is
# farther than the first. The three of a honeycomb do not; the fourth is 1.73 times as far.
_PAIRED, _THREE = 4, 1.3
# Of it, the longest translation that is tried: a honeycomb has 1.73, a perovskite with its oxygen
# columns 2.
_TRANSLATION = 2.15
# Of it, how far an atom may be from where a translation takes its neighbour. At random places a
# honeycomb has an atom this near in 12 % of cases.
_SAME_PLACE = 0.22
# Of the neighbours, the fraction that a translation takes to atoms: two of three in a honeycomb,
# where a bond, which is not a translation, takes none.
_SUPPORTED = 0.6
# Translations that an atom of a lattice has; at a corner there are two, among random sites 0.3 on
# average.
_TRANSLATIONS = 2
# Fraction of the sites on a lattice for one to be recognised; for random sites it is below 0.1.
_RECOGNISED = 0.4
# Of the distance of neighbours: an empty place has no atom within the first, is surrounded by atoms
# within the second, where they are paired within the longest translation, and places closer than
# the third are one.
_EMPTY, _SURROUNDED, _ONE_PLACE = 0.6, 1.8, 0.3
_OPEN = np.deg2rad(130)  # rad; a surface leaves open 180° and more, a vacancy in a sheet 60°.
# Translations that must lead to an atom, or from different atoms to an empty place.
_WITNESSES = 3
_AT_ONCE = 500_000  # Translated neighbours looked up at once: some 50 MB.

# Probability below which a site is called doubtful: one in five or more of them is false.
DOUBTFUL = 0.8
# Share of doubtful sites, of sites off the lattice, and of masked pixels worth a remark.
_SHARE = 0.1
_FALSE = 0.05  # Expected share of false sites worth a remark.
_AGREED = 0.8  # Mean agreement of an ensemble below which it is worth a remark.


class Flags(NamedTuple):
    """What is odd about positions, judged by their neighbours alone.

    Attributes
    ----------
    spacing : float
        The usual nearest-neighbour distance in the unit of the positions, NaN for fewer than two.
    too_close : numpy.ndarray
        Which are closer to another one than 0.6 of it, bool, shape (n,).
    pairs : int
        Number of these pairs.
    lattice : bool
        Whether a lattice was recognised: at least 12 positions, of which 40 % continue the lattice
        of their neighbours.
    on_lattice : numpy.ndarray
        Which positions do so, bool, shape (n,).
    holes : numpy.ndarray
        Places of the lattice without an atom that are surrounded by atoms, shape (m, 2); empty
        without a lattice.
    """

    spacing: float
    too_close: np.ndarray
    pairs: int
    lattice: bool
    on_lattice: np.ndarray
    holes: np.ndarray


class FrameQuality(NamedTuple):
    """Quality of the sites of a frame without ground truth; NaN if not known."""

    found: int
    """Sites."""
    expected: float
    """Sites that the lattice should have: those found on it, and its holes."""
    too_close: int
    """Pairs closer than 0.6 of the usual distance."""
    holes: float
    off_lattice: float
    doubtful: int
    """Sites with a probability below 0.8, and those without one."""
    false_expected: float
    """By the probabilities, which are calibrated: the sum of 1 minus each."""
    agreement: float
    """Mean over the sites."""
    spacing: float
    """Å."""
    sigma: float
    """Median of the predicted standard deviations per axis, Å."""


def flags(positions: np.ndarray, window: tuple[np.ndarray, np.ndarray] | None = None) -> Flags:
    """Find pairs that are too close, sites off the lattice, and holes in it.

    The lattice need not be known, and there may be several grains, strain, and several sites in a
    cell. The vector from an atom to another one nearby is a translation of the lattice there if it
    takes the neighbours of the first to atoms as well. An atom with two such translations is on the
    lattice, and so is one to which three lead; where they take neighbours to an empty place among
    atoms, there is a hole.

    Parameters
    ----------
    positions : numpy.ndarray
        y, x, of shape (n, 2), in any unit.
    window : tuple of numpy.ndarray, optional
        The lowest and highest y, x of the image; places outside it say nothing.

    Returns
    -------
    Flags

    Notes
    -----
    Atoms at grain boundaries and dislocations, in an amorphous support, and false ones are off the
    lattice. So are atoms located less precisely than a tenth of their distance; then no lattice is
    recognised. Translations longer than 2.15 of that distance are not tried: lattices with larger
    cells are not recognised either, and no holes are found in rows farther apart than twice that
    distance.

    Examples
    --------
    >>> square = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(-1, 2)
    >>> found = flags(np.delete(square, 27, axis=0))
    >>> found.lattice, found.holes
    (True, array([[3., 3.]]))
    """
    positions = np.asarray(positions, float)[:, :2]
    n = len(positions)
    none = np.zeros(n, bool)
    if n < 2:
        return Flags(np.nan, none, 0, False, none, np.empty((0, 2)))
    tree = cKDTree(positions)
    spacing = float(np.median(tree.query(positions, k=2)[0][:, 1]))
    pairs = tree.query_pairs(_TOO_CLOSE * spacing, output_type="ndarray")
    too_close = np.bincount(pairs.ravel(), minlength=n) > 0
    # Too few to tell, or most of them are doubled.
    if n < FEWEST or spacing == 0:
        return Flags(spacing, too_close, len(pairs), False, none, np.empty((0, 2)))
    known = _translations(positions, tree, spacing, window)
    on_lattice = (known.number >= _TRANSLATIONS) | (known.reached >= _WITNESSES)
    if window is not None:
        # At the edge of an image there may be too few neighbours to tell.
        margin = np.minimum(positions - window[0], window[1] - positions).min(axis=1)
        on_lattice |= (margin < _SHELL * spacing) & (known.tried <= _TRANSLATIONS)
    lattice = bool(on_lattice.mean() >= _RECOGNISED)
    holes = _holes(known, positions, tree, spacing) if lattice else np.empty((0, 2))
    return Flags(spacing, too_close, len(pairs), lattice, on_lattice, holes)


def frame_quality(
    positions: np.ndarray,
    probability: np.ndarray | None = None,
    sigma: np.ndarray | None = None,
    agreement: np.ndarray | None = None,
    window: tuple[np.ndarray, np.ndarray] | None = None,
) -> FrameQuality:
    """Return the quality of a frame from positions (n, 2) in Å, sigmas (n, 2) in Å, and the like.

    See `flags` for the window.
    """
    found, n = flags(positions, window), len(positions)
    on = int(found.on_lattice.sum())
    known, spread, agreed = found.lattice, np.nan, np.nan
    if sigma is not None and np.isfinite(sigma).any():
        spread = float(np.nanmedian(sigma))
    if agreement is not None and np.isfinite(agreement).any():
        agreed = float(np.nanmean(agreement))
    return FrameQuality(
        found=n,
        expected=float(on + len(found.holes)) if known else np.nan,
        too_close=found.pairs,
        holes=float(len(found.holes)) if known else np.nan,
        off_lattice=float(n - on) if known else np.nan,
        doubtful=0 if probability is None else int(np.sum(~(probability >= DOUBTFUL))),
        false_expected=np.nan if probability is None else float(np.nansum(1 - probability)),
        agreement=agreed,
        spacing=found.spacing,
        sigma=spread,
    )


def remarks(quality: FrameQuality, domain: float = np.nan, masked: float = np.nan) -> list[str]:
    """Say in words what to distrust in a frame, the worst first; empty if nothing.

    ``domain`` is its score, above 1 outside of the training images; ``masked`` the fraction of its
    pixels that show no image.
    """
    said = []
    if domain > 1:
        said.append(
            f"The image is unlike those on which the network was trained (domain {domain:.2f}, "
            "expected at most 1): compare the atoms with the image before using any number."
        )
    n = quality.found
    if n == 0:
        said.append("No atoms were found.")
    if n and not np.isfinite(quality.expected):
        few = f"{n} {'atom is' if n == 1 else 'atoms are'} too few for one"
        why = few if n < FEWEST else "the atoms differ in their surroundings"
        said.append(
            f"No lattice was recognised ({why}): holes and sites off the lattice are not known. If "
            "this is a crystal, the positions or the calibration are doubtful."
        )
    if quality.off_lattice > _SHARE * n:
        said.append(
            f"{quality.off_lattice:.0f} of {n} atoms do not continue the lattice of their "
            "neighbours: grain boundaries, defects, a support, or false atoms. Look at them before "
            "measuring strain."
        )
    if quality.too_close:
        said.append(
            f"{quality.too_close} {'pair is' if quality.too_close == 1 else 'pairs are'} closer "
            f"than {_TOO_CLOSE * quality.spacing / 10:.2f} nm, {_TOO_CLOSE:g} of the usual "
            "distance: an atom found twice, overlapping columns, or false atoms. Check them before "
            "counting atoms."
        )
    if quality.holes > 0:
        said.append(
            f"{quality.holes:.0f} {'place' if quality.holes == 1 else 'places'} of the lattice, "
            "surrounded by atoms, with no atom: vacancies, or atoms that were missed."
        )
    if n and quality.doubtful > _SHARE * n:
        said.append(
            f"{quality.doubtful} of {n} atoms have a probability below {DOUBTFUL:g}: leave them "
            "out of statistics, or see whether the results change without them."
        )
    if n and quality.false_expected > _FALSE * n:
        said.append(
            f"Judging by their probabilities, about {quality.false_expected:.0f} of {n} are false."
        )
    if quality.agreement < _AGREED:
        said.append(
            f"On average {100 * quality.agreement:.0f} % of the networks of the ensemble found an "
            "atom: keep the atoms that most of them found."
        )
    if masked > _SHARE:
        said.append(f"{100 * masked:.0f} % of the image is masked: atoms there are missing.")
    return said


class _Translations(NamedTuple):
    """Translations of the lattice around each of n atoms, and where they lead."""

    number: np.ndarray  # How many an atom has, (n,).
    tried: np.ndarray  # Vectors of an atom that could be tested, (n,).
    # How often an atom is where a translation takes another atom's neighbour, (n,).
    reached: np.ndarray
    paired: bool  # Whether neighbours come in opposite pairs.
    places: np.ndarray  # Empty places to which they lead, (m, 2).
    sources: np.ndarray  # The atoms that they take to these, (m,).


def _translations(
    positions: np.ndarray,
    tree: cKDTree,
    spacing: float,
    window: tuple[np.ndarray, np.ndarray] | None,
) -> _Translations:
    """Find the translations around each atom."""
    n = len(positions)
    apart, near = tree.query(positions, k=np.arange(2, _MOST_NEAR + 2))
    there = apart <= _SHELL * spacing
    paired = bool(np.median(apart[:, 3] / apart[:, 2]) < _THREE)
    if paired:
        there[:, :_PAIRED] |= apart[:, :_PAIRED] <= _TRANSLATION * spacing
    both = tree.query_pairs(_TRANSLATION * spacing, output_type="ndarray")
    both = np.concatenate([both, both[:, ::-1]])
    count, tried, reached = (np.zeros(n, int) for _ in range(3))
    places, sources = [], []
    step = max(_AT_ONCE // _MOST_NEAR, 1)
    for start in range(0, len(both), step):
        first, second = both[start : start + step].T
        vector = positions[second] - positions[first]
        target = positions[near[first]] + vector[:, np.newaxis]
        judged = there[first]
        if window is not None:
            judged = judged & ((target >= window[0]) & (target <= window[1])).all(axis=-1)
        distance, nearest = tree.query(target, distance_upper_bound=_EMPTY * spacing)
        hit = judged & (distance <= _SAME_PLACE * spacing)
        enough = np.maximum(_SUPPORTED * judged.sum(axis=1), 2)
        supported = hit.sum(axis=1) >= enough
        tried += np.bincount(first[judged.sum(axis=1) >= 2], minlength=n)
        count += np.bincount(first[supported], minlength=n)
        reached += np.bincount(nearest[hit & supported[:, np.newaxis]], minlength=n)
        empty = judged & ~np.isfinite(distance) & supported[:, np.newaxis]
        places.append(target[empty])
        sources.append(near[first][empty])
    return _Translations(
        count, tried, reached, paired, np.concatenate(places), np.concatenate(sources)
    )


def _holes(
    known: _Translations, positions: np.ndarray, tree: cKDTree, spacing: float
) -> np.ndarray:
    """Return the empty places (m, 2) to which several atoms lead and which atoms surround."""
    places, size = known.places, len(known.places)
    if not size:
        return np.empty((0, 2))
    pairs = cKDTree(places).query_pairs(_ONE_PLACE * spacing, output_type="ndarray")
    reach = (_TRANSLATION if known.paired else _SURROUNDED) * spacing
    group = connected(pairs, size)
    order = np.argsort(group, kind="stable")
    found = []
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(np.unique(known.sources[members])) < _WITNESSES:
            continue
        centre = places[members].mean(axis=0)
        about = positions[tree.query_ball_point(centre, reach)] - centre
        if len(about) < 3 or np.hypot(*about.T).min() < _EMPTY * spacing:
            continue
        angles = np.sort(np.arctan2(about[:, 0], about[:, 1]))
        if np.diff(angles, append=angles[0] + 2 * np.pi).max() < _OPEN:
            found.append(centre)
    return np.array(found).reshape(-1, 2)
