# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit cells scanned by multislice, and crystals of any outline assembled from them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.signal import resample
from scipy.spatial import cKDTree

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.imaging.lens import wavelength
from hyperspy_dlatoms.simulation.scattering import ADF_POWERS, BRIGHT_POWERS, REFERENCE
from hyperspy_dlatoms.simulation.specimens import projection
from hyperspy_dlatoms.simulation.specimens.crystal import (
    EMPTY,
    KINDS,
    SHAPES,
    Body,
    cut_at,
    draw_body,
    drawn_crystal,
)
from hyperspy_dlatoms.simulation.specimens.orientation import rotation
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen
from hyperspy_dlatoms.simulation.wave import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

# Å/px of the multislice: with abTEM's cut at two thirds it carries 4.8 periods an Å.
_FINE = 0.07
_BOX = 13.0  # Least edge of the box across the beam: room for the probe and its spreading (Å).
_SLICE = 2.0  # Å.
_PLANES = 8  # Thicknesses from one multislice run.
_DEEPEST = 80.0  # Å.
_AREA = 45.0  # Largest cell across the beam (Å²): it takes some 500 probes.
_TRIES = 200  # Crystals drawn; about one in three has such a small right-angled cell.
# Frequencies that the probe transfers less than this hold only the noise of the snapshots.
_LEAST_TRANSFER = 0.1
_UPSAMPLED = 4  # So that pixels of 0.3 Å can be interpolated linearly.


class ScannedCell(NamedTuple):
    """What each point of a unit cell adds to the signal of a scanned probe."""

    atoms: Atoms  # One right-angled cell, the beam along z.
    # (planes + 1, nx, ny) complex, from zero thickness: the real part is for the dark field, the
    # imaginary part for the signal lost from the bright field, in zirconium atoms per Å².
    maps: np.ndarray
    thickness: float  # At the last plane (Å).
    energy: float  # Of the electrons (eV).
    about: dict[str, Any]


def draw_cell(
    rng: np.random.Generator, structures: Sequence[Mapping[str, Any]]
) -> tuple[Atoms, dict[str, Any]]:
    """Draw one of the crystals of a recipe whose zone has a small right-angled cell."""
    crystals = [one for one in structures if one["structure"] == "crystal"]
    shares = np.array([float(one.get("share", 1)) for one in crystals])
    for _ in range(_TRIES):
        chosen = crystals[rng.choice(len(crystals), p=shares / shares.sum())]
        wanted = {name: draw(rng, chosen.get(name)) for name in ("cell", "file", "zone")}
        projected, about = drawn_crystal(rng, **wanted)
        cell = right_angled(projected)
        if cell is not None and np.prod(cell.cell.lengths()[:2]) <= _AREA:
            return cell, about
    raise ValueError(
        f"None of {_TRIES} crystals drawn has a right-angled cell of at most {_AREA:g} Å² along "
        "its zone, as multislice scanned images need: give other cells or zones."
    )


def right_angled(crystal: projection.Projected) -> Atoms | None:
    """Return the smallest right-angled cell of a crystal with its zone along z, if any."""
    from ase import Atoms
    from ase.build import cut

    atoms, zone = crystal.atoms, np.asarray(crystal.zone)
    beam = zone @ atoms.cell.array
    steps = np.array([one for one in product(range(-3, 4), repeat=3) if any(one)])
    steps = steps[np.abs(steps @ atoms.cell.array @ beam) < 1e-6 * (beam @ beam)]
    across = steps @ atoms.cell.array
    area = np.linalg.norm(np.cross(across[:, None], across), axis=-1)
    upright = (np.abs(across @ across.T) < 1e-6 * area) & (area > 1e-3)
    if not upright.any():
        return None
    i, j = np.unravel_index(np.argmin(np.where(upright, area, np.inf)), area.shape)
    cell = cut(atoms, a=steps[i], b=steps[j], c=zone)
    places = cell.get_scaled_positions()
    return Atoms(cell.numbers, scaled_positions=places, cell=cell.cell.lengths(), pbc=True)


