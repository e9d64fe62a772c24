# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphene: perfect, random and polycrystalline sheets, with defects and contamination."""

import numpy as np

from hyperspy_dlatoms.recipes.draws import check_shares, draw, draw_count
from hyperspy_dlatoms.simulation.specimens import sheets
from hyperspy_dlatoms.simulation.specimens.contamination import adatoms, contamination
from hyperspy_dlatoms.simulation.specimens.deformation import BEYOND, SEAM, deform
from hyperspy_dlatoms.simulation.specimens.regions import in_box, openings
from hyperspy_dlatoms.simulation.specimens.sheets import Sheet
from hyperspy_dlatoms.simulation.specimens.specimen import KINDS as ANY_SITE
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen, atomic_number, join

KINDS = ("perfect", "random", "polycrystal")

SITES = ("C", "C vacancy")  # Kinds of sites of a sheet whose vacancies are marked.
# A missing atom needs at least this many remaining neighbours to count as a vacant site.
NEIGHBOURS = 2


def whole_sheet(
    rng: np.random.Generator, kind: str, size: float, grains: int, rotated_bonds: int
) -> tuple[Sheet, dict]:
    """Make a sheet that extends beyond the box, without vacancies."""
    low, high = -BEYOND, size + BEYOND
    angles: list[float] = []
    if kind == "perfect":
        angles = [rng.uniform(0, np.pi / 3)]
        centres = sheets.lattice_centres(low, high, angles[0], rng.uniform(0, sheets.SECOND, 2))
    elif kind == "random":
        centres = sheets.random_centres(rng, low, high, sweeps=int(rng.integers(15, 60)))
    else:
        centres, angles = sheets.grain_centres(rng, low, high, grains)
    sheet = sheets.from_centres(centres)
    sheet = sheets.keep_atoms(sheet, sheets.trim(sheet))
    if rotated_bonds:
        sheet = sheets.rotate_bonds(rng, sheet, rotated_bonds)
    if kind != "perfect" or rotated_bonds:
        sheet = sheets.relax(sheet)
    return sheet, {"angles": [float(np.degrees(a)) for a in angles]}


def vacancies(rng: np.random.Generator, sheet: Sheet, fraction: float) -> np.ndarray:
    """Choose the atoms to remove: single, double and small clusters of vacancies."""
    keep = np.ones(len(sheet.points), dtype=bool)
    wanted = rng.binomial(len(keep), fraction)
    while (~keep).sum() < wanted:
        count = rng.choice([1, 2, int(rng.integers(3, 7))], p=[0.6, 0.25, 0.15])
        cluster = [int(rng.integers(len(keep)))]
        while len(cluster) < min(count, wanted - (~keep).sum()):
            grown = sheet.bonded[rng.choice(cluster)]
            cluster += [int(k) for k in rng.permutation(grown[grown >= 0])[:1]]
        keep[cluster] = False
    return keep


