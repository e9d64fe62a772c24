# SPDX-License-Identifier: GPL-3.0-or-later
from .camera import Camera
from .conditions import Conditions
from .image import take_image, take_series
from .lens import Lens

__all__ = [
    "Camera",
    "Conditions",
    "Lens",
    "take_image",
    "take_series",
]
