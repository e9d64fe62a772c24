# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from outside any training set, which teach a domain its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter

from hyperspy_dlatoms.detection.pipeline import COARSEST
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.imaging import images_of, modality_of
from hyperspy_dlatoms.simulation.dataset import Item
from hyperspy_dlatoms.simulation.imaging.camera import Camera, count_electrons, record
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image
from hyperspy_dlatoms.simulation.imaging.modality import draw_any, take_any

# Label of a site in none of a network's classes: whatever it is taken for is wrong.
NO_CLASS = -2
FINE = 0.1  # Å/px of the grid that columns are drawn on.
COLUMN = 8.0  # Atoms of Z = 40 per Å² at the centre of a scanned column: some 15 in all.
# What is drawn in turn.
KINDS = (
    *("lattice", "stretched", "astigmatic", "lattice", "bright", "leaves"),
    *("lattice", "stretched", "astigmatic", "lattice", "bright", "empty"),
)
# Conditions with visible contrast: small aberrations, some defocus, enough dose.
VISIBLE: dict[str, Any] = {
    "dose": {"log": [1000, 1e5]},
    "defocus": {"choice": [[30, 110], [-110, -30]]},
    "Cs": [-3e4, 3e4],
    "coma": [0, 200],
    "threefold": [0, 100],
    "astigmatism": [0, 20],
    "focal_spread": [12, 40],
    "defocus_ramp": 0,
}


class Picture(NamedTuple):
    """An image or a focal series, and what is known about it."""

    kind: str  # Kind of the image.
    image: np.ndarray  # (H, W) float32; (images, H, W) of a focal series.
    sampling: float  # Stated sampling, Å/px.
    pixel: float  # True pixel size, Å.
    positions: np.ndarray  # (n, 2): y, x of its sites, px.
    dose: float  # e/Å².
    # (n,): the class of each site, -1 where it counts neither way, `NO_CLASS` for none; None where
    # all are of the only class.
    labels: np.ndarray | None = None
    # The defoci of a focal series and the elements of a layer, as told to a network.
    known: tuple[Any, Any] = (None, None)

    def crop(self, rng: np.random.Generator, shortest: float = 30.0) -> Picture:
        """Cut out a random square, with a side from `shortest` (Å) up to the whole image."""
        shape = self.image.shape[-2:]
        least = min(*shape, round(shortest / self.pixel))
        side = int(rng.integers(least, min(shape) + 1))
        corner = np.array([rng.integers(0, length - side + 1) for length in shape])
        positions = self.positions - corner
        inside = ((positions > -0.5) & (positions < side - 0.5)).all(axis=1)
        image = self.image[..., corner[0] :, corner[1] :][..., :side, :side]
        labels = None if self.labels is None else self.labels[inside]
        return self._replace(image=image, positions=positions[inside], labels=labels)


def take_picture(
    rng: np.random.Generator,
    item: Item,
    imaging: Mapping[str, Any],
    sampling: float,
    card: ModelCard | None = None,
) -> Picture:
    """Image a wave of a data set (sampling in Å/px) under conditions drawn from ranges."""
    # The card belongs to the network that will see the image; the sites get its classes.
    conditions = draw_any(rng, imaging)
    image, pixel, positions = take_any(
        rng, item.wave, sampling, item.record["energy"], conditions, item.sites[:, :2]
    )
    kind = item.record["specimen"].get("kind", "")
    picture = Picture(kind, image, pixel, pixel, positions, conditions.dose)
    if card is None:
        return picture
    picture = picture._replace(labels=_labels(item, card))
    if images_of(imaging) == 1:
        return picture
    return picture._replace(known=_told(rng, item, conditions.defoci, card))


def _labels(item: Item, card: ModelCard) -> np.ndarray | None:
    """Return the class of each site; None where all are of the only class."""
    kinds = item.record["kinds"]
    kinds_known = len(item.species) == len(item.sites)
    if len(card.classes) == 1 and not (kinds_known and card.classes[0] in kinds):
        return None
    if not kinds_known:
        return np.full(len(item.sites), NO_CLASS)
    # Sites of a single kind, such as the atoms of graphene, are unknown to the network.
    unknown = NO_CLASS if len(kinds) == 1 else -1
    classes = [card.classes.index(kind) if kind in card.classes else unknown for kind in kinds]
    return np.array(classes, int)[item.species]


