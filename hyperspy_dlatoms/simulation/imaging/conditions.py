# SPDX-License-Identifier: GPL-3.0-or-later
"""Imaging conditions, drawn from the ranges of a recipe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from hyperspy_dlatoms.recipes.draws import bounds, draw
from hyperspy_dlatoms.recipes.imaging import IMAGING, images_of
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.lens import Focus, Lens, focus_at, ramp_steps


@dataclass(frozen=True)
class Conditions:
    """The imaging conditions: everything but the exit wave and the noise.

    Parameters
    ----------
    lens : Lens
        The objective lens, at the middle of the frame.
    camera : Camera
        The camera and the dose.
    defocus_ramp : float
        Change of defocus across the frame, Å.
    ramp_angle : float
        Direction of that change, radians from x towards y.
    illumination_slope, illumination_angle, vignetting : float
        Relative change of the illumination across the frame, its direction (radians from x towards
        y), and the relative loss at the corners.
    defoci : tuple of float
        Defocus of each image of a focal series, Å; empty for a single image.
    drift : tuple of tuple of float
        Shift of each image of a focal series along y and x, Å; zero for the middle image.
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

    @property
    def sampling(self) -> float:
        """Sampling of the camera, Å/px."""
        return self.camera.sampling

    @property
    def dose(self) -> float:
        """Dose of each image, e/Å²."""
        return self.camera.dose

    def to_dict(self) -> dict[str, Any]:
        """Return the conditions as nested dictionaries of numbers, for a data set's record."""
        values = asdict(self)
        if not self.defoci:
            del values["defoci"], values["drift"]
        return values

    @property
    def is_blended(self) -> bool:
        """Whether an image is blended from several defoci."""
        return bool(self.defocus_ramp) or self.lens.is_summed


LENS = ("defocus", "Cs", "astigmatism", "coma", "threefold", "focal_spread", "focal_points")
CAMERA = ("sampling", "dose", "blur", "vibration", "readout", "noise_transfer")
FRAME = ("defocus_ramp", "illumination_slope", "vignetting")
FRAME_ANGLES = ("ramp_angle", "illumination_angle")
MTF = ("mtf_c1", "mtf_c2", "mtf_c3", "mtf_c4")
ANGLES = ("astigmatism_angle", "coma_angle", "threefold_angle")
EACH = ("defocus_jitter", "drift")  # Drawn anew for each image of a focal series.


class ConditionArrays(NamedTuple):
    """Imaging conditions as arrays, for the array functions of this package."""

    values: dict[str, Any]  # (...), by the names of `Lens`, `Camera`, illumination
    focus: Focus  # The defoci that each image is blended from, (..., images, k).
    shift: Any  # (..., images, 2), drift along y and x, Å

    def each(self, function: Callable[..., Any], *others: Self) -> Self:
        """Apply a function to each array, together with the same array of the others."""
        every = (self, *others)
        return type(self)(
            {name: function(*(one.values[name] for one in every)) for name in self.values},
            Focus(*(function(*some) for some in zip(*(one.focus for one in every), strict=True))),
            None if self.shift is None else function(*(one.shift for one in every)),
        )


def as_arrays(conditions: Conditions, defoci: int | None = None) -> ConditionArrays:
    """Return conditions as arrays, padded to `defoci` blended defoci per image."""
    # If a ramp with a summed focal spread needs more than `defoci`, the spread becomes an envelope;
    # ValueError if that is still too many. The camera's measured curve is left out.
    lens = conditions.lens
    at = conditions.defoci or (lens.defocus,)
    focus = focus_at(lens, at, conditions.defocus_ramp)
    if defoci is not None:
        if conditions.defocus_ramp and focus.offsets.shape[-1] > defoci:
            lens = replace(lens, focal_points=1)
            focus = focus_at(lens, at, conditions.defocus_ramp)
        missing = defoci - focus.offsets.shape[-1]
        if missing < 0:
            raise ValueError(
                f"An image is blended from {focus.offsets.shape[-1]} defoci, expected at most "
                f"{defoci}: allow more, or shorten the defocus ramp."
            )
        offsets, weights, along = (np.pad(part, [(0, 0), (0, missing)]) for part in focus[:3])
        focus = Focus(offsets, weights, along, focus.intervals)
    frame = {name: getattr(conditions, name) for name in (*FRAME, *FRAME_ANGLES)}
    values = lens.values() | conditions.camera.values() | frame
    shift = np.array(conditions.drift) if conditions.drift else None
    return ConditionArrays({name: np.asarray(v) for name, v in values.items()}, focus, shift)


