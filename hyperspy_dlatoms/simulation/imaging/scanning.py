# SPDX-License-Identifier: GPL-3.0-or-later
"""Scanned images (STEM): their conditions, and the counts on a detector."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.recipes.imaging import SCANNING
from hyperspy_dlatoms.simulation.imaging.illumination import light
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.imaging.probe import Probe, band_of, gauss, probe_transfer
from hyperspy_dlatoms.simulation.imaging.processing import filtered, interpolated, saved
from hyperspy_dlatoms.simulation.imaging.scan import Path, draw_path, scanned

# Share of the beam on the detector without a specimen: an annulus from half the convergence angle,
# and a disc of a third of it.
_COLLECTED = {"ABF": 0.7, "BF": 0.1}
# Scattering of a carbon atom, in atoms of Z = 40, by the middle of the powers used for maps.
_CARBON = {"ADF": (6 / 40) ** 1.75, "ABF": (6 / 40) ** 0.95, "BF": (6 / 40) ** 0.95}
_CARBON_ATOMS = 0.1  # Per Å³, at 2 g/cm³.
# Å. Standard deviation of the ring about a column in a bright field: twice that of the column.
_HALO = 1.0
_MANY = 50  # Electrons per pixel above which counts are as good as normal: their skewness is 0.14.


@dataclass(frozen=True)
class ScanConditions:
    """The conditions of a scanned image: everything but the specimen and the noise.

    Parameters
    ----------
    detector : {"ADF", "ABF", "BF"}
        Annular dark field at any angle, annular bright field, or bright field.
    sampling : float
        Å/px.
    dose : float
        Electrons of the beam on the specimen, e/Å², of which the detector counts some; ``inf``
        records the noise-free mean at 1 e/Å².
    probe : Probe
        The focused probe.
    cross_section : float
        Cross section of an atom of Z = 40 for scattering onto the dark-field detector, Å².
        Rutherford's is 0.003 beyond 80 mrad at 300 keV, 0.03 at 80 keV, and four times that beyond
        40 mrad.
    absorption : float
        Cross section of such an atom for scattering off a bright-field detector, Å².
    halo : float
        Share of a column's bright-field signal that reappears as excess in a ring around it.
    film : float
        Thickness of the carbon film over everything, Å; its atoms are drawn anew.
    illumination_slope, illumination_angle, vignetting : float
        As in :class:`Conditions`; here they stand for thickness and contamination that change
        across the frame.
    jitter, wander : float
        Standard deviation of each line's offset, and of its step from the line before, Å.
    shear, stretch : float
        Drift along the lines, and against the slow-scan direction, as shares of the line spacing.
    slips : int
        Number of times the scan jumps.
    skipped_lines : float
        Share of the lines that repeat the one before.
    afterglow : float
        Share of a pixel's signal that spills into the next one.
    readout : float
        Standard deviation of the detector noise, electrons per pixel.
    clipped_dark, clipped_bright : float
        Shares of the pixels clipped at the lower and upper end of the range.
    counts : float, optional
        Mean number of electrons that the dark-field detector counts per Å², in place of the dose.
    background : float
        Dark-field signal in addition to that of the specimen, as a share of its mean.
    bits : int
        Bit depth of the saved image: 2 to that power levels between its least and greatest value.
    interpolated_from : float
        Sampling of the scan, Å/px, if the image was interpolated to finer pixels; 0 if not.
    smoothing : float
        Standard deviation of the Gaussian that the image was smoothed with, Å.
    high_pass : float
        Standard deviation of the Gaussian whose local mean was subtracted, Å; 0 if none.
    wiener : int
        1 if the image went through a radial Wiener filter, which keeps what is periodic.
    gamma : float
        Power applied to the grey levels between the least and the greatest value.
    """

    detector: str = "ADF"
    sampling: float = 0.1
    dose: float = np.inf
    probe: Probe = field(default_factory=Probe)
    cross_section: float = 0.005
    absorption: float = 0.1
    halo: float = 0.0
    film: float = 0.0
    illumination_slope: float = 0.0
    illumination_angle: float = 0.0
    vignetting: float = 0.0
    jitter: float = 0.0
    wander: float = 0.0
    shear: float = 0.0
    stretch: float = 0.0
    slips: int = 0
    skipped_lines: float = 0.0
    afterglow: float = 0.0
    readout: float = 0.0
    clipped_dark: float = 0.0
    clipped_bright: float = 0.0
    bits: int = 16
    counts: float | None = None
    background: float = 0.0
    interpolated_from: float = 0.0
    smoothing: float = 0.0
    high_pass: float = 0.0
    wiener: int = 0
    gamma: float = 1.0

    @property
    def defoci(self) -> tuple[float, ...]:
        """Always empty: scanned images come in no focal series."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return the conditions as nested dictionaries of numbers, for a data set's record."""
        return asdict(self)