def _told(
    rng: np.random.Generator, item: Item, defoci: Sequence[float], card: ModelCard
) -> tuple[Any, Any]:
    """Draw what a network is told: perhaps the defoci, and perhaps elements, sometimes wrong."""
    elements: Any = None
    own = item.record["specimen"].get("elements", ())
    if card.arguments.get("material", False) and rng.random() < 0.6:
        wrong = len(own) != 2 or rng.random() < 0.2
        drawn = (str(rng.choice(["Mo", "W"])), str(rng.choice(["S", "Se", "Te"])))
        elements = drawn if wrong else tuple(own)
    return (tuple(defoci) if rng.random() < 0.5 else None), elements


def draw_outlier(
    rng: np.random.Generator,
    kind: str,
    item: Item,
    imaging: Mapping[str, Any],
    sampling: float,
    card: ModelCard,
) -> Picture:
    """Draw an image of one of ``KINDS``, such as no network's training set contains."""
    # A random lattice; a wrong calibration; too much astigmatism; bright columns as in annular dark
    # field, or phase contrast for a network of scanned images; leaves; pure noise, which a network
    # should read correctly.
    size = len(item.wave) * sampling
    scanned = modality_of(imaging) == "STEM"
    visible = rng.random() < 0.5 and not scanned
    ranges = {**imaging, **VISIBLE} if visible else dict(imaging)
    if kind == "lattice":
        columns = random_lattice(rng, size)
        phase = draw_columns(columns, size, rng.uniform(0.25, 0.4)) * rng.uniform(0.2, 1.5)
        wave = COLUMN * (1 + 1j) * phase if scanned else np.exp(1j * phase)
        item = replace(item, wave=wave[::2, ::2], sites=columns, species=np.empty(0, int))
        picture = take_picture(rng, item, ranges, 2 * FINE, card)
    elif kind == "empty":
        nothing: dict[str, Any] = {"sites": np.empty((0, 3)), "species": np.empty(0, int)}
        item = replace(item, wave=np.full_like(item.wave, not scanned), **nothing)
        picture = take_picture(rng, item, ranges, sampling, card)
    elif kind == "stretched":
        picture = take_picture(rng, item, ranges, sampling, card)
        factor = rng.uniform(1.3, 2.5) ** rng.choice([-1, 1])
        # Coarser images are refused before any network sees them.
        if picture.pixel * factor > COARSEST * card.sampling:
            factor = 1 / factor
        picture = picture._replace(sampling=picture.pixel * factor)
    elif kind == "bright":
        columns = item.sites if rng.random() < 0.3 else random_lattice(rng, size)
        look = phase_contrast if scanned else dark_field
        picture = look(rng, columns, size)
    elif kind == "leaves":
        picture = leaves(rng)
    elif kind == "astigmatic":
        least = 1.5 * max(bounds(imaging.get("astigmatism", 0))[1], 20.0)
        ranges["astigmatism"] = [least, 2.5 * least]
        picture = take_picture(rng, item, ranges, sampling, card)
    else:
        raise ValueError(f"The kind is {kind!r}, expected one of {sorted(set(KINDS))}.")
    picture = picture._replace(kind=kind)
    return picture if kind == "leaves" else picture.crop(rng)


def random_lattice(rng: np.random.Generator, size: float) -> np.ndarray:
    """Draw columns (y, x in Å, weight) of a crystal that need not exist, in an ellipse."""
    # Every second one has two axes of equal length, as most crystals have along a high-symmetry
    # axis.
    a = rng.uniform(1.4, 6.0)
    b = a * rng.choice([1.0, rng.uniform(0.55, 1.0)])
    angle, turn = np.radians(rng.choice([60, 90, rng.uniform(55, 90)])), rng.uniform(0, 2 * np.pi)
    azimuths = np.array([turn, turn + angle])
    vectors = np.array([[a], [b]]) * np.column_stack([np.cos(azimuths), np.sin(azimuths)])
    reach = int(2 * size / b) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), axis=-1).reshape(-1, 1, 2)
    number = int(rng.integers(1, 1 + max(1, min(4, round(a * b / 3)))))
    points = (cells + rng.random((number, 2))).reshape(-1, 2) @ vectors
    weights = np.tile(rng.uniform(0.3, 1.0, number), len(cells))
    ellipse = rng.uniform(0.25, 0.8, 2) * size
    kept = (np.linalg.norm(points / ellipse, axis=1) < 1) & (np.abs(points) < size / 2).all(axis=1)
    return np.column_stack([points + size / 2, weights])[kept]


