# SPDX-License-Identifier: GPL-3.0-or-later
"""Column intensities in scanned images: their scatter against sigma, and species from them.

Wedges of fcc metals along [110], where the scatter is 1 if sigma is right; and sheets of MoS2 with
single sulphur vacancies at 60 kV and 20 000 e/Å², found by `stem`::

    python benchmarks/intensities.py
"""

from __future__ import annotations

import argparse

import hyperspy.api as hs
import numpy as np

from hyperspy_dlatoms.analysis import column_intensities, match
from hyperspy_dlatoms.simulation.imaging import Probe, ScanConditions, take_scan
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens import crystal
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer

CASES = {
    "as it is": {},
    "tails of the probe": {"tail": 0.25},
    "jitter": {"jitter": 0.05},
    "afterglow": {"afterglow": 0.3},
    "carbon, 20 Å": {"film": 20.0},
    "all of these": {"tail": 0.25, "jitter": 0.05, "afterglow": 0.3, "film": 20.0},
}
DOSES = (2e4, 2e5)
"""e/Å²."""

CROSS_SECTIONS = (0.03, 0.01)
"""Of a zirconium atom, Å²: for medium angles at 60 to 80 kV, and a third of that."""

POWER, SEMIANGLE, BORDER, PIXEL = 1.8, 25.0, 5.0, 0.1
"""Power of the atomic number; mrad; Å along the edges that do not count; Å/px."""

SPECIES = {"Mo": "Mo", "S": "S2", "S vacancy": "S"}
TOLERANCE = 0.5
"""Å between a column found and a true one."""


def scanned(rng: np.random.Generator, specimen, energy: float, **settings: float):
    """Return counts, Å/px, and for each site position (px), atoms, whether it counts, and kind."""
    fixed = ((POWER, POWER),) * 2
    projected, sites, species = scattering_map(rng, specimen, powers=fixed, growth=(1, 1))
    probe = Probe(SEMIANGLE, source_size=0.35, tail=settings.pop("tail", 0.0))
    conditions = ScanConditions(sampling=PIXEL, probe=probe, **settings)
    counts, pixel, places = take_scan(rng, projected, 0.2, energy, conditions, sites[:, :2])
    inner = (places * pixel > BORDER).all(axis=1)
    inner &= ((np.array(counts.shape) - places) * pixel > BORDER).all(axis=1)
    return counts, pixel, places, sites[:, 2], inner & (sites[:, 2] > 0), species


def scatter(number: int, dose: float, **settings: float) -> float:
    """Return the rms deviation from the number of atoms, relative to sigma, in some wedges."""
    every = []
    for seed in range(number):
        rng = np.random.default_rng([11, seed])
        specimen = crystal(rng, "fcc", zone="110", shape="wedge", thickness=60.0, tilt_max=0.5)
        counts, pixel, places, heights, inner, _ = scanned(
            rng, specimen, 200e3, dose=dose, cross_section=2e-3, **settings
        )
        found = column_intensities(counts, places, pixel)
        use = inner & (found.sigma > 0)
        intensity, sigma, height = found.intensity[use], found.sigma[use], heights[use]
        one = np.sum(intensity * height / sigma**2) / np.sum((height / sigma) ** 2)
        every.append((intensity - one * height) / sigma)
    return float(np.sqrt(np.mean(np.concatenate(every) ** 2)))


def species(number: int, cross_section: float) -> tuple[float, float]:
    """Return the shares of MoS2 columns, and of single sulphur, that get the right species."""
    right: list[np.ndarray] = []
    single: list[np.ndarray] = []
    for seed in range(number):
        rng = np.random.default_rng([12, seed])
        specimen = two_dimensional_layer(rng, "MoS2", single_vacancies=0.05)
        counts, pixel, places, heights, inner, kinds = scanned(
            rng, specimen, 60e3, dose=2e4, cross_section=cross_section, tail=0.2, jitter=0.05
        )
        names = np.array(specimen.kinds)[kinds]
        true = np.where(heights == 2, "S", np.where(names == "Mo", "Mo", "S vacancy"))
        signal = hs.signals.Signal2D(counts)
        atoms = signal.find_atoms_nn("stem", sampling=pixel, show_progressbar=False)
        table = atoms.column_intensities(signal).classify_by_intensity(SPECIES).to_dataframe()
        pairs = match(table[["y", "x"]].to_numpy(), places, TOLERANCE / pixel)
        pairs = pairs[inner[pairs[:, 1]]]
        agree = table.species.to_numpy()[pairs[:, 0]] == true[pairs[:, 1]]
        right.append(agree)
        single.append(agree[true[pairs[:, 1]] == "S vacancy"])
    return tuple(float(np.concatenate(one).mean()) for one in (right, single))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=6, help="of each (%(default)s)")
    options = parser.parse_args()
    print("rms deviation over sigma     " + "".join(f"{dose:>10g} e/Å²" for dose in DOSES))
    for name, settings in CASES.items():
        values = [scatter(options.images, dose, **settings) for dose in DOSES]
        print(f"{name:28} " + "".join(f"{one:15.2f}" for one in values), flush=True)
    print("right in MoS2, Å² of Zr       all columns   single S")
    for cross_section in CROSS_SECTIONS:
        every, single = species(options.images, cross_section)
        print(f"{cross_section:<28g} {every:11.3f} {single:10.3f}", flush=True)


if __name__ == "__main__":
    main()
