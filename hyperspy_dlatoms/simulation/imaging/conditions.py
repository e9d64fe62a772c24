# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions that one image was taken under, drawn from the ranges of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.lens import Lens


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
        See :func:`hyperspy_dlatoms.simulation.imaging.illumination.uneven`.
    defoci : tuple of float
        Defocus of each image of a focal series, Å; empty for a single image.
    drift : tuple of tuple of float
        Shift of each image of a focal series along y and x, Å; none of the middle image.
    """

    lens: Lens = field(default_factory=Lens)
    camera: Camera = field(default_factory=Camera)
    defocus_ramp: float = 0.0
    ramp_angle: float = 0.0
    illumination_slope: float = 0.0
    illumination_angle: float = 0.0
    vignetting: float = 0.0
    defoci: tuple[float, ...] = ()
    drift: tuple[tuple[float, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """
        Give the conditions as nested dictionaries of plain numbers, for a data set's record.

        Returns
        -------
        dict

        Examples
        --------
        >>> from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
        >>> Conditions().to_dict()["lens"]["defocus"]
        0.0
        """
        values = asdict(self)
        if not self.defoci:
            del values["defoci"], values["drift"]
        return values


LENS = ("defocus", "Cs", "astigmatism", "coma", "threefold", "focal_spread", "focal_points")
CAMERA = ("sampling", "dose", "blur", "vibration", "readout", "noise_transfer")
FRAME = ("defocus_ramp", "illumination_slope", "vignetting")
MTF = ("mtf_c1", "mtf_c2", "mtf_c3", "mtf_c4")
ANGLES = ("astigmatism_angle", "coma_angle", "threefold_angle")
SERIES = ("images", "defocus_step", "defocus_jitter", "drift")
EACH = ("defocus_jitter", "drift")
"""Drawn anew for each image of a focal series."""

KNOWN = frozenset(LENS + CAMERA + FRAME + MTF + SERIES + ("mtf_curve",))


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
        :func:`hyperspy_dlatoms.recipes.draws.draw`; what is left out keeps the default of a
        perfect instrument. Azimuths are always drawn from the full circle. With ``images`` a focal
        series is drawn, whose middle image has the ``defocus``: ``defocus_step`` (Å, from each
        image to the next), ``defocus_jitter`` (Å, deviation of each image from that), ``drift`` (Å,
        distance of each image from the one before, in any direction).
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
    >>> from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions
    >>> rng = np.random.default_rng(0)
    >>> draw_conditions(rng, {"defocus": [50, 60], "dose": 1000}).camera.dose
    1000.0
    """
    unknown = sorted(set(imaging) - KNOWN)
    if unknown:
        raise ValueError(
            f"Unknown imaging condition {unknown[0]!r}; known are {', '.join(sorted(KNOWN))}."
        )
    later = (*EACH, "mtf_curve")
    drawn = {name: draw(rng, spec) for name, spec in imaging.items() if name not in later}
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
    count = images_of(imaging)
    defoci, drift = (), ()
    if count > 1:
        step = float(drawn.get("defocus_step", 0.0))
        defoci, drift = _draw_series(rng, imaging, count, lens.get("defocus", 0.0), step)
    return Conditions(
        defoci=defoci,
        drift=drift,
        lens=Lens(**lens, **dict(zip(ANGLES, lens_angles, strict=True))),
        camera=Camera(**camera, vibration_angle=vibration),
        ramp_angle=ramp,
        illumination_angle=light,
        **{name: float(drawn[name]) for name in FRAME if name in drawn},
    )


def images_of(imaging: Mapping[str, Any]) -> int:
    """
    Give the number of images that are taken at once: 1, or those of a focal series.

    Parameters
    ----------
    imaging : mapping
        The ``imaging`` part of a recipe.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If ``images`` is not a positive whole number, or a single image is given what only a focal
        series has.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging.conditions import images_of
    >>> images_of({"images": 3, "defocus_step": [20, 80]}), images_of({})
    (3, 1)
    """
    count = imaging.get("images", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"images is {count!r}; give the whole number of images of a focal series.")
    stray = [name for name in SERIES if name in imaging and name != "images"]
    if count == 1 and stray:
        raise ValueError(f"{stray[0]} is for a focal series; give images, how many it has.")
    return count


def _draw_series(
    rng: np.random.Generator, imaging: Mapping[str, Any], count: int, middle: float, step: float
) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Defocus of each image, and its shift against the middle one."""
    order = np.arange(count) - count // 2
    jitter = [float(draw(rng, imaging.get("defocus_jitter", 0.0))) for _ in order]
    length = np.array([float(draw(rng, imaging.get("drift", 0.0))) for _ in order])
    angle = rng.uniform(0, 2 * np.pi, count)
    place = np.cumsum(length[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]), axis=0)
    place -= place[count // 2]
    defoci = tuple(float(d) for d in middle + step * order + jitter)
    return defoci, tuple((float(y), float(x)) for y, x in place)