def draw_columns(columns: np.ndarray, size: float, width: float) -> np.ndarray:
    """Draw columns (y, x in Å, height) as Gaussians in a periodic box, at ``FINE`` Å/px."""
    edges = np.arange(round(size / FINE) + 1) - 0.5
    y, x = np.asarray(columns[:, :2] / FINE).T
    image, _, _ = np.histogram2d(y, x, (edges, edges), weights=columns[:, 2])
    return gaussian_filter(image, width / FINE, mode="wrap") * 2 * np.pi * (width / FINE) ** 2


def dark_field(rng: np.random.Generator, columns: np.ndarray, size: float) -> Picture:
    """Image columns (y, x in Å, weight) as in annular dark field: bright spots with counts."""
    image = draw_columns(columns, size, rng.uniform(0.3, 0.7))
    image = image / image.max() + rng.uniform(0.01, 0.3)
    pixel = rng.uniform(0.04, 0.25)
    image = record(image, FINE, Camera(sampling=pixel), pixel)
    pixel, dose = size / len(image), np.exp(rng.uniform(np.log(300), np.log(1e5)))
    counts = count_electrons(rng, image, Camera(dose=dose), pixel)
    return Picture("ADF-STEM", counts, pixel, pixel, np.asarray(columns[:, :2]) / pixel, dose)


def phase_contrast(rng: np.random.Generator, columns: np.ndarray, size: float) -> Picture:
    """Image columns (y, x in Å, weight) by phase contrast through a lens (HRTEM)."""
    columns = np.asarray(columns)
    strength = rng.uniform(0.3, 1.5) / columns[:, 2].max()
    phase = draw_columns(columns, size, rng.uniform(0.25, 0.4)) * strength
    wave = np.exp(1j * phase)[::2, ::2].astype(np.complex64)
    conditions = draw_conditions(rng, VISIBLE | {"sampling": [0.04, 0.25]})
    image, pixel = take_image(rng, wave, 2 * FINE, 300e3, conditions)
    places = columns[:, :2] / pixel
    return Picture("HRTEM", image, pixel, pixel, places, conditions.dose)


def leaves(rng: np.random.Generator) -> Picture:
    """Present leaves as an image with some pixel size, without sites."""
    image, pixel = dead_leaves(rng, int(rng.integers(150, 600))), rng.uniform(0.04, 0.25)
    return Picture("leaves", image, pixel, pixel, np.empty((0, 2)), np.inf)


def dead_leaves(rng: np.random.Generator, pixels: int, number: int = 150) -> np.ndarray:
    """Draw overlapping leaves, each of one grey level, with some noise and cloud, float32."""
    # A. Lee, D. Mumford and J. Huang, "Occlusion models for natural images", International Journal
    # of Computer Vision 41, 35 (2001): they have the statistics of photographs.
    y, x = np.indices((pixels, pixels), np.float32)
    image = np.zeros((pixels, pixels), np.float32)
    for _ in range(number):
        radius = min(3 / (0.01 + 0.99 * rng.random()), pixels / 3)
        (cy, cx), turn, aspect = (
            rng.uniform(0, pixels, 2),
            rng.uniform(0, np.pi),
            rng.uniform(0.2, 1),
        )
        along = (y - cy) * np.cos(turn) + (x - cx) * np.sin(turn)
        across = (x - cx) * np.cos(turn) - (y - cy) * np.sin(turn)
        image[along**2 + (across / aspect) ** 2 < radius**2] = rng.random()
    image = gaussian_filter(image + rng.uniform(0, 0.3) * _cloud(rng, pixels), rng.uniform(0.3, 2))
    return image + np.float32(rng.uniform(0, 0.03)) * rng.standard_normal(image.shape, np.float32)


def _cloud(rng: np.random.Generator, pixels: int) -> np.ndarray:
    """Make noise whose amplitude falls with a random power of the frequency."""
    frequency = np.hypot(scipy.fft.fftfreq(pixels)[:, None], scipy.fft.rfftfreq(pixels))
    frequency[0, 0] = np.inf
    spectrum = scipy.fft.rfft2(rng.normal(size=(pixels, pixels))) / frequency ** rng.uniform(0.5, 2)
    image = scipy.fft.irfft2(spectrum, (pixels, pixels))
    return (image / image.std()).astype(np.float32)
