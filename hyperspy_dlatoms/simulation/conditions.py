# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions that one image was taken under, drawn from the ranges of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hyperspy_dlatoms.simulation.camera import Camera
from hyperspy_dlatoms.simulation.draws import draw
from hyperspy_dlatoms.simulation.lens import Lens


@dataclass(frozen=True)
class Conditions:
    """
    All that decides an image, but for the exit wave and the noise drawn.

    Parameters
    ----------
    lens : Lens
        The objective lens, at the middle of the frame.
    camera : Camera
        The camera and the dose.
    defocus_ramp : float
        Change of defocus across the frame, Å.
    ramp_angle : float
        Direction in which it changes, radians from x towards y.
    illumination_slope, illumination_angle, vignetting : float
        See :func:`hyperspy_dlatoms.simulation.illumination.uneven`.
    """

    lens: Lens = field(default_factory=Lens)
    camera: Camera = field(default_factory=Camera)
    defocus_ramp: float = 0.0
    ramp_angle: float = 0.0
    illumination_slope: float = 0.0
    illumination_angle: float = 0.0
    vignetting: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """
        Give the conditions as nested dictionaries of plain numbers, for a data set's record.

        Returns
        -------
        dict

        Examples
        --------
        >>> from hyperspy_dlatoms.simulation.conditions import Conditions
        >>> Conditions().to_dict()["lens"]["defocus"]
        0.0
        """
        return asdict(self)


LENS = ("defocus", "Cs", "astigmatism", "coma", "threefold", "focal_spread", "focal_points")
CAMERA = ("sampling", "dose", "blur", "vibration", "readout", "noise_transfer")
FRAME = ("defocus_ramp", "illumination_slope", "vignetting")
MTF = ("mtf_c1", "mtf_c2", "mtf_c3", "mtf_c4")
ANGLES = ("astigmatism_angle", "coma_angle", "threefold_angle")
KNOWN = frozenset(LENS + CAMERA + FRAME + MTF + ("mtf_curve",))


def draw_conditions(
    rng: np.random.Generator,
    imaging: Mapping[str, Any],
    *,
    strength: float = 1.0,
    dose_floor: float = 0.0,
) -> Conditions:
    """
    Draw the conditions of one image.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    imaging : mapping
        The ``imaging`` part of a recipe: a range for each of ``KNOWN``, see
        :func:`hyperspy_dlatoms.simulation.draws.draw`; what is left out keeps the default of a
        perfect instrument. Azimuths are always drawn from the full circle.
    strength : float
        Scales coma and both astigmatisms, for a curriculum that widens the lens step by step.
    dose_floor : float
        Doses below this are raised into the upper part of the range, for a curriculum, e/Å².

    Returns
    -------
    Conditions

    Raises
    ------
    ValueError
        If a name is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.conditions import draw_conditions
    >>> rng = np.random.default_rng(0)
    >>> draw_conditions(rng, {"defocus": [50, 60], "dose": 1000}).camera.dose
    1000.0
    """
    unknown = sorted(set(imaging) - KNOWN)
    if unknown:
        raise ValueError(
            f"Unknown imaging condition {unknown[0]!r}; known are {', '.join(sorted(KNOWN))}."
        )
    drawn = {name: draw(rng, spec) for name, spec in imaging.items() if name != "mtf_curve"}
    *lens_angles, vibration, ramp, light = (float(a) for a in rng.uniform(0, 2 * np.pi, 6))
    if drawn.get("dose", np.inf) < dose_floor:
        drawn["dose"] = dose_floor * float(rng.uniform(1, 3))
    for name in ("astigmatism", "coma", "threefold"):
        drawn[name] = drawn.get(name, 0.0) * strength
    lens = {name: float(drawn[name]) for name in LENS if name in drawn}
    if "focal_points" in lens:
        lens["focal_points"] = int(lens["focal_points"])
    camera = {name: float(drawn[name]) for name in CAMERA if name in drawn}
    default = Camera().mtf
    camera["mtf"] = tuple(float(drawn.get(n, d)) for n, d in zip(MTF, default, strict=True))
    if "mtf_curve" in imaging:
        camera["mtf_curve"] = tuple((float(q), float(t)) for q, t in imaging["mtf_curve"])
    return Conditions(
        lens=Lens(**lens, **dict(zip(ANGLES, lens_angles, strict=True))),
        camera=Camera(**camera, vibration_angle=vibration),
        ramp_angle=ramp,
        illumination_angle=light,
        **{name: float(drawn[name]) for name in FRAME if name in drawn},
    )
