# SPDX-License-Identifier: GPL-3.0-or-later
"""How close the incoherent model of scanned images comes to multislice.

    python benchmarks/incoherent.py [GaAs] [BaTiO3]

abTEM scans a unit cell (frozen phonons). The model's power, growth, tail and halo are the best of a
grid, by the pixel-to-pixel correlation r. Takes ten minutes on one core.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
from scipy.ndimage import map_coordinates

from hyperspy_dlatoms.simulation.imaging import Probe, ScanConditions, take_scan
from hyperspy_dlatoms.simulation.scanned_cell import scan_cell
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

ENERGY, SEMIANGLE, THERMAL, THICKNESS = 200e3, 22.0, 0.08, 60.0
ANGLES = {"ADF": (60, 110), "MAADF": (30, 60), "ABF": (11, 22), "BF": (0, 7)}
"""mrad."""
SIZE, PIXEL, BORDER, SOURCE = 40.0, 0.1, 10.0, 0.3


def unit_cell(name: str):
    """Return a right-angled cell of a crystal with its zone along z."""
    from ase import Atoms
    from ase.build import bulk
    from ase.build.tools import cut

    if name == "BaTiO3":
        places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
        return Atoms("BaTiO3", scaled_positions=places, cell=[4.0] * 3, pbc=True)
    if name == "GaAs":
        cubic = bulk("GaAs", "zincblende", 5.653, cubic=True)
        cell = cut(cubic, a=(0.5, -0.5, 0), b=(0, 0, 1), c=(0.5, 0.5, 0))
        cell.set_cell(cell.cell.lengths(), scale_atoms=True)
        return cell
    raise SystemExit(f"{name} is not known: give GaAs or BaTiO3.")


def multislice(cell) -> dict[str, np.ndarray]:
    """Scan a unit cell, (x, y) images of each detector."""
    _, images = scan_cell(cell, ENERGY, SEMIANGLE, ANGLES, THICKNESS, THERMAL, phonons=4, seed=1)
    return {name: one[-1] for name, one in images.items()}


def blurred(image: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Blur an image of a unit cell by the source size."""
    q = [np.fft.fftfreq(n, length / n) for n, length in zip(image.shape, lengths, strict=True)]
    factor = np.exp(-2 * (np.pi * SOURCE) ** 2 * np.add.outer(q[0] ** 2, q[1] ** 2))
    return np.fft.ifft2(np.fft.fft2(image) * factor).real


def tiled(image: np.ndarray, lengths: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolate a periodic image at positions (Å) along both axes, (y, x)."""
    step = lengths / np.array(image.shape)
    x, y = np.meshgrid(places / step[0], places / step[1])
    # grid-wrap needs no copy of the first row.
    return map_coordinates(image, [x, y], order=3, mode="grid-wrap")


def model(cell, power: float, growth: float, tail: float, halo: float) -> np.ndarray:
    """Return the projected scattering that the model sees, (y, x)."""
    lengths = cell.cell.lengths()
    times = [*(int(np.ceil(SIZE / edge)) for edge in lengths[:2]), round(THICKNESS / lengths[2])]
    atoms = cell * tuple(times)
    crystal = AtomList.without_sites(atoms.numbers, atoms.positions)
    specimen = Specimen.from_list(crystal, SIZE, {})
    either = ((power, power),) * 2
    scattering, *_ = scattering_map(
        np.random.default_rng(1),
        specimen,
        displacement=THERMAL,
        powers=either,
        growth=(growth, growth),
    )
    conditions = ScanConditions(
        # At so weak an absorption both fields behave alike, but only bright fields have halos.
        detector="BF",
        sampling=PIXEL,
        absorption=1e-4,
        halo=halo,
        probe=Probe(SEMIANGLE, source_size=SOURCE, tail=tail, tail_length=1.0),
    )
    nothing = np.empty((0, 2))
    image, *_ = take_scan(np.random.default_rng(1), scattering, 0.2, ENERGY, conditions, nothing)
    return image


def main() -> None:
    """Print how close the best model comes for each detector."""
    for name in sys.argv[1:] or ("BaTiO3", "GaAs"):
        cell = unit_cell(name)
        lengths = cell.cell.lengths()[:2]
        images = multislice(cell)
        inside = slice(round(BORDER / PIXEL), round((SIZE - BORDER) / PIXEL))
        places = np.arange(round(SIZE / PIXEL))[inside] * PIXEL
        for detector, image in images.items():
            truth = tiled(blurred(image, lengths), lengths, places)
            powers = (1.5, 1.75, 2.0) if "ADF" in detector else (0.6, 0.9, 1.3)
            best = (-1.0, ())
            halos = (0.0,) if "ADF" in detector else (0.0, 0.4, 0.8)
            for chosen in product(powers, (0.75, 1.0), (0.0, 0.2, 0.4), halos):
                seen = model(cell, *chosen)[inside, inside]
                r = np.corrcoef(seen.ravel(), truth.ravel())[0, 1]
                r = -r if "ADF" in detector else r
                best = max(best, (r, chosen))
            print(
                f"{name:7s} {detector:6s} r {best[0]:.3f} (power, growth, tail, halo {best[1]}); "
                f"signal {truth.min():.4f} to {truth.max():.4f} of the beam",
                flush=True,
            )


if __name__ == "__main__":
    main()
