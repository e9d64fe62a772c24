# SPDX-License-Identifier: GPL-3.0-or-later
"""Images no network was trained for: other crystals, dark fields, photographs, bad calibrations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.simulation.specimens.orientation import rotation, tilt_matrix
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen
from hyperspy_dlatoms.simulation.wave import exit_wave
from hyperspy_dlatoms.training.outliers import VISIBLE, Picture, dark_field, take_picture

if TYPE_CHECKING:
    from hyperspy_dlatoms.simulation.dataset import Item

_FCC, _BCC = [(0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0)], [(0, 0, 0), (2, 2, 2)]
_TETRAHEDRAL = [(x + 1, y + 1, z + 1) for x, y, z in _FCC]
_OCTAHEDRAL = [(x + 2, y, z) for x, y, z in _FCC]
CRYSTALS: dict[str, tuple[float, dict[int, list[tuple[int, int, int]]], tuple[int, int, int]]] = {
    "Au [111]": (4.08, {79: _FCC}, (1, 1, 1)),
    "Au [112]": (4.08, {79: _FCC}, (1, 1, 2)),
    "Fe [100]": (2.87, {26: _BCC}, (1, 0, 0)),
    "W [111]": (3.165, {74: _BCC}, (1, 1, 1)),
    "Si [110]": (5.431, {14: _FCC + _TETRAHEDRAL}, (1, 1, 0)),
    "GaAs [110]": (5.653, {31: _FCC, 33: _TETRAHEDRAL}, (1, 1, 0)),
    "SrTiO3 [100]": (3.905, {38: _BCC[:1], 22: _BCC[1:], 8: _FCC[1:]}, (1, 0, 0)),
    "NaCl [100]": (5.64, {11: _FCC, 17: _OCTAHEDRAL}, (1, 0, 0)),
}
"""Lattice constant (Å), the places of each element in quarters of it, and the zone."""

PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins", "grass"),
    *("gravel", "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina", "rocket"),
    "text",
)
"""Images that come with scikit-image."""

FACTORS = (0.5, 1 / 1.5, 1.5, 2.0)
"""By which a calibration is wrong."""


def crystal(rng: np.random.Generator, name: str, size: float = 60.0) -> Specimen:
    """Make a lens-shaped crystal."""
    constant, basis, zone = CRYSTALS[name]
    reach = int(np.ceil(size / constant)) // 2 + 1
    cells = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3), axis=-1).reshape(-1, 1, 3)
    parts = {z: (cells + np.array(places) / 4).reshape(-1, 3) for z, places in basis.items()}
    numbers = np.repeat(list(parts), [len(part) for part in parts.values()])
    positions = constant * np.concatenate(list(parts.values())) @ _looking_along(zone).T
    half_axes = (*[rng.uniform(0.2, 0.4) * size] * 2, rng.uniform(8, 25))
    inside = np.linalg.norm(positions / half_axes, axis=1) < 1
    numbers, positions = numbers[inside], positions[inside]
    column = _columns(positions[:, :2])
    turn = tilt_matrix(rng.uniform(0, 1.5), rng.uniform(0, 2 * np.pi))
    turn = turn @ rotation(rng.uniform(0, 2 * np.pi))
    positions = positions @ turn.T + (size / 2, size / 2, 0)
    return Specimen.from_list(AtomList(numbers, positions, column), size, {"kind": name})


def foreign_waves(rng: np.random.Generator, each: int, size: float = 60.0) -> Iterator[Item]:
    """Simulate exit waves of each of the ``CRYSTALS``, at 300 and 80 kV in turn."""
    from hyperspy_dlatoms.simulation.dataset import Item

    for name in CRYSTALS:
        for number in range(each):
            specimen = crystal(rng, name, size)
            energy = (300e3, 80e3)[number % 2]
            wave, sites, species = exit_wave(rng, specimen, energy)
            record = {"energy": energy, "specimen": {"kind": name}}
            yield Item(wave, sites, species, np.empty(0), record)


def wrong_pictures(
    rng: np.random.Generator, item: Item, imaging: dict[str, Any], sampling: float
) -> Iterator[Picture]:
    """Image a wave that a network knows, with wrong calibrations and with twice the astigmatism."""
    for factor in FACTORS:
        picture = take_picture(rng, item, imaging | VISIBLE, sampling).crop(rng)
        yield picture._replace(kind=f"sampling × {factor:.2f}", sampling=factor * picture.pixel)
    astigmatism = 2 * bounds(imaging.get("astigmatism", 20))[1]
    ranges = imaging | VISIBLE | {"astigmatism": astigmatism}
    yield take_picture(rng, item, ranges, sampling)._replace(kind="astigmatism × 2").crop(rng)


def foreign_pictures(
    rng: np.random.Generator, waves: list[Item], imaging: dict[str, Any], size: float = 60.0
) -> Iterator[Picture]:
    """Image each of some waves, as HRTEM and as an annular dark field would show it."""
    for item in waves:
        yield take_picture(rng, item, imaging | VISIBLE, 0.2).crop(rng)
        columns = np.column_stack([item.sites[:, :2], item.sites[:, 2] ** 0.8])
        yield dark_field(rng, columns, size).crop(rng)


def photograph(rng: np.random.Generator, name: str) -> Picture:
    """Take part of one of the ``PHOTOGRAPHS`` as an image of some pixel size."""
    from skimage import color, data

    image = np.asarray(getattr(data, name)(), np.float32)
    image = color.rgb2gray(image[..., :3]) if image.ndim == 3 else image
    pixel = rng.uniform(0.04, 0.2)
    most = round(60 / pixel)
    y, x = (int(rng.integers(0, max(length - most, 0) + 1)) for length in image.shape)
    image = image[y : y + most, x : x + most].astype(np.float32)
    return Picture("photograph", image, pixel, pixel, np.empty((0, 2)), np.inf).crop(rng)


def noise(rng: np.random.Generator, size: float = 60.0) -> Picture:
    """Count electrons where there is no specimen."""
    pixel, dose = rng.uniform(0.04, 0.25), np.exp(rng.uniform(np.log(100), np.log(1e5)))
    counts = rng.poisson(dose * pixel**2, 2 * [round(size / pixel)]).astype(np.float32)
    return Picture("noise", counts, pixel, pixel, np.empty((0, 2)), dose).crop(rng)


def _looking_along(zone: tuple[int, int, int]) -> np.ndarray:
    """Rotation from the axes of the crystal to x, y, z, the zone along z."""
    z = np.array(zone) / np.linalg.norm(zone)
    x = np.cross(z, np.eye(3)[np.argmin(np.abs(z))])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _columns(across: np.ndarray) -> np.ndarray:
    """Number the column of each atom by its place across the beam (Å), (n, 2)."""
    pairs = cKDTree(across).query_pairs(0.1, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=2 * [len(across)])
    return connected_components(graph, directed=False)[1]
