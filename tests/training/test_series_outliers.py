# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.training._series_outliers import SERIES_KINDS, class_of, draw_series_outlier
from hyperspy_dlatoms.training.outliers import NO_CLASS, take_picture

CARD = ModelCard(
    name="series",
    version="1",
    architecture="unet",
    arguments={"images": 3},
    classes=("Mo", "S", "Mo vacancy", "S vacancy"),
    sampling=0.2,
    radius=0.5,
    minimum_distance=1.1,
    threshold=0.5,
)


@pytest.fixture
def item(tiny_series_data):
    return next(item for item in tiny_series_data if len(item.sites))


@pytest.mark.parametrize("kind", sorted(set(SERIES_KINDS)))
def test_each_kind_is_a_series_with_its_sites(kind, tiny_series, item):
    rng = np.random.default_rng(3)
    picture = draw_series_outlier(rng, kind, item, tiny_series.imaging, 0.2, CARD)
    assert picture.kind == kind
    assert picture.image.ndim == 3 and len(picture.image) == 3
    assert np.isfinite(picture.image).all() and np.ptp(picture.image)
    assert (picture.positions > -0.5).all()
    assert (picture.positions < np.array(picture.image.shape[1:]) - 0.5).all()
    assert bool(len(picture.positions)) == (kind not in ("leaves", "empty"))
    if picture.labels is not None:
        assert len(picture.labels) == len(picture.positions)
    if kind == "layer":
        assert {0, 1} <= set(picture.labels)
    if kind in ("graphene", "lattice"):
        assert set(picture.labels) == {NO_CLASS}
    ratio = picture.sampling / picture.pixel
    assert max(ratio, 1 / ratio) >= 1.3 if kind == "stretched" else ratio == 1


def test_misaligned_images_are_shifted_against_the_middle_one(tiny_series, item):
    sharp = tiny_series.imaging | {"dose": np.inf, "sampling": 0.2, "drift": 0}
    sharp |= {"defocus": 30, "defocus_step": 1e-3, "defocus_jitter": 0}

    def unlike(kind):
        rng = np.random.default_rng(1)
        if kind is None:
            image = take_picture(rng, item, sharp, 0.2, CARD).image
        else:
            image = draw_series_outlier(rng, kind, item, sharp, 0.2, CARD).image
        return np.abs(image[0] - image[1]).mean() / np.abs(image[1] - image[1].mean()).mean()

    assert unlike(None) < 0.05 < 0.3 < unlike("misaligned")


def test_sites_of_other_kinds_count_neither_way(tiny_series, item):
    kinds = [f"{kind}?" if n == 0 else kind for n, kind in enumerate(item.record["kinds"])]
    item = replace(item, record=item.record | {"kinds": kinds})
    labels = take_picture(np.random.default_rng(0), item, tiny_series.imaging, 0.2, CARD).labels
    assert set(labels[item.species == 0]) == {-1}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("metal", "Mo"), ("chalcogen vacancy", "S vacancy"), ("covered", "covered"), ("C", "C")],
)
def test_roles_are_the_classes_of_a_network(kind, name):
    assert class_of(kind, CARD) == name


def test_what_a_network_is_told(tiny_series, item):
    card = replace(CARD, arguments=CARD.arguments | {"material": True})
    specimen = item.record["specimen"] | {"elements": ["W", "Se"]}
    item = replace(item, record=item.record | {"specimen": specimen})
    rng = np.random.default_rng(0)
    known = [take_picture(rng, item, tiny_series.imaging, 0.2, card).known for _ in range(40)]
    defoci, elements = zip(*known, strict=True)
    assert None in defoci and any(one is not None and len(one) == 3 for one in defoci)
    assert {None, ("W", "Se")} < set(elements)
    untold = [take_picture(rng, item, tiny_series.imaging, 0.2, CARD).known[1] for _ in range(9)]
    assert set(untold) == {None}