_LENS = ("defocus", "Cs", "astigmatism", "coma", "threefold")
_PROBE = ("semiangle", "source_size", "tail", "tail_length")


def draw_scan(
    rng: np.random.Generator,
    imaging: Mapping[str, Any],
    *,
    strength: float = 1.0,
    dose_floor: float = 0.0,
) -> ScanConditions:
    """Draw the conditions of a scanned image, as `draw_conditions`; the floor limits counts too."""
    unknown = sorted(set(imaging) - set(SCANNING))
    if unknown:
        raise ValueError(
            f"Unknown condition {unknown[0]!r} of a scanned image: expected one of "
            f"{', '.join(sorted(SCANNING))}."
        )
    drawn = {name: draw(rng, spec) for name, spec in imaging.items()}
    *angles, light_angle = (float(a) for a in rng.uniform(0, 2 * np.pi, 4))
    for name in ("dose", "counts"):
        if drawn.get(name, np.inf) < dose_floor:
            drawn[name] = dose_floor * float(rng.uniform(1, 3))
    lens: dict[str, Any] = {name: float(drawn.pop(name, 0.0)) for name in _LENS}
    for name, angle in zip(_LENS[2:], angles, strict=True):
        lens |= {name: lens[name] * strength, f"{name}_angle": angle}
    probe = {name: float(drawn.pop(name)) for name in _PROBE if name in drawn}
    whole = {name: round(drawn.pop(name)) for name in ("slips", "bits") if name in drawn}
    return ScanConditions(
        probe=Probe(lens=Lens(**lens), **probe), illumination_angle=light_angle, **whole, **drawn
    )


