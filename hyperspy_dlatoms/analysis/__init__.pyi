# SPDX-License-Identifier: GPL-3.0-or-later
from ._cell_fit import CellFit, fit_cell
from ._column_map import column_map
from ._grains import Grains, find_grains
from ._neighbours import (
    Neighbourhoods,
    bond_angles,
    bond_lengths,
    bonds,
    first_shell,
    neighbourhoods,
)
from ._offsets import offsets_from_neighbours
from ._pair_correlation import pair_correlation
from ._pair_distances import PairDistances
from ._prevalence import Prevalence, Rates
from ._rings import Rings, find_rings
from ._strain import Deformation, Strain, deformation, deformation_between

__all__ = [
    "CellFit",
    "Deformation",
    "Grains",
    "Neighbourhoods",
    "PairDistances",
    "Prevalence",
    "Rates",
    "Rings",
    "Strain",
    "bond_angles",
    "bond_lengths",
    "bonds",
    "column_map",
    "deformation",
    "deformation_between",
    "find_grains",
    "find_rings",
    "first_shell",
    "fit_cell",
    "neighbourhoods",
    "offsets_from_neighbours",
    "pair_correlation",
]
