# SPDX-License-Identifier: GPL-3.0-or-later
"""Sheets of dichalcogenides and of h-BN to test networks on, with all their sites labelled."""

from __future__ import annotations

import numpy as np

from hyperspy_dlatoms.data.benchmark.exit_waves import SPECIMENS
from hyperspy_dlatoms.simulation.specimens.graphene import BEYOND, SEAM
from hyperspy_dlatoms.simulation.specimens.orientation import rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.regions import blob
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

LATTICES = {
    "MoS2": ("Mo", "S", 3.18, 3.13),
    "MoSe2": ("Mo", "Se", 3.32, 3.34),
    "WS2": ("W", "S", 3.18, 3.14),
    "WSe2": ("W", "Se", 3.32, 3.36),
    "BN": ("B", "N", 2.504, 0.0),
}
"""Metal, chalcogen, lattice constant and distance of the two planes of the chalcogen (Å). For
h-BN, which is flat: boron, nitrogen; lattice: W. Paszkowicz et al., Appl. Phys. A 75 (2002) 431."""


def dichalcogenide_specimen(
    rng: np.random.Generator,
    formula: str = "MoS2",
    size: float = 60.0,
    metal_vacancies: float = 0.02,
    single_vacancies: float = 0.04,
    double_vacancies: float = 0.02,
    tilt: float = 0.0,
    hole: bool = False,
) -> Specimen:
    """Make a single sheet, by ASE, with vacancies at random sites."""
    # The lattices are about those of the bulk: W. J. Schutte, J. L. de Boer, F. Jellinek, Crystal
    # structures of tungsten disulfide and diselenide, J. Solid State Chem. 70 (1987) 207; B.
    # Schönfeld, J. J. Huang, S. C. Moss, Anisotropic mean-square displacements in single crystals
    # of 2H- and 3R-MoS2, Acta Cryst. B39 (1983) 404.
    from ase.build import graphene, mx2

    if formula not in LATTICES:
        raise ValueError(f"formula {formula!r} is not known: expected one of {sorted(LATTICES)}.")
    metal, chalcogen, a, planes = LATTICES[formula]
    n = int(np.ceil(2.2 * (size + 2 * BEYOND) / a))
    if formula == "BN":
        sheet = graphene(formula, a, planes, size=(n, n, 1), vacuum=1)
    else:
        sheet = mx2(formula, "2H", a, planes, size=(n, n, 1), vacuum=0)
    is_metal = sheet.symbols == metal
    # Chalcogen atoms above each other form a column.
    places = np.rint(np.linalg.solve(sheet.cell.T, sheet.positions.T).T[:, :2] * 3 * n).astype(int)
    column = np.unique(places % (3 * n), axis=0, return_inverse=True)[1].ravel()
    middle = sheet.positions.mean(axis=0)
    turn = tilt_matrix(tilt, rng.uniform(0, 2 * np.pi)) @ rotation(rng.uniform(0, np.pi / 3))
    positions = (sheet.positions - middle) @ turn.T
    positions[:, :2] += size / 2 + rng.uniform(0, a, 2)

    count = np.bincount(column)
    sites = np.stack([np.bincount(column, weights=positions[:, k]) / count for k in (0, 1)], axis=1)
    metallic = np.zeros(len(sites), dtype=bool)
    metallic[column[is_metal]] = True
    there = ((sites >= SEAM) & (sites < size - SEAM)).all(axis=1)
    if hole:
        there &= ~blob(rng, rng.uniform(0.25, 0.75, 2) * size, 0.15 * size)(sites)
    drawn = rng.random(len(sites))
    left = count.copy()
    left[metallic & (drawn < metal_vacancies)] = 0
    left[~metallic & (drawn < single_vacancies + double_vacancies)] = 1
    left[~metallic & (drawn < double_vacancies)] = 0

    # Which atoms of a column stay is drawn at random.
    order = rng.permutation(len(column))
    order = order[np.argsort(column[order], kind="stable")]
    rank = np.empty(len(column), dtype=int)
    rank[order] = np.arange(len(column)) - (np.cumsum(count) - count)[column[order]]
    kept = there[column] & (rank < left[column])
    species = np.where(metallic, 0, 1) + 2 * (left < count)
    labelled = np.column_stack([sites[:, ::-1], left, species])[there]
    description = {
        "kind": "dichalcogenide",
        "formula": formula,
        "tilt": float(tilt),
        "hole": bool(hole),
        "species": [metal, chalcogen, f"{metal} vacancy", f"{chalcogen} vacancy"],
        "labelled": labelled.tolist(),
    }
    atoms = AtomList(sheet.numbers, positions, column).select(kept)
    return Specimen.from_list(atoms, size, description)


SPECIMENS["dichalcogenide"] = dichalcogenide_specimen
