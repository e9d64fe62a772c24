# SPDX-License-Identifier: GPL-3.0-or-later
from .dataset import DataSet, simulate
from .imaging import (
    Camera,
    Conditions,
    Lens,
    Probe,
    ScanConditions,
    take_image,
    take_scan,
    take_series,
)
from .scattering import scattering_map
from .specimens import (
    Specimen,
    amorphous_carbon,
    crystal,
    graphene_sheet,
    metal_cluster,
    metal_nanoparticle,
    oxide_slab,
    single_atoms,
)
from .wave import exit_wave

__all__ = [
    "Camera",
    "Conditions",
    "DataSet",
    "Lens",
    "Probe",
    "ScanConditions",
    "Specimen",
    "amorphous_carbon",
    "crystal",
    "exit_wave",
    "graphene_sheet",
    "metal_cluster",
    "metal_nanoparticle",
    "oxide_slab",
    "scattering_map",
    "simulate",
    "single_atoms",
    "take_image",
    "take_scan",
    "take_series",
]
