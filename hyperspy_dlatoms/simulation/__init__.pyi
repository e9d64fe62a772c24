# SPDX-License-Identifier: GPL-3.0-or-later
from .dataset import DataSet, simulate
from .imaging import Camera, Conditions, Lens, take_image, take_series
from .specimens import (
    Specimen,
    amorphous_carbon,
    crystal,
    graphene_sheet,
    metal_cluster,
    metal_nanoparticle,
    oxide_slab,
)
from .wave import exit_wave

__all__ = [
    "Camera",
    "Conditions",
    "DataSet",
    "Lens",
    "Specimen",
    "amorphous_carbon",
    "crystal",
    "exit_wave",
    "graphene_sheet",
    "metal_cluster",
    "metal_nanoparticle",
    "oxide_slab",
    "simulate",
    "take_image",
    "take_series",
]