def take_scan(
    rng: np.random.Generator,
    scattering: np.ndarray,
    sampling: float,
    energy: float,
    conditions: ScanConditions,
    sites: np.ndarray,
    pixel: float | None = None,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Scan a specimen: probe, path, detector, noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the path, the film and the noise.
    scattering : numpy.ndarray
        (N, N) complex, periodic, from :func:`hyperspy_dlatoms.simulation.scattering_map`.
    sampling : float
        Sampling of that map, Å/px.
    energy : float
        Electron energy, eV.
    conditions : ScanConditions
        The imaging conditions.
    sites : numpy.ndarray
        (n, 2): y, x of sites in the specimen, Å.
    pixel : float, optional
        Requested sampling of the image, Å/px, as if pixels of the conditions were summed; by
        default that of the conditions.

    Returns
    -------
    counts : numpy.ndarray
        (M, M) float32, electrons per pixel if the image is not processed.
    pixel : float
        Exact sampling of the image along its lines, ``N * sampling / M`` Å/px.
    positions : numpy.ndarray
        (n, 2): y, x of the sites as recorded, with drift and jitter, px.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging import ScanConditions, take_scan
    >>> rng, empty = np.random.default_rng(0), np.zeros((64, 64), complex)
    >>> middle = np.array([[6.4, 6.4]])
    >>> counts, pixel, positions = take_scan(rng, empty, 0.2, 300e3, ScanConditions(), middle)
    >>> counts.shape, pixel, positions.round(3)
    ((128, 128), 0.1, array([[64., 64.]]))
    """
    size = len(scattering)
    edge = size * sampling
    final = round(edge / (pixel or conditions.sampling))
    # The scan has the pixels of the image, or coarser ones if the image was interpolated.
    scale = max(conditions.interpolated_from * final / edge, 1.0)
    pixels = round(final / scale)
    scale, pixel = final / pixels, edge / pixels
    summed = max(pixel / max(conditions.sampling, conditions.interpolated_from), 1.0)
    names = ("jitter", "wander", "shear", "stretch", "slips", "skipped_lines")
    path = draw_path(
        rng, pixels, pixel, summed=summed, **{name: getattr(conditions, name) for name in names}
    )
    expected = _expected(rng, scattering, sampling, energy, conditions, path, summed)
    dose = conditions.dose
    if conditions.detector == "ADF":
        mean = float(expected.mean())
        expected += np.float32(conditions.background * mean)
        if conditions.counts is not None:
            if not mean:
                # In vacuum, everything counted is background.
                expected += 1
            dose = conditions.counts / (mean or 1.0)
    if conditions.illumination_slope or conditions.vignetting:
        shape = conditions.illumination_slope, conditions.illumination_angle, conditions.vignetting
        expected *= light(np, pixels, *shape)
    counts = _detected(rng, expected * np.float32(pixel**2), dose, conditions, summed)
    if pixels < final:
        counts = interpolated(rng, counts, final)
    pixel = edge / final
    counts = filtered(
        counts, conditions.smoothing / pixel, conditions.high_pass / pixel, conditions.wiener
    )
    clipped = conditions.clipped_dark, conditions.clipped_bright
    counts = saved(counts, *clipped, conditions.gamma, conditions.bits)
    positions = path.recorded(sites)
    glow = conditions.afterglow / summed
    # The mean shift that the afterglow causes.
    positions[:, 1] += glow / (1 - glow)
    positions *= scale
    return counts.astype(np.float32, copy=False), pixel, positions


def _expected(
    rng: np.random.Generator,
    scattering: np.ndarray,
    sampling: float,
    energy: float,
    conditions: ScanConditions,
    path: Path,
    summed: float,
) -> np.ndarray:
    """Return the share of the beam that the detector sees at each pixel, float32."""
    size, detector = len(scattering), conditions.detector
    atoms = scattering.real if detector == "ADF" else scattering.imag
    if conditions.film:
        number = _CARBON_ATOMS * conditions.film
        noise = rng.standard_normal(atoms.shape, np.float32) * np.float32(number**0.5 / sampling)
        atoms = atoms + np.float32(_CARBON[detector]) * (number + noise)
    probe = conditions.probe
    band = band_of(probe, energy, size, sampling)
    spectrum = band.of(scipy.fft.rfft2(atoms))
    spectrum *= probe_transfer(probe, energy, size, sampling, band)
    if summed > 1:
        # A sum of pixels is a mean over the part of their square that one pixel does not scan.
        side = np.float32(path.pixel * np.sqrt(1 - summed**-2))
        spectrum *= np.sinc(band.qy * side) * np.sinc(band.qx * side)
    if conditions.halo and detector != "ADF":
        spectrum *= 1 - np.float32(conditions.halo) * gauss(band, _HALO)
    projected = scanned(spectrum, band, size, path)
    if detector == "ADF":
        # An electron scattered once is not scattered again.
        return -np.expm1(-np.float32(conditions.cross_section) * np.maximum(projected, 0))
    left = np.exp(-np.float32(conditions.absorption) * projected)
    return np.float32(_COLLECTED[detector]) * left


def _detected(
    rng: np.random.Generator,
    expected: np.ndarray,
    dose: float,
    conditions: ScanConditions,
    summed: float,
) -> np.ndarray:
    """Return the counts of pixels that see the share `expected` of the beam, times their Å²."""
    counts = expected
    if np.isfinite(dose):
        counts = _electrons(rng, expected * np.float32(dose))
    if conditions.afterglow:
        glow = conditions.afterglow / summed
        start = counts.mean(axis=1, keepdims=True) * glow
        counts = scipy.signal.lfilter([1 - glow], [1, -glow], counts, axis=1, zi=start)[0]
        counts = counts.astype(np.float32)
    if conditions.readout and np.isfinite(dose):
        level = np.float32(conditions.readout * summed)
        counts += level * rng.standard_normal(counts.shape, np.float32)
    return counts


def _electrons(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Draw Poisson numbers, normal ones for large means, which takes an eighth of the time."""
    if mean.min() > _MANY:
        return mean + np.sqrt(mean) * rng.standard_normal(mean.shape, np.float32)
    return rng.poisson(mean).astype(np.float32)
