# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the example images of `hyperspy_dlatoms.data`, except the nanoparticle of the demo.

    python tools/examples.py hyperspy_dlatoms/data

`embed_example.py` makes that one. Each has its own seed, which no network's recipe uses. Update the
catalogue afterwards with ``python tools/catalogue.py``.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.data.frames import inside
from hyperspy_dlatoms.data.stored import Stored, write_stored
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer
from hyperspy_dlatoms.simulation.specimens.graphene import graphene_sheet
from hyperspy_dlatoms.simulation.specimens.metal import metal_nanoparticle
from hyperspy_dlatoms.simulation.specimens.orientation import tilt_matrix
from hyperspy_dlatoms.simulation.wave import exit_wave

MTF = (1.0, 0.03, 0.45, 2.5)
WAVE = 0.2
"""Å/px of the exit waves."""

EDGE = 5.0
"""Edge of a box where a layer ends (Å): what is missing beyond it looks like vacancies."""


def graphene() -> Stored:
    """Make two grains of graphene with vacancies and the boundary between them."""
    rng = np.random.default_rng(880_011)
    specimen = graphene_sheet(
        rng, "polycrystal", size=54.0, grains=2, vacancy_fraction=0.01, tilt_max=1.0
    )
    lens = Lens(defocus=45.0, Cs=-8e4, astigmatism=6.0, coma=80.0, focal_spread=25.0)
    conditions = Conditions(lens, Camera(sampling=0.11, dose=6000.0, blur=0.12, mtf=MTF))
    return _stored(rng, [specimen], 80e3, [conditions], "Graphene with a grain boundary")


def focal_series() -> Stored:
    """Make three images of one graphene sheet with vacancies, at three defoci."""
    rng = np.random.default_rng(880_012)
    specimen = graphene_sheet(rng, "perfect", size=40.0, vacancy_fraction=0.02, holes=1)
    camera = Camera(sampling=0.12, dose=5000.0, blur=0.12, mtf=MTF)
    lens = Lens(Cs=-8e4, astigmatism=5.0, focal_spread=25.0)
    series = [Conditions(replace(lens, defocus=value), camera) for value in (20.0, 60.0, 100.0)]
    axis = {"name": "defocus", "units": "nm", "scale": 4.0, "offset": 2.0}
    return _stored(rng, [specimen], 80e3, series, "Focal series of graphene", axis)


def mos2_series() -> Stored:
    """Make three images of one MoS2 layer with vacancies, at three defoci."""
    rng = np.random.default_rng(880_014)
    specimen = two_dimensional_layer(
        rng,
        "MoS2",
        size=40.0 + 2 * EDGE,
        metal_vacancies=0.015,
        single_vacancies=0.04,
        double_vacancies=0.02,
        ripple_amplitude=0.2,
        tilt_max=1.0,
    )
    camera = Camera(sampling=0.12, dose=10_000.0, blur=0.12, mtf=MTF)
    lens = Lens(Cs=-4e4, astigmatism=5.0, coma=80.0, focal_spread=25.0)
    series = [Conditions(replace(lens, defocus=value), camera) for value in (-20.0, 20.0, 60.0)]
    axis = {"name": "defocus", "units": "nm", "scale": 4.0, "offset": -2.0}
    return _stored(rng, [specimen], 80e3, series, "Focal series of MoS2", axis, EDGE)


def movie() -> Stored:
    """Make a movie of a platinum particle that drifts and tilts off its zone axis."""
    rng = np.random.default_rng(880_013)
    size, frames = 36.0, 12
    specimen = metal_nanoparticle(rng, "Pt", size, radius=9.5, tilt_max=0.2, twin_probability=1.0)
    axis_angle, drift = rng.uniform(0, np.pi), np.cumsum(rng.normal(0, 0.25, (frames, 2)), axis=0)
    middle = specimen.atoms.positions.mean(axis=0)
    specimens = []
    for number in range(frames):
        atoms = specimen.atoms.copy()
        turn = tilt_matrix(0.2 * number, axis_angle)
        atoms.positions = (atoms.positions - middle) @ turn.T + middle
        atoms.positions[:, :2] += drift[number]
        specimens.append(replace(specimen, atoms=atoms))
    defocus = 70 + np.cumsum(rng.normal(0, 2, frames))
    camera = Camera(sampling=0.15, dose=1000.0, blur=0.15, mtf=MTF)
    lens = Lens(Cs=-1e5, coma=100.0, focal_spread=30.0)
    conditions = [Conditions(replace(lens, defocus=float(value)), camera) for value in defocus]
    axis = {"name": "time", "units": "s", "scale": 0.5, "offset": 0.0}
    return _stored(rng, specimens, 300e3, conditions, "Movie of a drifting particle", axis)


def _stored(rng, specimens, energy, conditions, title, navigation=None, edge=0.0) -> Stored:
    """Image one specimen, or one per frame, under each of the conditions; crop an edge (Å)."""
    same = len(specimens) == 1
    waves = [exit_wave(rng, one, energy, sampling=WAVE) for one in specimens]
    if same:
        waves *= len(conditions)
    counts, positions, species = [], [], []
    for (wave, sites, kinds), condition in zip(waves, conditions, strict=True):
        image, sampling = take_image(rng, wave, WAVE, energy, condition)
        cut = round(edge / sampling)
        counts.append(image[cut:-cut, cut:-cut] if cut else image)
        places = np.column_stack([sites[:, :2] / sampling - cut, kinds])
        found = inside(places, counts[-1].shape)
        positions.append(found[:, :2])
        species.append(found[:, 2])
    meta = {
        "title": title,
        "energy": energy,
        "specimen": specimens[0].description,
        "conditions": [one.to_dict() for one in conditions],
    }
    names = specimens[0].kinds
    kinds = tuple(species) if len(names) > 1 else ()
    meta |= {"kinds": list(names)} if kinds else {}
    if navigation is None:
        return Stored(counts[0], sampling, tuple(positions), meta, kinds)
    meta["navigation"] = navigation
    return Stored(np.stack(counts), sampling, tuple(positions), meta, kinds)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--only", metavar="NAME", help="one of them")
    options = parser.parse_args()
    for name, make in (
        ("graphene-image", graphene),
        ("focal-series", focal_series),
        ("mos2-series", mos2_series),
        ("movie", movie),
    ):
        if options.only in (None, name):
            write_stored(options.output / f"{name}.npz", make())


if __name__ == "__main__":
    main()
