# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a network reads crystals of structure types it was trained on, and of other types.

A dozen of each are imaged through the lenses of a recipe. find_peaks sees the smoothed image and is
told the neighbour distance, whether columns are bright or dark, and its best threshold; the network
is told nothing. Light columns count neither as hits nor as misses. Prints F1 of each material, with
that of find_peaks in brackets, then means over the materials, with a standard error::

    python benchmarks/materials.py [recipes/stem.yaml --model stem --doses 1000 20000]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import hyperspy.api as hs
import numpy as np
from ase.spacegroup import crystal
from finders import smoothed
from scipy.spatial import cKDTree

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.analysis import match
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import make_item
from hyperspy_dlatoms.simulation.imaging.modality import at_dose, draw_any, take_any

T = 1 / 3
SEEN = {
    "SrTiO3": ("Sr Ti O", [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], 221, (3.905,)),
    "CeO2": ("Ce O", [(0, 0, 0), (0.25, 0.25, 0.25)], 225, (5.411,)),
    "MgO": ("Mg O", [(0, 0, 0), (0.5, 0.5, 0.5)], 225, (4.212,)),
    "GaAs": ("Ga As", [(0, 0, 0), (0.25, 0.25, 0.25)], 216, (5.653,)),
    "Si": ("Si", [(0, 0, 0)], 227, (5.431,)),
    "W": ("W", [(0, 0, 0)], 229, (3.165,)),
    "Ti": ("Ti", [(T, 2 * T, 0.25)], 194, (2.951, 2.951, 4.684, 90, 90, 120)),
    "TiO2 rutile": ("Ti O", [(0, 0, 0), (0.305, 0.305, 0)], 136, (4.594, 4.594, 2.959)),
    "TiO2 anatase": ("Ti O", [(0, 0, 0), (0, 0, 0.208)], 141, (3.785, 3.785, 9.514)),
    "Al2O3": (
        "Al O",
        [(0, 0, 0.352), (0.306, 0, 0.25)],
        167,
        (4.759, 4.759, 12.99, 90, 90, 120),
    ),
    "NiAl": ("Ni Al", [(0, 0, 0), (0.5, 0.5, 0.5)], 221, (2.887,)),
    "Cu3Au": ("Au Cu", [(0, 0, 0), (0, 0.5, 0.5)], 221, (3.75,)),
}
"""Elements, positions, space group and cell (Å, degrees) of types that `crystal` was shown."""

UNSEEN = {
    "CoSn": (
        "Co Sn Sn",
        [(0.5, 0, 0), (0, 0, 0), (T, 2 * T, 0.5)],
        191,
        (5.28, 5.28, 4.26, 90, 90, 120),
    ),
    "SmCo5": (
        "Sm Co Co",
        [(0, 0, 0), (T, 2 * T, 0), (0.5, 0, 0.5)],
        191,
        (5.0, 5.0, 3.97, 90, 90, 120),
    ),
    "FeSi": ("Fe Si", [(0.137,) * 3, (0.842,) * 3], 198, (4.489,)),
    "Cu2O": ("O Cu", [(0, 0, 0), (0.25, 0.25, 0.25)], 224, (4.27,)),
    "CaWO4": (
        "Ca W O",
        [(0, 0, 0.5), (0, 0, 0), (0.241, 0.151, 0.081)],
        88,
        (5.243, 5.243, 11.376),
    ),
    "SnSe": ("Sn Se", [(0.118, 0.25, 0.103), (0.855, 0.25, 0.479)], 62, (11.5, 4.15, 4.44)),
    "Fe3C": (
        "Fe Fe C",
        [(0.036, 0.25, 0.852), (0.186, 0.063, 0.328), (0.89, 0.25, 0.45)],
        62,
        (5.091, 6.743, 4.526),
    ),
    "BaFe2As2": (
        "Ba Fe As",
        [(0, 0, 0), (0, 0.5, 0.25), (0, 0, 0.354)],
        139,
        (3.963, 3.963, 13.02),
    ),
    "MoSi2": ("Mo Si", [(0, 0, 0), (0, 0, T)], 139, (3.205, 3.205, 7.845)),
    "CuAl2": ("Cu Al", [(0, 0, 0.25), (0.158, 0.658, 0)], 140, (6.067, 6.067, 4.877)),
    "Ni2Al3": (
        "Al Al Ni",
        [(0, 0, 0), (T, 2 * T, 0.648), (T, 2 * T, 0.149)],
        164,
        (4.036, 4.036, 4.9, 90, 90, 120),
    ),
    "Th3P4": ("Th P", [(0.375, 0, 0.25), (0.083,) * 3], 220, (8.653,)),
}
"""The same for types that are in no recipe."""

WAVES, DOSES = 6, (1e3, 3162.0, 1e4, 1e5)
"""Exit waves of each material; e/Å²."""

SPECIMEN = """
  - structure: crystal
    file: {file}
    thickness: {thickness}
    support: {{choice: [null, carbon], weights: [3, 1]}}
"""
"""One crystal, along a zone in which most columns are resolved."""

