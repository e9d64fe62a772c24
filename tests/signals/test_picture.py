# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread
from scipy.ndimage import label

from hyperspy_dlatoms.signals._picture import draw_image, save_picture


def reddish(path):
    red, green, blue = np.moveaxis(imread(path)[..., :3], -1, 0)
    return (red > 0.6) & (green < 0.4) & (blue < 0.6)


def test_a_ring_around_each_atom_on_the_right_panel(tmp_path):
    image = np.random.default_rng(0).poisson(5, (64, 64))
    save_picture(tmp_path / "none.png", image, np.empty((0, 5)), 0.2)
    assert not reddish(tmp_path / "none.png").any()
    # All in the upper right quarter of the image.
    sites = np.array([[10.0, 40.0], [10.0, 50.0], [20.0, 45.0]])
    save_picture(tmp_path / "some.png", image, sites, 0.2, "3 atoms")
    rows, columns = np.nonzero(reddish(tmp_path / "some.png"))
    height, width, _ = imread(tmp_path / "some.png").shape
    assert len(rows) > 30
    assert rows.max() < 0.6 * height
    assert columns.min() > 0.75 * width


def test_rings_of_many_atoms_do_not_merge(tmp_path):
    path = tmp_path / "many.png"
    sites = np.mgrid[2:562:4, 2:562:4].reshape(2, -1).T.astype(float)
    save_picture(path, np.zeros((562, 562)), sites, 0.5)
    red, green, _ = np.moveaxis(imread(path)[..., :3], -1, 0)
    ring = red - green > 0.15
    # Each by itself, with the image inside, but for those under the scale bar.
    rings, holes = label(ring, np.ones((3, 3)))[1], label(~ring)[1]
    assert min(rings, holes) > 0.99 * len(sites)
    save_picture(path, np.zeros((562, 562)), sites[:0], 0.5)
    assert imread(path).shape[1] < 1300 < ring.shape[1] < 5100


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((16, 16)),
        np.full((16, 400), np.nan),
        np.zeros((400, 16), dtype=bool),
        np.ones((8, 8), dtype=">u2"),
    ],
)
def test_images_without_contrast(image, tmp_path):
    save_picture(tmp_path / "image.png", image, np.array([[1.0, 2.0]]), 0.1)
    assert imread(tmp_path / "image.png").ndim == 3


def test_rings_by_species(tmp_path):
    image = np.random.default_rng(0).poisson(5, (64, 64))
    sites = np.array([[10.0, 40, 0.9, 0.1, 0.1, 0], [40.0, 20, 0.9, 0.1, 0.1, 1]])
    save_picture(tmp_path / "plain.png", image, sites, 0.2)
    kinds = sites[:, 5].astype(int)
    save_picture(tmp_path / "species.png", image, sites, 0.2, species=kinds, names=("Mo", "S"))
    blue = {}
    for name in ("plain", "species"):
        red, _, blues = np.moveaxis(imread(tmp_path / f"{name}.png")[..., :3], -1, 0)
        blue[name] = (blues - red > 0.4).sum()
    assert blue["plain"] == 0 < blue["species"]


@pytest.mark.usefixtures("close_figures")
@pytest.mark.parametrize("shape", [(60, 512), (512, 60), (64, 64)])
def test_the_scale_bar_is_inside_of_strips(shape):
    # Its half width of 2.5 points with the outline, and the text above it.
    figure, axes = plt.subplots(figsize=(5.2, 5.2), layout="constrained")
    draw_image(axes, np.zeros(shape), shape, 0.1)
    figure.draw_without_rendering()
    ((_, bar), *_), (text,) = axes.lines[0].get_window_extent().get_points(), axes.texts
    assert bar - 2.5 / 72 * figure.dpi > axes.bbox.y0
    assert text.get_window_extent().y1 < axes.bbox.y1


@pytest.mark.parametrize("shape", [(64, 64), (600, 64), (64, 600)])
def test_nothing_of_a_picture_with_a_legend_is_cut_off(shape, tmp_path):
    path, sites = tmp_path / "image.png", np.array([[10.0, 40.0], [40.0, 20.0]])
    image = np.random.default_rng(0).poisson(5, shape)
    species = {"species": np.array([0, 1]), "names": ("Mo", "S")}
    save_picture(path, image, sites, 0.2, "2 sites", **species)
    picture = imread(path)[..., :3]
    assert (picture[[0, 1, -2, -1]] == 1).all() and (picture[:, [0, 1, -2, -1]] == 1).all()
    assert picture.shape[0] < 1000
