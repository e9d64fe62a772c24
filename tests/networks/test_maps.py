# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from hyperspy_dlatoms.networks.maps import SiteMaps, peaks, read_output, with_levels
from hyperspy_dlatoms.networks.network import _with_sites


@pytest.mark.parametrize("shape", [(2, 16, 24), (1, 1, 5), (1, 3, 1)])
def test_peaks_are_the_largest_of_the_cells_around_them(shape):
    rng = np.random.default_rng(0)
    probability = rng.random((*shape, 2), np.float32) / 2
    # Plateaus and silence have peaks as well.
    probability[0, :, :3] = 0
    offset = rng.normal(size=(*shape, 2)).astype(np.float32)
    found = np.asarray(peaks(SiteMaps(probability, offset, offset), reach=2.0))
    here = probability.sum(axis=-1) * np.exp(-(offset**2).sum(axis=-1) / 8)
    largest = np.stack([maximum_filter(one, 3, mode="constant", cval=-1) for one in here])
    np.testing.assert_array_equal(found >= 0, here == largest)
    np.testing.assert_allclose(found[found >= 0], here[here == largest], rtol=1e-6)
    assert (found[here != largest] == -1).all()


@pytest.mark.parametrize("widths, n_classes", [([4], 1), ([4, 8], 2), ([4, 6, 8], 1)])
def test_features_are_means_over_the_cells_of_the_coarsest_grid(widths, n_classes):
    import keras

    from hyperspy_dlatoms.networks.architecture import build, grid_multiple

    keras.utils.set_random_seed(0)
    arguments = {"widths": widths, "dilations": [1]}
    model = build(arguments, n_classes)
    frames = np.random.default_rng(0).normal(size=(2, 48, 32, 1)).astype(np.float32)
    maps, levels = (np.asarray(one) for one in with_levels(model)(frames))
    np.testing.assert_array_equal(maps, np.asarray(model(frames)))
    probability = np.asarray(read_output(maps, n_classes).probability)
    features = _with_sites(levels, probability)

    multiple = grid_multiple(arguments)
    rows, columns, cells = 48 // multiple, 32 // multiple, multiple // 2
    assert features.shape == (2, rows, columns, sum(2 * widths[:-1]) + widths[-1] + 3)
    site = probability.sum(axis=-1).reshape(2, rows, cells, columns, cells)
    mean, spread, largest = np.moveaxis(features[..., -3:], -1, 0)
    np.testing.assert_allclose(mean, site.mean(axis=(2, 4)), atol=1e-5)
    np.testing.assert_allclose(spread, (site * (1 - site)).mean(axis=(2, 4)), atol=1e-5)
    np.testing.assert_allclose(largest, site.max(axis=(2, 4)), atol=1e-5)

    finest = keras.Model(model.input, model.get_layer("maps").input)(frames)
    finest = np.asarray(finest).reshape(2, rows, cells, columns, cells, -1).mean(axis=(2, 4))
    np.testing.assert_allclose(features[..., -3 - widths[0] : -3], finest, atol=1e-5)
