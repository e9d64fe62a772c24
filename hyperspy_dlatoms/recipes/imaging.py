# SPDX-License-Identifier: GPL-3.0-or-later
"""Allowed values of the imaging conditions, with their units."""

from collections.abc import Mapping
from typing import Any

from hyperspy_dlatoms.recipes._checks import (
    Check,
    Wrong,
    at_least,
    chosen,
    count,
    drawn,
    listing,
    named,
    number,
    one_of,
)

_ANY, _POSITIVE, _NOT_NEGATIVE = drawn(number()), drawn(number(above=0)), drawn(number(0))
_SHARE = drawn(number(0, 1))
_DOSE = drawn(number(above=0, finite=False))  # Electrons per Å²; no noise if infinite.

# Å/px: no camera is finer than 0.01, and 0.005 to 0.02 is typical in nm.
_SAMPLING = drawn(at_least(0.01, "Å/px, at least 0.01: 0.01 nm is 0.1 Å"))
# Å: a smaller value makes no difference to any lens, so it was meant in mm or µm.
_LEAST_CS = 100.0


def _spherical(place: str, value: Any) -> Any:
    """Check a spherical aberration (Å): 0, or at least `_LEAST_CS` with either sign."""
    if 0 < abs(float(number(unit="Å")(place, value))) < _LEAST_CS:
        raise Wrong(place, value, f"0 or at least {_LEAST_CS:g} Å: 1 mm is 1.0e+7 Å")
    return number()(place, value)


def _curve(place: str, value: Any) -> list[tuple[float, ...]]:
    """Check a measured transfer function: pairs of frequency (in Nyquist) and transfer."""
    pairs = listing(listing(number(0), 2), 2)(place, value)
    frequencies = [pair[0] for pair in pairs]
    if any(len(pair) != 2 for pair in pairs) or frequencies != sorted(set(frequencies)):
        raise Wrong(place, value, "pairs [frequency, transfer] of rising frequency")
    return list(pairs)


_ABERRATIONS: dict[str, Check] = {  # Å.
    "defocus": _ANY,
    "Cs": drawn(_spherical),
    "astigmatism": _NOT_NEGATIVE,
    "coma": _NOT_NEGATIVE,
    "threefold": _NOT_NEGATIVE,
}
_LIGHT: dict[str, Check] = {"illumination_slope": drawn(number(-1.5, 1.5)), "vignetting": _SHARE}
# Only for focal series: Å from image to image, deviation of each, length of each shift.
SERIES: dict[str, Check] = {"defocus_step": _ANY, "defocus_jitter": _ANY, "drift": _NOT_NEGATIVE}
IMAGING: dict[str, Check] = {
    # Lens, Å.
    **_ABERRATIONS,
    "focal_spread": _NOT_NEGATIVE,
    "focal_points": drawn(number(1)),
    # Frame: Å across, shares.
    "defocus_ramp": _ANY,
    **_LIGHT,
    # Camera: Å/px, e/Å², Å, Å, electrons per pixel.
    "sampling": _SAMPLING,
    "dose": _DOSE,
    "blur": _NOT_NEGATIVE,
    "vibration": _NOT_NEGATIVE,
    "readout": _NOT_NEGATIVE,
    "noise_transfer": chosen(one_of(0, 1)),
    "mtf_c1": _NOT_NEGATIVE,
    "mtf_c2": _NOT_NEGATIVE,
    "mtf_c3": _POSITIVE,
    "mtf_c4": _POSITIVE,
    "mtf_curve": _curve,
    "images": count(1),
    **SERIES,
}


# For scanned images (STEM), in place of those above.
SCANNING: dict[str, Check] = {
    "detector": chosen(one_of("ADF", "ABF", "BF")),
    # Å² per atom of Z = 40, for scattering onto a dark-field detector, or off a bright-field one.
    "cross_section": _POSITIVE,
    "absorption": _POSITIVE,
    # Probe: mrad, Å, Å, share, Å.
    "semiangle": _POSITIVE,
    **_ABERRATIONS,
    "source_size": _NOT_NEGATIVE,
    "tail": _SHARE,
    "tail_length": _POSITIVE,
    "halo": _SHARE,
    # Specimen and frame: Å of carbon, shares.
    "film": _NOT_NEGATIVE,
    **_LIGHT,
    # Å/px, e/Å².
    "sampling": _SAMPLING,
    "dose": _DOSE,
    # Dark field: electrons counted per Å², in place of the dose; share of its mean.
    "counts": _DOSE,
    "background": _NOT_NEGATIVE,
    # Scan: Å per line, Å per line, shares, number of times, share of lines.
    "jitter": _NOT_NEGATIVE,
    "wander": _NOT_NEGATIVE,
    "shear": drawn(number(-0.5, 0.5)),
    "stretch": drawn(number(0, 0.5)),
    "slips": _NOT_NEGATIVE,
    "skipped_lines": drawn(number(0, 0.5)),
    # Detector: share of a pixel's signal in the next, electrons per pixel, shares of pixels, bits.
    "afterglow": drawn(number(0, below=1)),
    "readout": _NOT_NEGATIVE,
    "clipped_dark": drawn(number(0, below=1)),
    "clipped_bright": drawn(number(0, below=1)),
    "bits": drawn(number(1, 16, whole=True)),
    # Processing before the image is opened: Å/px, Å, Å, 0 or 1, power.
    "interpolated_from": _NOT_NEGATIVE,
    "smoothing": _NOT_NEGATIVE,
    "high_pass": _NOT_NEGATIVE,
    "wiener": chosen(one_of(0, 1)),
    "gamma": _POSITIVE,
}


def imaging(place: str, value: Any) -> dict[str, Any]:
    """Check the imaging conditions of a recipe; they are drawn in this order."""
    # With a ``detector`` they are those of scanned images.
    scanned = isinstance(value, Mapping) and modality_of(value) == "STEM"
    if isinstance(value, Mapping) and not scanned:
        stray = [name for name in value if name in SCANNING and name not in IMAGING]
        if stray:
            raise ValueError(
                f"{place}.{stray[0]} is for scanned images (STEM); give the detector that takes "
                "them as well."
            )
    checked = named(place, value, SCANNING if scanned else IMAGING)
    images_of(checked, f"{place}.")
    return checked


def modality_of(imaging: Mapping[str, Any]) -> str:
    """Return how the images are taken: "STEM" if they have a detector, else "HRTEM"."""
    return "STEM" if "detector" in imaging else "HRTEM"


def images_of(imaging: Mapping[str, Any], place: str = "") -> int:
    """Return the number of images taken together: 1, or those of a focal series."""
    # ValueError if it is not a positive whole number, or if a single image has what only a series
    # can have.
    images = imaging.get("images", 1)
    if not isinstance(images, int) or isinstance(images, bool) or images < 1:
        raise Wrong(f"{place}images", images, "the whole number of images in a focal series")
    stray = [name for name in SERIES if name in imaging]
    if images == 1 and stray:
        raise ValueError(
            f"{place}{stray[0]} is for a focal series; give images (how many it has) as well."
        )
    return images
