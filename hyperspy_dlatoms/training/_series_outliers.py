# SPDX-License-Identifier: GPL-3.0-or-later
"""Focal series from outside a training set, which teach a domain its limits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.ndimage import shift

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.recipes.imaging import images_of
from hyperspy_dlatoms.simulation.dataset import Item
from hyperspy_dlatoms.simulation.specimens._monolayer import DICHALCOGENIDES, PHASES, RANDOM, ROLES
from hyperspy_dlatoms.simulation.specimens._two_dimensional import two_dimensional_layer
from hyperspy_dlatoms.simulation.specimens.graphene import graphene_sheet
from hyperspy_dlatoms.simulation.wave import exit_wave
from hyperspy_dlatoms.training import outliers
from hyperspy_dlatoms.training.outliers import Picture

# What is drawn in turn.
SERIES_KINDS = (
    *("layer", "lattice", "misaligned", "graphene", "stretched"),
    *("layer", "lattice", "misaligned", "bright", "empty"),
    *("layer", "graphene", "misaligned", "astigmatic", "leaves"),
)
_SHIFTS = (0.8, 4.0)  # Of misaligned images, Å: from half the spacing of neighbouring columns.
_DISPLACEMENT = (0.04, 0.09)  # Thermal, Å, as in the recipes of layers.
_OTHERS = (*DICHALCOGENIDES, RANDOM, RANDOM, "BN")  # Layers of other materials.


def draw_series_outlier(
    rng: np.random.Generator,
    kind: str,
    item: Item,
    imaging: Mapping[str, Any],
    sampling: float,
    card: ModelCard,
) -> Picture:
    """Draw a focal series of one of ``SERIES_KINDS``, which a network's training set lacks."""
    # Layers of other materials, sometimes with wrong elements given; graphene; shifted images;
    # dark-field images and leaves that differ only in noise; and those of `draw_outlier`.
    size, ranges = len(item.wave) * sampling, dict(imaging)
    if rng.random() < 0.5:
        ranges |= {name: outliers.VISIBLE[name] for name in ("dose", "Cs", "coma", "astigmatism")}
    if kind in ("layer", "graphene"):
        item = _other_layer(rng, kind, size, item.record["energy"], sampling, card)
        picture = outliers.take_picture(rng, item, ranges, sampling, card)
        return picture._replace(kind=kind).crop(rng)
    if kind == "misaligned":
        picture = outliers.take_picture(rng, item, ranges, sampling, card)
        return _misaligned(rng, picture)._replace(kind=kind).crop(rng)
    if kind in ("bright", "leaves"):
        return _repeated(rng, kind, size, images_of(imaging))
    return outliers.draw_outlier(rng, kind, item, ranges, sampling, card)


def _other_layer(
    rng: np.random.Generator,
    kind: str,
    size: float,
    energy: float,
    sampling: float,
    card: ModelCard,
) -> Item:
    """Simulate a layer whose kinds of sites are named after the network's classes."""
    if kind == "graphene":
        sheet = str(rng.choice(["perfect", "polycrystal"]))
        specimen = graphene_sheet(rng, sheet, size=size, vacancy_fraction=(0, 0.03))
    else:
        specimen = two_dimensional_layer(
            rng,
            str(rng.choice(_OTHERS)),
            size=size,
            phase=str(rng.choice(PHASES, p=[0.7, 0.15, 0.15])),
            roles=True,
            metal_vacancies=(0, 0.03),
            single_vacancies=(0, 0.05),
            double_vacancies=(0, 0.03),
        )
    wave, sites, species = exit_wave(
        rng, specimen, energy, sampling=sampling, displacement=float(rng.uniform(*_DISPLACEMENT))
    )
    kinds = [class_of(name, card) for name in specimen.kinds]
    record = {"energy": energy, "specimen": specimen.description, "kinds": kinds}
    return Item(wave, sites.astype(np.float32), species, np.empty(0), record)


def class_of(kind: str, card: ModelCard) -> str:
    """Return a network's class for a kind of site named by role."""
    role, space, more = kind.partition(" ")
    if role not in ROLES or len(card.classes) < len(ROLES):
        return kind
    return card.classes[ROLES.index(role)] + space + more


def _misaligned(rng: np.random.Generator, picture: Picture) -> Picture:
    """Shift all images but the middle one, and crop the edges."""
    images = picture.image.copy()
    for number in range(len(images)):
        if number != len(images) // 2:
            angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(*_SHIFTS) / picture.pixel
            offset = far * np.array([np.sin(angle), np.cos(angle)])
            images[number] = shift(images[number], offset, order=1, mode="nearest")
    edge = int(np.ceil(_SHIFTS[1] / picture.pixel))
    inner = images[:, edge:-edge, edge:-edge]
    return picture._replace(image=inner, positions=picture.positions - edge)


def _repeated(rng: np.random.Generator, kind: str, size: float, images: int) -> Picture:
    """Return images that form no focal series: they differ only in noise."""
    if kind == "bright":
        picture = outliers.dark_field(rng, outliers.random_lattice(rng, size), size)
    else:
        picture = outliers.leaves(rng)
    noise = rng.normal(0, picture.image.std(), (images, *picture.image.shape))
    stack = picture.image + (rng.uniform(0, 0.3) * noise).astype(np.float32)
    labels = np.full(len(picture.positions), outliers.NO_CLASS)
    return picture._replace(kind=kind, image=stack + 3 * stack.std(), labels=labels).crop(rng)