def scan_cell(
    cell: Atoms,
    energy: float,
    semiangle: float,
    angles: Mapping[str, tuple[float, float]],
    thickness: float,
    displacement: float,
    *,
    planes: int = 2,  # At least 2: with one, abTEM omits the plane at zero thickness.
    phonons: int = 2,
    seed: int = 0,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Scan a right-angled cell by multislice, with an ideal probe (eV, mrad) and snapshots (Å)."""
    # Returns thicknesses (planes + 1, Å) from zero to about the one requested, and at each the
    # share of the beam (planes + 1, nx, ny) on detectors of `angles` (inner, outer; mrad).
    require("abtem", extra="simulation", what="Scanning a unit cell")
    import abtem

    lengths = cell.cell.lengths()
    times = [*np.ceil(_BOX / lengths[:2]).astype(int), max(1, round(thickness / lengths[2]))]
    snapshots = abtem.FrozenPhonons(cell * times, phonons, displacement, seed=seed)
    slices = planes * max(1, round(times[2] * lengths[2] / _SLICE / planes))
    with abtem.config.set(SETTINGS | {"device": "cpu", "scheduler": "synchronous"}):
        potential = abtem.Potential(
            snapshots,
            sampling=_FINE,
            # Rounded up, so that rounding adds no slice.
            slice_thickness=times[2] * lengths[2] / slices * (1 + 1e-9),
            projection="infinite",
            exit_planes=slices // planes,
        )
        probe = abtem.Probe(semiangle_cutoff=semiangle, energy=energy)
        probe.grid.match(potential)
        step = 300 * float(wavelength(energy)) / semiangle
        points = [int(np.ceil(edge / step)) for edge in lengths[:2]]
        scan = abtem.GridScan((0, 0), tuple(lengths[:2]), gpts=points, endpoint=False)
        detectors = [abtem.AnnularDetector(inner=low, outer=high) for low, high in angles.values()]
        measured = probe.scan(potential, scan=scan, detectors=detectors)
        measured = measured.compute(progress_bar=False)
    images = {name: one.array for name, one in zip(angles, measured, strict=True)}
    return np.asarray(potential.exit_thicknesses, float), images


def scanned_cell(
    rng: np.random.Generator,
    structures: Sequence[Mapping[str, Any]],
    energy: float,
    displacement: float,
) -> ScannedCell:
    """Draw a crystal of a recipe, its thickness and detector angles, and scan a cell (eV, Å)."""
    cell, about = draw_cell(rng, structures)
    semiangle = float(rng.uniform(18, 28))
    # The largest angle that the grid carries, in mrad.
    widest = 1000 * float(wavelength(energy)) / _FINE / 3
    inner = float(rng.uniform(1.2 * semiangle, 0.7 * widest))
    angles = {"dark": (inner, 0.98 * widest), "bright": (semiangle / 2, semiangle)}
    thicknesses, images = scan_cell(
        cell,
        energy,
        semiangle,
        angles,
        float(rng.uniform(30, _DEEPEST)),
        displacement,
        planes=_PLANES,
        seed=int(rng.integers(2**31)),
    )
    lengths = cell.cell.lengths()
    maps = []
    for signal, power in (
        (-np.log1p(-images["dark"]), np.mean(ADF_POWERS)),
        (-np.log(images["bright"] / images["bright"][0]), np.mean(BRIGHT_POWERS)),
    ):
        sharp = without_probe(signal, lengths, semiangle, energy)
        # Scaled to the incoherent model, whose cross sections a recipe draws.
        density = float(((cell.numbers / REFERENCE) ** power).sum()) / cell.get_volume()
        maps.append(sharp * (density * thicknesses[-1] / sharp[-1].mean()))
    about |= {"method": "multislice", "semiangle": semiangle, "inner": inner}
    return ScannedCell(cell, maps[0] + 1j * maps[1], float(thicknesses[-1]), energy, about)


def without_probe(
    images: np.ndarray, lengths: np.ndarray, semiangle: float, energy: float
) -> np.ndarray:
    """Deconvolve images (..., nx, ny) of a cell (Å) by an ideal probe, where it transfers."""
    nx, ny = images.shape[-2:]
    qx, qy = np.fft.fftfreq(nx, lengths[0] / nx), np.fft.fftfreq(ny, lengths[1] / ny)
    # The transform of an Airy disc: the overlap of two apertures.
    q = np.hypot(qx[:, None], qy) * float(wavelength(energy)) * 500 / semiangle
    s = np.minimum(q, 1)
    transfer = 2 / np.pi * (np.arccos(s) - s * np.sqrt(1 - s**2))
    kept = transfer > _LEAST_TRANSFER
    spectrum = np.fft.fft2(images) * kept / np.where(kept, transfer, 1)
    return np.fft.ifft2(spectrum).real


def multislice_map(
    rng: np.random.Generator,
    scanned: ScannedCell,
    size: float,
    *,
    sampling: float = 0.2,
    least_height: float = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Specimen]:
    """Put a particle, wedge or film of a scanned cell into a box of edge `size` (Å; Å/px)."""
    # Returns what `scattering_map` does, plus the specimen. Columns are upright and free of
    # defects.
    thickness = float(rng.uniform(0.3, 1) * scanned.thickness)
    shape, radius = str(rng.choice(SHAPES)), float(rng.uniform(8, 0.4 * size))
    body = draw_body(rng, shape, size, thickness, radius)
    lengths = scanned.atoms.cell.lengths()
    turn = rotation(rng.uniform(0, 2 * np.pi)).T
    origin = np.append(rng.uniform(-0.5, 0.5, 2) * lengths[:2], 0)
    whole = projection.Projected(scanned.atoms, (0, 0, 1), turn)
    # The box is periodic: a column cut at one side would continue at the other.
    within = size / 2 - EMPTY
    parts = cut_at(whole, body, origin)
    parts = parts.select((np.abs(parts.positions[:, :2]) < within).all(axis=1))
    parts = parts.shift(np.array([size / 2, size / 2, 0]))
    species = projection.kinds_of(parts)
    specimen = Specimen.from_list(
        parts, size, scanned.about | {"kind": "crystal", "shape": shape}, KINDS, species
    )
    sites, species = specimen.sites_and_species()
    labelled = sites[:, 2] >= least_height
    # Pixel positions relative to the middle of the box, and within the cell.
    pixels = round(size / sampling)
    y, x = np.mgrid[:pixels, :pixels] * (size / pixels) - size / 2
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    atoms, _ = projection.project(whole, body.reach + whole.longest_across)
    columns = np.unique((atoms.positions + origin)[:, :2].round(2), axis=0)
    depth = _depth(body, columns) * (np.abs(columns) < within).all(axis=1)
    depth = depth[cKDTree(columns).query(places)[1]] / scanned.thickness
    inside = (places - origin[:2]) @ turn[:2, :2].T / lengths[:2]
    projected = _at(scanned.maps, depth, inside).reshape(pixels, pixels)
    return projected.astype(np.complex64), sites[labelled], species[labelled], specimen


def _depth(body: Body, columns: np.ndarray) -> np.ndarray:
    """Thickness of a body (Å) at columns (n, 2; Å)."""
    z = np.arange(-body.depth / 2, body.depth / 2, 1.0) + 0.5
    filled = np.column_stack([np.repeat(columns, len(z), axis=0), np.tile(z, len(columns))])
    return body.inside(filled).reshape(len(columns), -1).sum(axis=1)


def _at(maps: np.ndarray, depth: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Interpolate maps (planes + 1, nx, ny) at fractions of the thickness and the cell's edges."""
    fine = maps
    for axis in (1, 2):
        fine = resample(fine, _UPSAMPLED * maps.shape[axis], axis=axis)
    where = [depth * (len(maps) - 1), *(inside * fine.shape[1:]).T]
    real, imaginary = (
        map_coordinates(part, where, order=1, mode="grid-wrap") for part in (fine.real, fine.imag)
    )
    return real + 1j * imaginary
