# SPDX-License-Identifier: GPL-3.0-or-later
from ._cell_fit import CellFit, fit_cell
from ._column_map import column_map
from ._events import jumps, residence
from ._grains import Grains, find_grains
from ._intensities import ColumnIntensities, column_intensities
from ._intensity_classes import intensity_classes
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
from ._pair_distances import PairDistances, pair_distances
from ._prevalence import Prevalence, Rates, prevalence
from ._rings import Rings, find_rings
from ._strain import Deformation, Strain, deformation, deformation_between, strain_of
from .matching import match
from .quality import Flags, FrameQuality, flags, frame_quality, remarks

__all__ = [
    "CellFit",
    "ColumnIntensities",
    "Deformation",
    "Flags",
    "FrameQuality",
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
    "column_intensities",
    "column_map",
    "deformation",
    "deformation_between",
    "find_grains",
    "find_rings",
    "first_shell",
    "fit_cell",
    "flags",
    "frame_quality",
    "intensity_classes",
    "jumps",
    "match",
    "neighbourhoods",
    "offsets_from_neighbours",
    "pair_correlation",
    "pair_distances",
    "prevalence",
    "remarks",
    "residence",
    "strain_of",
]