FEWEST, BORDER, SEED = 30, 3.0, 77
"""Fewest columns of a wave; Å along the edges that do not count."""


def recipe_of(name: str, text: str, folder: Path):
    """Return a recipe with its specimens replaced by one material."""
    elements, places, group, lengths = (SEEN | UNSEEN)[name]
    angles = lengths[3:] or (90, 90, 90)
    cell = (*(lengths[:3] * 3)[:3], *angles)
    atoms = crystal(elements.split(), places, spacegroup=group, cellpar=cell)
    file = folder / f"{name.replace(' ', '-')}.cif"
    atoms.write(file)
    head, rest = text.split("structures:\n")
    tail = rest[rest.index("\nimaging:") :]
    scanned = "method: incoherent" in text
    specimen = SPECIMEN.format(file=file, thickness="[5, 150]" if scanned else "[8, 80]")
    return parse_recipe(head + "structures:" + specimen + tail)


def f1(found: np.ndarray, image, sites: np.ndarray, light: np.ndarray, pixel: float) -> float:
    """Return the F1 of columns (px), matched within half the network's least distance."""
    size = np.array(image.shape) - 1

    def inside(places: np.ndarray) -> np.ndarray:
        return ((places * pixel > BORDER) & ((size - places) * pixel > BORDER)).all(axis=1)

    pairs = match(found, sites, 0.45 / pixel)
    false, missed = inside(found), inside(sites) & ~light
    false[pairs[:, 0]] = missed[pairs[:, 1]] = False
    right = np.count_nonzero(inside(sites[pairs[:, 1]]) & ~light[pairs[:, 1]])
    return 2 * right / max(1, 2 * right + false.sum() + missed.sum())


def peaks_told(image: np.ndarray, pixel: float, spacing: float) -> list[np.ndarray]:
    """Return the maxima (n, 2; px) of bright and of dark columns above a range of thresholds."""
    smooth = smoothed(image, pixel, spacing)
    every = []
    for bright in (smooth, -smooth):
        signal = hs.signals.Signal2D(bright)
        found = signal.find_peaks(
            method="local_max",
            min_distance=max(1, round(0.35 * spacing / pixel)),
            threshold_abs=float(bright.min()),
            interactive=False,
            show_progressbar=False,
        ).data.ravel()[0]
        # A threshold merely removes the lower maxima.
        values = bright[tuple(np.asarray(found, int).reshape(-1, 2).T)]
        thresholds = np.linspace(*np.percentile(bright, [5, 99.5]), 30)
        every += [np.asarray(found, float).reshape(-1, 2)[values > limit] for limit in thresholds]
    return every


def materials(names, options, network, folder: Path):
    """Yield the name of each material, and (n, 2) F1 of the network and of find_peaks by dose."""
    for name in names:
        recipe = recipe_of(name, options.recipe.read_text(), folder)
        scores: dict[float, list[tuple[float, float]]] = defaultdict(list)
        for index in range(options.waves):
            item = make_item(recipe, index)
            light = np.array(item.record["kinds"])[item.species] == "light column"
            places = item.sites[:, :2]
            if np.count_nonzero(~light) < FEWEST:
                continue
            spacing = float(np.median(cKDTree(places[~light]).query(places[~light], 2)[0][:, 1]))
            about = recipe.waves.sampling, item.record["energy"]
            for dose in options.doses:
                rng = np.random.default_rng([SEED, index])
                conditions = draw_any(rng, at_dose(recipe.imaging, dose))
                image, pixel, sites = take_any(rng, item.wave, *about, conditions, places)
                ours = find_sites(image[None], pixel, network)[0][:, :2]
                peaks = peaks_told(image, pixel, spacing)
                best = max(f1(found, image, sites, light, pixel) for found in peaks)
                scores[dose].append((f1(ours, image, sites, light, pixel), best))
        yield name, {dose: np.array(every) for dose, every in scores.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", type=Path, default=Path("recipes/crystal.yaml"))
    parser.add_argument("--model", default="crystal")
    parser.add_argument("--doses", type=float, nargs="+", default=DOSES, help="e/Å²")
    parser.add_argument("--waves", type=int, default=WAVES, help="of a material (%(default)s)")
    options = parser.parse_args()
    network = registry.load(options.model)
    for kind, names in (("seen", SEEN), ("unseen", UNSEEN)):
        means: dict[float, list[np.ndarray]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder:
            for name, scores in materials(names, options, network, Path(folder)):
                row = [f"{name:13s}"]
                for dose, every in scores.items():
                    means[dose].append(every.mean(axis=0))
                    row.append("{:7g}: {:.3f} ({:.3f})".format(dose, *every.mean(axis=0)))
                print("  ".join(row), flush=True)
        for dose, each in means.items():
            (ours, peaks), (error, _) = np.mean(each, axis=0), np.std(each, axis=0)
            error /= np.sqrt(len(each) - 1)
            print(f"{kind:7s}{dose:7g} e/Å²: {ours:.3f} ± {error:.3f}, find_peaks {peaks:.3f}")


if __name__ == "__main__":
    main()