def graphene_sheet(
    rng: np.random.Generator,
    kind: str = "perfect",
    size: float = 60.0,
    grains: int | tuple[int, int] = (2, 4),
    vacancy_fraction: float | tuple[float, float] = 0.0,
    mark_vacancies: bool = False,
    rotated_bonds: int | tuple[int, int] = 0,
    holes: int | tuple[int, int] = 0,
    hole_radius: float | tuple[float, float] = (4.0, 15.0),
    free_edge: bool = False,
    ripple_amplitude: float | tuple[float, float] = 0.0,
    strain: float = 0.0,
    tilt_max: float = 0.0,
    adatom_count: int | tuple[int, int] = 0,
    coverage: float | tuple[float, float] = 0.0,
    contamination_thickness: float | tuple[float, float] = (3.0, 15.0),
    unlabelled_contamination: float = 5.0,
    substituent: str = "Si",
    substituted: float | tuple[float, float] = 0.0,
) -> Specimen:
    """Make a single layer of graphene, each of its atoms a site.

    Random sheets and grain boundaries are built from rings whose centres are spread evenly (Lloyd's
    algorithm). An atom sits between every three neighbouring centres, so that all have three
    bonds; springs then relax the bonds to their length.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    kind : {"perfect", "random", "polycrystal"}, optional
        Kind of sheet.
    size : float, optional
        Edge of the box (Å).
    grains : int or tuple of int, optional
        Number of grains of a polycrystal, or its range, both ends included.
    vacancy_fraction : float or tuple of float, optional
        Share of atoms missing as single, double and clustered vacancies, or its range.
    mark_vacancies : bool, optional
        Whether missing atoms with two or three neighbours are sites too, of kind "C vacancy"
        (beside "C") and height 0. Those in holes never are.
    rotated_bonds : int or tuple of int, optional
        Number of Stone-Wales defects in the box, or its range, both ends included.
    holes : int or tuple of int, optional
        Number of smooth holes, or its range, both ends included.
    hole_radius : float or tuple of float, optional
        Mean radius of a hole (Å), or its range.
    free_edge : bool, optional
        Whether the sheet ends within the box, with vacuum beyond.
    ripple_amplitude : float or tuple of float, optional
        Height of the strongest wave out of the plane (Å), or its range.
    strain : float, optional
        The two principal strains are drawn between -`strain` and +`strain`.
    tilt_max : float, optional
        The tilt is drawn between 0 and this (degrees).
    adatom_count : int or tuple of int, optional
        Number of carbon and silicon atoms on top, or its range, both ends included. They are not
        sites; a lattice atom right below one remains a site.
    coverage : float or tuple of float, optional
        Share of the box under amorphous carbon, or its range.
    contamination_thickness : float or tuple of float, optional
        Thickness of the amorphous carbon at its thickest (Å), or its range.
    unlabelled_contamination : float, optional
        Atoms under amorphous carbon thicker than this (Å) are not sites, since they cannot be
        told apart from it in an image.
    substituent : str, optional
        Chemical symbol of the atoms that replace some of the carbon.
    substituted : float or tuple of float, optional
        Their share of the sheet's atoms, or its range.

    Returns
    -------
    Specimen
        The sheet; `sites()` gives its atoms, of height 1.

    Raises
    ------
    ValueError
        If the kind is unknown, the box smaller than 10 Å, or a fraction outside 0 to 1.

    References
    ----------
    C. Ophus, A. Shekhawat, H. Rasool and A. Zettl, Large-scale experimental and theoretical study
    of graphene grain boundary structures, Phys. Rev. B 92 (2015) 205402.

    Examples
    --------
    >>> sheet = graphene_sheet(np.random.default_rng(1), size=20)
    >>> bool(abs(len(sheet.sites()) / 18.5**2 - 0.382) < 0.03)
    True
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not known: expected one of {KINDS}.")
    if size < 10:
        raise ValueError(f"size {size} Å is too small for a sheet: make it at least 10 Å.")
    check_shares(vacancy_fraction=vacancy_fraction, coverage=coverage, substituted=substituted)
    n_bonds = draw_count(rng, rotated_bonds) * (1 + 2 * BEYOND / size) ** 2
    n_grains = max(1, draw_count(rng, grains))
    sheet, about = whole_sheet(rng, kind, size, n_grains, int(round(n_bonds)))

    keep = vacancies(rng, sheet, draw(rng, vacancy_fraction))
    lost = ~keep
    opened, n_holes = openings(rng, sheet.points, size, holes, hole_radius, free_edge)
    keep &= ~opened
    keep[keep] = sheets.trim(sheets.keep_atoms(sheet, keep))
    missing = int((in_box(sheet.points, size, SEAM) & ~keep).sum())
    around = np.append(keep, False)[sheet.bonded].sum(axis=1)
    vacant = lost & ~opened & (around >= NEIGHBOURS) & mark_vacancies

    points = np.concatenate([sheet.points[keep], sheet.points[vacant]])
    positions, _, shape = deform(rng, points, size, strain, ripple_amplitude, tilt_max)
    inside = in_box(positions, size, SEAM)
    is_atom = np.arange(len(points)) < keep.sum()
    positions, empty = positions[inside & is_atom], positions[inside & ~is_atom]

    column = np.arange(len(positions))
    films = []
    covered = draw(rng, coverage)
    if covered > 0:
        film, over = contamination(
            rng, np.vstack([positions, empty]), size, draw(rng, contamination_thickness), covered
        )
        column[over[: len(positions)] > unlabelled_contamination] = -1
        empty = empty[over[len(positions) :] <= unlabelled_contamination]
        films.append(film)
    n_adatoms = draw_count(rng, adatom_count)
    added = [adatoms(rng, positions, n_adatoms)] if n_adatoms else []
    numbers = np.full(len(positions), 6)
    share = draw(rng, substituted)
    if share > 0:
        foreign = atomic_number(substituent, "substituent", "Si")
        numbers[rng.random(len(numbers)) < share] = foreign
    layer = AtomList(numbers, positions, column)
    description = {
        "kind": f"graphene {kind}",
        "element": "C",
        **about,
        **shape,
        "missing": missing,
        "holes": n_holes,
        "free_edge": bool(free_edge),
        "adatoms": sum(len(some.numbers) for some in added),
        "coverage": covered,
    }
    # Without marks there are no empty sites.
    return Specimen.from_list(
        join(layer, *added, *films),
        size,
        description,
        SITES if mark_vacancies else ANY_SITE,
        np.zeros(len(positions), int),
        empty[:, :2],
        np.ones(len(empty), int),
    )
