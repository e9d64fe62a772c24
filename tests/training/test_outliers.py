# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.training.outliers import (
    FINE,
    KINDS,
    Picture,
    dark_field,
    dead_leaves,
    draw_columns,
    draw_outlier,
    phase_contrast,
    random_lattice,
    take_picture,
)


def card_at(sampling):
    return ModelCard(
        name="example",
        version="1",
        architecture="unet",
        arguments={},
        classes=("column",),
        sampling=sampling,
        radius=0.5,
        minimum_distance=0.9,
        threshold=0.5,
    )


CARD = card_at(0.2)


@pytest.mark.parametrize("kind", sorted(set(KINDS)))
def test_each_kind_is_an_image_with_its_sites(kind, tiny, tiny_data):
    item = next(item for item in tiny_data if len(item.sites))
    rng = np.random.default_rng(0)
    picture = draw_outlier(rng, kind, item, tiny.imaging, 0.2, CARD)
    assert picture.kind == kind
    assert picture.image.ndim == 2 and np.isfinite(picture.image).all() and np.ptp(picture.image)
    assert (picture.positions > -0.5).all()
    assert (picture.positions < np.array(picture.image.shape) - 0.5).all()
    assert bool(len(picture.positions)) == (kind not in ("leaves", "empty"))
    ratio = picture.sampling / picture.pixel
    assert max(ratio, 1 / ratio) >= 1.3 if kind == "stretched" else ratio == 1


def test_unknown_kind_is_refused(tiny, tiny_data):
    with pytest.raises(ValueError, match="'music', expected one of"):
        draw_outlier(np.random.default_rng(0), "music", tiny_data[0], tiny.imaging, 0.2, CARD)


def test_a_picture_of_a_wave_is_where_its_sites_are(tiny, tiny_data):
    item = next(item for item in tiny_data if len(item.sites))
    picture = take_picture(np.random.default_rng(0), item, tiny.imaging, 0.2)
    np.testing.assert_allclose(picture.positions * picture.pixel, item.sites[:, :2])
    assert picture.image.shape[0] * picture.pixel == pytest.approx(24.0)


def test_light_columns_count_neither_way_as_in_a_training(tiny, tiny_data):
    item = next(item for item in tiny_data if len(item.sites))
    species = np.arange(len(item.sites)) % 2
    kinds = item.record | {"kinds": ["column", "light column"]}
    item = replace(item, species=species, record=kinds)
    rng = np.random.default_rng(0)
    labels = take_picture(rng, item, tiny.imaging, 0.2, CARD).labels
    np.testing.assert_array_equal(labels, -species)
    assert draw_outlier(rng, "lattice", item, tiny.imaging, 0.2, CARD).labels is None


def test_a_crop_takes_its_sites_along():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(60, 60)).astype(np.float32)
    positions = np.argwhere(image > 1).astype(float)
    picture = Picture("", image, 0.5, 0.5, positions, 1.0).crop(rng, shortest=10)
    assert picture.image.shape[0] == picture.image.shape[1] < 60
    assert len(picture.positions) == (picture.image > 1).sum()
    assert (picture.image[tuple(picture.positions.astype(int).T)] > 1).all()


def test_a_random_lattice_repeats_itself():
    columns = random_lattice(np.random.default_rng(5), 60.0)
    tree = cKDTree(columns[:, :2])
    middle = columns[tree.query([30, 30])[1]]
    alike = columns[(columns[:, 2] == middle[2]) & (columns[:, 0] != middle[0])]
    # Two steps of the lattice away is one of its points again.
    vectors = alike[np.linalg.norm(alike[:, :2] - middle[:2], axis=1) < 6, :2] - middle[:2]
    assert len(vectors)
    distances, index = tree.query(middle[:2] + 2 * vectors)
    assert distances.max() < 1e-6
    assert (columns[index, 2] == middle[2]).all()


def test_every_second_lattice_has_two_axes_of_a_length():
    equal = []
    for seed in range(60):
        columns = random_lattice(np.random.default_rng(seed), 60.0)
        places = columns[:, :2]
        middle = cKDTree(places).query([30, 30])[1]
        alike = columns[:, 2] == columns[middle, 2]
        steps = places[alike] - places[middle]
        lengths = np.linalg.norm(steps, axis=1)
        steps = steps[np.argsort(lengths)[1:]]
        across = np.abs(steps[:, 0] * steps[0, 1] - steps[:, 1] * steps[0, 0]) > 1e-6
        first, second = steps[0], steps[across][0]
        equal.append(np.linalg.norm(second) == pytest.approx(np.linalg.norm(first), rel=1e-6))
    assert 0.3 < np.mean(equal) < 0.7


def test_a_dark_field_is_bright_at_its_columns():
    columns = np.array([[10.0, 10.0, 1.0], [10.0, 20.0, 0.8], [20.0, 13.0, 0.9]])
    picture = dark_field(np.random.default_rng(0), columns, 30.0)
    np.testing.assert_allclose(picture.positions * picture.pixel, columns[:, :2])
    smooth = gaussian_filter(picture.image, 0.4 / picture.pixel)
    bright = map_coordinates(smooth, picture.positions.T, order=1)
    assert (bright > np.percentile(smooth, 97)).all()


def test_columns_are_drawn_where_they_are():
    image = draw_columns(np.array([[3.0, 7.0, 1.5]]), 12.0, 0.3)
    assert np.unravel_index(image.argmax(), image.shape) == (3 / FINE, 7 / FINE)
    assert image.max() == pytest.approx(1.5, rel=0.02)


def test_leaves_have_the_spectrum_of_photographs():
    power = 0
    for seed in range(4):
        image = dead_leaves(np.random.default_rng(seed), 256)
        power = power + np.abs(np.fft.rfft2(image - image.mean())) ** 2
    # The power of natural images falls with about the square of the frequency.
    low, high = power[0, 4:8].mean(), power[0, 32:64].mean()
    assert 1.2 < np.log(low / high) / np.log(8) < 4


@pytest.mark.parametrize("kind", sorted(set(KINDS)))
def test_each_kind_is_there_for_scanned_images_too(kind, tiny_scanned, tiny_scanned_data):
    item = next(item for item in tiny_scanned_data if len(item.sites))
    picture = draw_outlier(np.random.default_rng(1), kind, item, tiny_scanned.imaging, 0.2, CARD)
    assert picture.kind == kind
    assert np.isfinite(picture.image).all() and np.ptp(picture.image)
    assert bool(len(picture.positions)) == (kind not in ("leaves", "empty"))


def test_no_image_is_said_to_be_so_coarse_that_it_is_refused(tiny_scanned, tiny_scanned_data):
    item = next(item for item in tiny_scanned_data if len(item.sites))
    coarsest = []
    for card in (card_at(0.1), card_at(0.2)):
        rng = np.random.default_rng(1)
        drawn = [
            draw_outlier(rng, "stretched", item, tiny_scanned.imaging, 0.2, card).sampling
            for _ in range(12)
        ]
        coarsest.append(max(drawn))
    assert coarsest[0] <= 4 * 0.1 < coarsest[1] <= 4 * 0.2


def test_phase_contrast_has_a_ground_as_dark_fields_have_not():
    columns = random_lattice(np.random.default_rng(5), 40.0)
    picture = phase_contrast(np.random.default_rng(0), columns, 40.0)
    np.testing.assert_allclose(picture.positions * picture.pixel, columns[:, :2])
    mean = picture.image.mean() / picture.pixel**2
    assert mean == pytest.approx(picture.dose, rel=0.05)
