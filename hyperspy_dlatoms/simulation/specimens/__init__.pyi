# SPDX-License-Identifier: GPL-3.0-or-later
from .amorphous import amorphous_carbon
from .cluster import metal_cluster
from .crystal import crystal
from .graphene import graphene_sheet
from .metal import metal_nanoparticle
from .oxide import oxide_slab
from .single_atoms import single_atoms
from .specimen import Specimen

__all__ = [
    "Specimen",
    "amorphous_carbon",
    "crystal",
    "graphene_sheet",
    "metal_cluster",
    "metal_nanoparticle",
    "oxide_slab",
    "single_atoms",
]
