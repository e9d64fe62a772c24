# SPDX-License-Identifier: GPL-3.0-or-later
from .camera import Camera
from .conditions import Conditions
from .image import take_image, take_series
from .lens import Lens
from .probe import Probe
from .scanning import ScanConditions, take_scan

__all__ = [
    "Camera",
    "Conditions",
    "Lens",
    "Probe",
    "ScanConditions",
    "take_image",
    "take_scan",
    "take_series",
]