def stack_arrays(arrays: Sequence[ConditionArrays]) -> ConditionArrays:
    """Stack the conditions of images along a new first axis, as float32 for an accelerator."""
    first, *others = arrays
    return first.each(lambda *parts: np.stack(parts).astype(np.float32), *others)


def most_defoci(imaging: Mapping[str, Any]) -> int:
    """Return the most defoci that an image of a recipe is blended from, see `as_arrays`."""
    # An image with both a ramp and a summed spread gets the spread as an envelope if the two
    # together need more defoci than either alone.
    ramp = max(map(abs, bounds(imaging.get("defocus_ramp", 0.0))))
    points = int(bounds(imaging.get("focal_points", 1))[1])
    return max(len(ramp_steps(ramp)), points)


def draw_conditions(
    rng: np.random.Generator,
    imaging: Mapping[str, Any],
    *,
    strength: float = 1.0,
    dose_floor: float = 0.0,
) -> Conditions:
    """Draw the conditions of one image, or of a focal series, from the ``imaging`` of a recipe."""
    # Azimuths are drawn from the full circle; anything left out keeps the default of a perfect
    # instrument. For a curriculum, `strength` scales coma and both astigmatisms, and a dose below
    # `dose_floor` (e/Å²) is raised to between one and three times that floor.
    unknown = sorted(set(imaging) - set(IMAGING))
    if unknown:
        raise ValueError(
            f"Unknown imaging condition {unknown[0]!r}: expected one of "
            f"{', '.join(sorted(IMAGING))}."
        )
    later = (*EACH, "mtf_curve")
    drawn = {name: draw(rng, spec) for name, spec in imaging.items() if name not in later}
    *lens_angles, vibration, ramp, light = (float(a) for a in rng.uniform(0, 2 * np.pi, 6))
    if drawn.get("dose", np.inf) < dose_floor:
        drawn["dose"] = dose_floor * float(rng.uniform(1, 3))
    for name in ("astigmatism", "coma", "threefold"):
        drawn[name] = drawn.get(name, 0.0) * strength
    lens: dict[str, Any] = {name: float(drawn[name]) for name in LENS if name in drawn}
    if "focal_points" in lens:
        lens["focal_points"] = int(lens["focal_points"])
    camera: dict[str, Any] = {name: float(drawn[name]) for name in CAMERA if name in drawn}
    default = Camera().mtf
    camera["mtf"] = tuple(float(drawn.get(n, d)) for n, d in zip(MTF, default, strict=True))
    if "mtf_curve" in imaging:
        camera["mtf_curve"] = tuple((float(q), float(t)) for q, t in imaging["mtf_curve"])
    count = images_of(imaging)
    series: dict[str, Any] = {}
    if count > 1:
        step = float(drawn.get("defocus_step", 0.0))
        series = _draw_series(rng, imaging, count, lens.get("defocus", 0.0), step)
    frame: dict[str, Any] = {name: float(drawn[name]) for name in FRAME if name in drawn}
    angles: dict[str, Any] = dict(zip(ANGLES, lens_angles, strict=True))
    return Conditions(
        lens=Lens(**lens, **angles),
        camera=Camera(**camera, vibration_angle=vibration),
        ramp_angle=ramp,
        illumination_angle=light,
        **frame,
        **series,
    )


def _draw_series(
    rng: np.random.Generator, imaging: Mapping[str, Any], count: int, middle: float, step: float
) -> dict[str, Any]:
    """Draw the defocus of each image, and its shift from the middle one."""
    order = np.arange(count) - count // 2
    jitter = [float(draw(rng, imaging.get("defocus_jitter", 0.0))) for _ in order]
    length = np.array([float(draw(rng, imaging.get("drift", 0.0))) for _ in order])
    angle = rng.uniform(0, 2 * np.pi, count)
    place = np.cumsum(length[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]), axis=0)
    place -= place[count // 2]
    defoci = tuple(float(d) for d in middle + step * order + jitter)
    return {"defoci": defoci, "drift": tuple((float(y), float(x)) for y, x in place)}
